//! Tests of any.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn queries_for_any_get_one_record_and_others_go_on() {
    check_chain(
        &[&PLUGIN],
        ". {\n any\n script {\n * * fail REFUSED\n }\n}",
        "
        A.Test. ANY
        . ANY do
        a.test. A
        ",
        expect![[r#"
            > A.Test. ANY
            NOERROR rd
              answer A.Test. 8482 IN HINFO "ANY obsoleted" "See RFC 8482"
            > . ANY do
            NOERROR rd
              answer . 8482 IN HINFO "ANY obsoleted" "See RFC 8482"
              opt edns=1232 do
            > a.test. A
              script saw a.test. A
            REFUSED not written
        "#]],
    );
}

#[test]
fn arguments_and_blocks_are_refused() {
    for directive in ["any all", "any {\n hinfo\n}"] {
        let built = Block::build(&[&PLUGIN], &format!(". {{\n{directive}\n}}"));
        assert!(built.err().unwrap().to_string().contains("plugin/any: "));
    }
}
