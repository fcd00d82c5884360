//! Tests of nsid.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn the_name_is_told_to_those_who_ask() {
    check_chain(
        &[&PLUGIN],
        r#". {
            nsid north 7
            script {
                a. A aa answer "a. 5 IN A 192.0.2.1"
                late. A after 1s rcode NXDOMAIN
                bad. A fail SERVFAIL
            }
        }"#,
        "
        a. A
        a. A edns=1400
        a. A edns=1400 option=3: option=10:0102030405060708
        late. A do option=3:00ff
        bad. A option=3:
        ",
        expect![[r#"
            > a. A
              script saw a. A
            NOERROR aa rd
              answer a. 5 IN A 192.0.2.1
            > a. A edns=1400
              script saw a. A edns=1400
            NOERROR aa rd
              answer a. 5 IN A 192.0.2.1
              opt edns=1400
            > a. A edns=1400 option=3: option=10:0102030405060708
              script saw a. A edns=1400 option=3: option=10:0102030405060708
            NOERROR aa rd
              answer a. 5 IN A 192.0.2.1
              opt edns=1400 do option=3:6e6f7274682037
            > late. A do option=3:00ff
              script saw late. A edns=1232 do option=3:00ff
            NXDOMAIN rd
              opt edns=1232 do option=3:6e6f7274682037
            > bad. A option=3:
              script saw bad. A edns=1232 option=3:
            SERVFAIL not written
        "#]],
    );
}

#[tokio::test]
async fn without_a_name_it_is_that_of_the_host() {
    let block = Block::build(&[&PLUGIN], ". {\n nsid\n script {\n * * aa\n }\n}").unwrap();
    let host: String = catena_plugin::hostname()
        .bytes()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let transcript = block.ask("a. A option=3:").await;
    assert!(
        transcript.contains(&format!("option=3:{host}\n")),
        "{transcript}"
    );
}

#[test]
fn it_stands_once() {
    let built = Block::build(&[&PLUGIN], ". {\n nsid a\n nsid b\n}");
    let findings = built.err().unwrap().to_string();
    assert!(findings.contains("can only be used once per Server Block"));
}
