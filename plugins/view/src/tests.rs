//! Tests of view.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_plugin::Registration;
use catena_testing::{Block, Question, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

/// Stands for the plugin of this name, which only has to be there.
static METADATA: Registration = Registration {
    name: "metadata",
    setup: |cx| {
        cx.add_part(Nothing);
        Ok(())
    },
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: "",
};

struct Nothing;

impl catena_plugin::Plugin for Nothing {}

/// Whether a block with `directives` is for `question`.
async fn admits(directives: &str, question: &str) -> bool {
    let corefile = format!(". {{\n{directives}\n}}");
    let block = Block::build(&[&METADATA, &PLUGIN], &corefile).unwrap();
    block.start().await.unwrap();
    let filter = block.config().filter.clone().unwrap();
    block.view(&Question::parse(question), |query| {
        let admits = filter.admits(query);
        assert_eq!(query.metadata("view/name"), None);
        admits
    })
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[tokio::test]
async fn all_conditions_must_hold() {
    let view = "view near {
        expr incidr(client_ip(), '192.0.2.0/24')
        expr type() in ['A', 'AAAA']
    }";
    assert!(admits(view, "a. A from=192.0.2.1").await);
    assert!(admits(view, "a. AAAA from=[::ffff:192.0.2.1]:1").await);
    assert!(!admits(view, "a. TXT from=192.0.2.1").await);
    assert!(!admits(view, "a. A from=192.0.3.1").await);
    assert!(!admits(view, "a. A from=[2001:db8::1]:1").await);
    assert!(admits("view all", "a. A").await);
}

#[tokio::test]
async fn what_is_not_true_does_not_hold() {
    assert!(!admits("view odd {\n expr 1 + 1\n}", "a. A").await);
    assert!(!admits("view odd {\n expr int(name()) > 1\n}", "a. A").await);
    assert!(!admits("view odd {\n expr incidr(name(), '::/0')\n}", "a. A").await);
}

#[tokio::test]
async fn metadata_can_be_asked_for_where_it_is_on() {
    let view = "view me {\n expr metadata('view/name') == 'me'\n}";
    assert!(admits(&format!("metadata\n{view}"), "a. A").await);
    assert!(!admits(view, "a. A").await);
}

#[test]
fn mistakes_are_told() {
    for (directive, message) in [
        (
            "view",
            "Wrong argument count or unexpected line ending after 'view'",
        ),
        (
            "view a b",
            "Wrong argument count or unexpected line ending after 'b'",
        ),
        ("view a {\n expr 1 +\n}", "unexpected token EOF (1:4)"),
        ("view a {\n expr nosuch()\n}", "unknown name nosuch (1:1)"),
        (
            "view a {\n expr group(1) == ''\n}",
            "unknown name group (1:1)",
        ),
        ("view a\nview b", "can only be used once per Server Block"),
    ] {
        let findings = Block::build(&[&PLUGIN], &format!(". {{\n{directive}\n}}"));
        let findings = findings.err().unwrap().to_string();
        assert!(findings.contains(message), "{findings}");
    }
    check_diagnostics(
        &[&PLUGIN],
        ". {\n view a {\n  exp true\n }\n}",
        expect![[r#"
            Corefile:3:3: plugin/view: Error during parsing: unknown property 'exp'
              3 |   exp true
                |   ^^^ did you mean 'expr'?"#]],
    );
}
