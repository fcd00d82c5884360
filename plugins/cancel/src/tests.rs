//! Tests of cancel.

use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration};
use catena_testing::{check_chain, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

/// Fails with the time it has left, now and after a wait.
struct Teller;

fn left(deadline: Option<catena_plugin::clock::Instant>) -> String {
    format!(
        "{:?}",
        deadline.map(|at| at.duration_since(catena_plugin::clock::now()))
    )
}

impl Plugin for Teller {
    fn serve(&self, query: &Query<'_>, _: Next<'_>) -> Flow {
        let (now, query) = (left(query.deadline()), query.keep());
        Flow::wait(async move {
            let kept = left(query.deadline());
            let error = format!("left: {now}, when kept: {kept}");
            Outcome::failed(catena_dns::Rcode::REFUSED, error)
        })
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
    metadata: &[],
    readme: "",
};

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn a_query_has_a_deadline() {
    let plugins: &[&Registration] = &[&PLUGIN, &TELLER];
    check_chain(
        plugins,
        ". {\n cancel\n teller\n}",
        "a. A",
        expect![[r#"
            > a. A
            REFUSED not written
              error: left: Some(5.001s), when kept: Some(5.001s)
        "#]],
    );
    check_chain(
        plugins,
        ". {\n cancel 2s\n teller\n}",
        "a. A",
        expect![[r#"
            > a. A
            REFUSED not written
              error: left: Some(2s), when kept: Some(2s)
        "#]],
    );
    check_chain(
        plugins,
        ". {\n teller\n}",
        "a. A",
        expect![[r#"
        > a. A
        REFUSED not written
          error: left: None, when kept: None
    "#]],
    );
}

#[test]
fn a_duration_above_zero_is_taken() {
    for (duration, message) in [
        ("0s", "invalid negative duration: \"0s\""),
        ("-1s", "invalid negative duration: \"-1s\""),
        ("forever", "invalid duration: \"forever\""),
        ("1s 2s", "Wrong argument count"),
    ] {
        let corefile = format!(". {{\n cancel {duration}\n}}");
        let findings = catena_testing::Block::build(&[&PLUGIN], &corefile).err();
        assert!(
            findings.is_some_and(|f| f.to_string().contains(message)),
            "{duration}"
        );
    }
    check_diagnostics(
        &[&PLUGIN],
        ". {\n cancel 5\n}",
        expect![[r#"
        Corefile:2:9: plugin/cancel: invalid duration: "5"
          2 |  cancel 5
            |         ^ a time such as 500ms or 5s is expected"#]],
    );
}
