//! Tests of metadata.

use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration};
use catena_testing::{check_chain, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

/// Fails with what metadata it finds, so that the transcript shows it.
struct Teller;

impl Plugin for Teller {
    fn serve(&self, query: &Query<'_>, _: Next<'_>) -> Flow {
        query.set_metadata("teller/set", || "set".to_owned());
        let found = ["teller/set", "teller/asked", "teller/none"].map(|label| {
            query
                .metadata(label)
                .unwrap_or_else(|| "nothing".to_owned())
        });
        Outcome::failed(catena_dns::Rcode::REFUSED, found.join(", ")).into()
    }

    fn metadata(&self, label: &str, query: &Query<'_>) -> Option<String> {
        (label == "teller/asked").then(|| query.name().to_string())
    }
}

static TELLER: Registration = Registration {
    name: "teller",
    setup: |cx| {
        cx.add_stage(Teller);
        Ok(())
    },
    properties: &[],
    metrics: &[],
    metadata: &["teller/set", "teller/asked"],
    readme: "",
};

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn plugins_are_asked_for_names_in_the_zones_only() {
    check_chain(
        &[&PLUGIN, &TELLER],
        ". {\n metadata example.org 10.0.0.0/8\n teller\n}",
        "
        www.Example.org. A
        1.0.0.10.in-addr.arpa. PTR
        example.net. A
        ",
        expect![[r#"
            > www.Example.org. A
            REFUSED not written
              error: set, www.example.org., nothing
            > 1.0.0.10.in-addr.arpa. PTR
            REFUSED not written
              error: set, 1.0.0.10.in-addr.arpa., nothing
            > example.net. A
            REFUSED not written
              error: set, nothing, nothing
        "#]],
    );
}

#[test]
fn without_the_plugin_there_is_no_metadata() {
    check_chain(
        &[&PLUGIN, &TELLER],
        ". {\n teller\n}",
        "example.org. A",
        expect![[r#"
            > example.org. A
            REFUSED not written
              error: nothing, nothing, nothing
        "#]],
    );
}

#[test]
fn it_stands_once_and_without_properties() {
    check_diagnostics(&[&PLUGIN], ". {\n metadata {\n }\n}", expect![[r#""#]]);
    check_diagnostics(
        &[&PLUGIN],
        ". {\n metadata {\n  key value\n }\n}",
        expect![[r#"
            Corefile:3:3: plugin/metadata: Error during parsing: unknown property 'key'
              3 |   key value
                |   ^^^ it takes no properties"#]],
    );
    check_diagnostics(
        &[&PLUGIN],
        ". {\n metadata\n metadata\n}",
        expect![[r#"
        Corefile:3:2: plugin/metadata: this plugin can only be used once per Server Block
          3 |  metadata
            |  ^^^^^^^^ merge the two into one"#]],
    );
}
