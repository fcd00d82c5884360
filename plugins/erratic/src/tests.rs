//! Tests of `erratic`.

use catena_testing::{check_chain, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn the_first_of_three_is_dropped_and_strange_types_fail() {
    check_chain(
        &[&PLUGIN],
        ". {\n erratic {\n drop 3\n }\n}",
        "
        a.example. A
        a.example. A
        a.example. AAAA
        a.example. A
        a.example. MX
        ",
        expect![[r#"
            > a.example. A
            silence
            > a.example. A
            NOERROR aa rd
              answer a.example. 0 IN A 192.0.2.53
            > a.example. AAAA
            NOERROR aa rd
              answer a.example. 0 IN AAAA 2001:db8::53
            > a.example. A
            silence
            > a.example. MX
            SERVFAIL not written
        "#]],
    );
}

#[test]
fn amounts_are_numbers_from_0_on() {
    check_diagnostics(
        &[&PLUGIN],
        ". {\n    erratic {\n        drop -1\n    }\n}\n",
        expect![[r#"
            Corefile:3:14: plugin/erratic: illegal amount value given "-1"
              3 |         drop -1
                |              ^^"#]],
    );
}
