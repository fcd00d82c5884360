//! Tests of chaos.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use catena_testing::{Block, check_chain, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn questions_about_the_server_are_answered() {
    check_chain(
        &[&PLUGIN],
        ". {\n chaos \"Sea 1.2 (test)\" alice\n script {\n * * fail REFUSED\n }\n}",
        "
        VERSION.Bind. TXT CH
        version.server. TXT CH
        authors.bind. TXT CH
        version.bind. TXT
        version.bind. A CH
        other.bind. TXT CH
        ",
        expect![[r#"
            > VERSION.Bind. TXT CH
            NOERROR rd
              answer VERSION.Bind. 0 CH TXT "Sea 1.2 (test)"
            > version.server. TXT CH
            NOERROR rd
              answer version.server. 0 CH TXT "Sea 1.2 (test)"
            > authors.bind. TXT CH
            NOERROR rd
              answer authors.bind. 0 CH TXT "alice"
            > version.bind. TXT
              script saw version.bind. TXT
            REFUSED not written
            > version.bind. A CH
              script saw version.bind. A CH
            REFUSED not written
            > other.bind. TXT CH
              script saw other.bind. TXT CH
            REFUSED not written
        "#]],
    );
}

#[tokio::test]
async fn the_host_tells_its_name() {
    let block = Block::build(&[&PLUGIN], ". {\n chaos\n}").unwrap();
    let host = format!("0 CH TXT {:?}", catena_plugin::hostname());
    for name in ["hostname.bind.", "id.server."] {
        let transcript = block.ask(&format!("{name} TXT CH")).await;
        assert!(transcript.contains(&host), "{transcript}");
    }
    let transcript = block.ask("version.bind. TXT CH").await;
    assert!(transcript.contains("TXT \"Catena-"), "{transcript}");
}

#[tokio::test]
async fn each_author_is_told_once_and_may_be_the_first() {
    let long = "x".repeat(300);
    let corefile = format!(". {{\n chaos v b a b {long}\n}}");
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    let mut firsts = BTreeSet::new();
    for _ in 0..100 {
        let transcript = block.ask("authors.bind. TXT CH").await;
        let answers: Vec<&str> = transcript.lines().skip(1).collect();
        assert_eq!(answers.len(), 3, "{transcript}");
        firsts.insert(answers[0].to_owned());
    }
    assert_eq!(firsts.len(), 3);
}

#[test]
fn properties_are_refused() {
    check_diagnostics(&[&PLUGIN], ". {\n chaos {\n }\n}", expect![[r#""#]]);
    check_diagnostics(
        &[&PLUGIN],
        ". {\n chaos v {\n  version 3\n }\n}",
        expect![[r#"
            Corefile:3:3: plugin/chaos: Error during parsing: unknown property 'version'
              3 |   version 3
                |   ^^^^^^^ it takes no properties"#]],
    );
}
