//! Tests of minimal.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn positive_answers_lose_the_rest_and_others_keep_it() {
    check_chain(
        &[&PLUGIN],
        r#". {
            minimal
            script {
                mx. MX aa answer "mx. 5 IN MX 1 a.mx." authority "mx. 5 IN NS ns.mx."
                    additional "a.mx. 5 IN A 192.0.2.1"
                late. A after 1s answer "late. 5 IN A 192.0.2.1" authority "late. 5 IN NS ns."
                cut. A authority "cut. 5 IN NS ns.cut." additional "ns.cut. 5 IN A 192.0.2.1"
                no. A authority "no. 5 IN SOA ns. boss. 1 2 3 4 5"
                nx. A rcode NXDOMAIN authority "nx. 5 IN SOA ns. boss. 1 2 3 4 5"
                odd. A additional "odd. 5 IN A 192.0.2.1"
                bad. A fail SERVFAIL
                * * drop
            }
        }"#,
        "
        mx. MX do
        late. A
        cut. A
        no. A
        nx. A
        odd. A
        bad. A
        gone. A
        ",
        expect![[r#"
            > mx. MX do
              script saw mx. MX edns=1232 do
            NOERROR aa rd
              answer mx. 5 IN MX 1 a.mx.
              opt edns=1232 do
            > late. A
              script saw late. A
            NOERROR rd
              answer late. 5 IN A 192.0.2.1
            > cut. A
              script saw cut. A
            NOERROR rd
              authority cut. 5 IN NS ns.cut.
              additional ns.cut. 5 IN A 192.0.2.1
            > no. A
              script saw no. A
            NOERROR rd
              authority no. 5 IN SOA ns. boss. 1 2 3 4 5
            > nx. A
              script saw nx. A
            NXDOMAIN rd
              authority nx. 5 IN SOA ns. boss. 1 2 3 4 5
            > odd. A
              script saw odd. A
            NOERROR rd
            > bad. A
              script saw bad. A
            SERVFAIL not written
            > gone. A
              script saw gone. A
            silence
        "#]],
    );
}

#[test]
fn arguments_are_refused() {
    let built = Block::build(&[&PLUGIN], ". {\n minimal answers\n}");
    assert!(
        built
            .err()
            .unwrap()
            .to_string()
            .contains("Wrong argument count")
    );
}
