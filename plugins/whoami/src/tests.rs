//! Tests of whoami.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn a_client_learns_its_address_port_and_transport() {
    check_chain(
        &[&PLUGIN],
        ". {\n whoami\n}",
        "
        www.Example.org. A from=192.0.2.7:4000
        example.org. TXT CH tcp from=[2001:db8::1]:1
        . NS from=192.0.2.7:4000 do
        ",
        expect![[r#"
            > www.Example.org. A from=192.0.2.7:4000
            NOERROR aa rd
              additional www.Example.org. 0 IN A 192.0.2.7
              additional _udp.www.Example.org. 0 IN SRV 0 0 4000 .
            > example.org. TXT CH tcp from=[2001:db8::1]:1
            NOERROR aa rd
              additional example.org. 0 CH AAAA 2001:db8::1
              additional _tcp.example.org. 0 CH SRV 0 0 1 .
            > . NS from=192.0.2.7:4000 do
            NOERROR aa rd
              additional . 0 IN A 192.0.2.7
              additional _udp. 0 IN SRV 0 0 4000 .
              opt edns=1232 do
        "#]],
    );
}

#[tokio::test]
async fn a_name_without_room_for_a_label_goes_without_port() {
    let label = "a".repeat(62);
    let question = format!("{label}.{label}.{label}.{label}. A");
    let block = Block::build(&[&PLUGIN], ". {\n whoami\n}").unwrap();
    let transcript = block.ask(&question).await;
    assert!(transcript.contains(" A 10.240.0.1"), "{transcript}");
    assert!(!transcript.contains(" SRV "), "{transcript}");
}

#[test]
fn arguments_and_blocks_are_refused() {
    let refused = |directive: &str| {
        let built = Block::build(&[&PLUGIN], &format!(". {{\n{directive}\n}}"));
        built.err().unwrap().to_string()
    };
    assert!(refused("whoami now").contains("Wrong argument count or unexpected"));
    assert!(refused("whoami {\n }").contains("takes no block"));
}
