//! Tests of header.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::PLUGIN;

const SCRIPT: &str = "script {
    late. A after 1s aa
    bad. A fail SERVFAIL
    * * aa
}";

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn flags_of_replies_are_set_and_cleared_and_the_last_rule_wins() {
    let rules = "RESPONSE SET RA aa\n response clear Aa rd\n response set rd";
    check_chain(
        &[&PLUGIN],
        &format!(". {{\n header {{\n {rules}\n }}\n {SCRIPT}\n}}"),
        "
        a. A
        late. A no-rd
        bad. A
        ",
        expect![[r#"
            > a. A
              script saw a. A
            NOERROR rd ra
            > late. A no-rd
              script saw late. A no-rd
            NOERROR rd ra
            > bad. A
              script saw bad. A
            SERVFAIL not written
        "#]],
    );
}

#[test]
fn flags_of_queries_are_set_and_cleared() {
    let rules = "query clear rd\n query set aa";
    check_chain(
        &[&PLUGIN],
        &format!(". {{\n header {{\n {rules}\n }}\n {SCRIPT}\n}}"),
        "
        a. A
        a. A no-rd do
        ",
        expect![[r#"
            > a. A
              script saw a. A no-rd
            NOERROR aa
            > a. A no-rd do
              script saw a. A no-rd edns=1232 do
            NOERROR aa
              opt edns=1232 do
        "#]],
    );
}

#[test]
fn mistakes_are_told_in_words_of_coredns() {
    for (rules, message) in [
        ("", "unexpected line ending after '}'"),
        ("response", "no flag action provided"),
        ("response set", "invalid length for flags"),
        (
            "response flip aa",
            "unknown flag action=flip, should be set or clear",
        ),
        ("response set qr", "unknown/unsupported flag=qr"),
        ("set aa", "invalid selector=set should be query or response"),
    ] {
        let corefile = format!(". {{\n header {{\n{rules}\n }}\n}}");
        let findings = Block::build(&[&PLUGIN], &corefile).err().unwrap();
        assert!(findings.to_string().contains(message), "{findings}");
    }
    let findings = Block::build(&[&PLUGIN], ". {\n header\n}").err().unwrap();
    assert!(findings.to_string().contains("line ending after 'header'"));
}
