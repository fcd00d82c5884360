//! Tests of bufsize.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn a_larger_size_is_lowered_and_a_smaller_one_kept() {
    check_chain(
        &[&PLUGIN],
        r#". {
            bufsize 600
            script {
                slow. A after 1s answer "{qname} 1 IN A 192.0.2.1"
                * A answer "{qname} 1 IN A 192.0.2.1"
            }
        }"#,
        "
        a. A edns=4096 do
        a. A edns=4096 tcp
        a. A
        slow. A edns=599
        slow. A edns=601 option=10:0011223344556677
        ",
        expect![[r#"
            > a. A edns=4096 do
              script saw a. A edns=600 do
            NOERROR rd
              answer a. 1 IN A 192.0.2.1
              opt edns=600 do
            > a. A edns=4096 tcp
              script saw a. A edns=600
            NOERROR rd
              answer a. 1 IN A 192.0.2.1
              opt edns=600
            > a. A
              script saw a. A
            NOERROR rd
              answer a. 1 IN A 192.0.2.1
            > slow. A edns=599
              script saw slow. A edns=599
            NOERROR rd
              answer slow. 1 IN A 192.0.2.1
              opt edns=599
            > slow. A edns=601 option=10:0011223344556677
              script saw slow. A edns=600 option=10:0011223344556677
            NOERROR rd
              answer slow. 1 IN A 192.0.2.1
              opt edns=600 option=10:0011223344556677
        "#]],
    );
}

#[tokio::test]
async fn an_answer_is_cut_to_the_lower_size_over_udp() {
    let text = format!("answer \"{{qname}} 1 IN TXT {}\" ", "a".repeat(250));
    let corefile = format!(
        ". {{\n bufsize 600\n script {{\n * * {}\n}}\n}}",
        text.repeat(3)
    );
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    let over_udp = block.ask("a. TXT edns=4096").await;
    assert!(over_udp.contains("NOERROR tc"), "{over_udp}");
    assert_eq!(over_udp.matches(" IN TXT ").count(), 2);
    let over_tcp = block.ask("a. TXT edns=4096 tcp").await;
    assert_eq!(over_tcp.matches(" IN TXT ").count(), 3);
}

#[test]
fn one_size_from_512_to_4096_is_taken() {
    for size in ["511", "4097", "-1", "x", "1232 512"] {
        let corefile = format!(". {{\n bufsize {size}\n}}");
        assert!(Block::build(&[&PLUGIN], &corefile).is_err());
    }
    check_diagnostics(
        &[&PLUGIN],
        ". {\n bufsize 100\n}",
        expect![[r#"
        Corefile:2:10: plugin/bufsize: Wrong argument count or unexpected argument '100'
          2 |  bufsize 100
            |          ^^^ a size from 512 to 4096 is expected"#]],
    );
    check_diagnostics(
        &[&PLUGIN],
        ". {\n bufsize +1024\n bufsize\n}",
        expect![[r#""#]],
    );
}
