//! Tests of local.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn names_of_this_machine_are_answered_and_others_passed_on() {
    check_chain(
        &[&PLUGIN],
        ". {\n local\n script {\n * * rcode REFUSED\n }\n}",
        "
        LocalHost. A
        localhost. TXT
        a.localhost. AAAA
        localhost.example.org. A
        1.0.0.127.in-addr.arpa. PTR
        1.0.0.127.in-addr.arpa. A
        127.in-addr.arpa. NS
        2.0.0.127.in-addr.arpa. PTR
        0.IN-addr.arpa. A
        notlocalhost. A
        ",
        expect![[r#"
            > LocalHost. A
            NOERROR rd
              answer LocalHost. 604800 IN A 127.0.0.1
            > localhost. TXT
            NOERROR rd
              authority localhost. 604800 IN SOA localhost. root.localhost. 1 0 0 0 604800
            > a.localhost. AAAA
            NOERROR rd
              answer a.localhost. 604800 IN AAAA ::1
            > localhost.example.org. A
            NOERROR rd
              answer localhost.example.org. 604800 IN A 127.0.0.1
            > 1.0.0.127.in-addr.arpa. PTR
            NOERROR rd
              answer 1.0.0.127.in-addr.arpa. 604800 IN PTR localhost.
            > 1.0.0.127.in-addr.arpa. A
            NOERROR rd
              authority 127.in-addr.arpa. 604800 IN SOA localhost. root.localhost. 1 0 0 0 604800
            > 127.in-addr.arpa. NS
            NOERROR rd
              answer 127.in-addr.arpa. 604800 IN NS localhost.
            > 2.0.0.127.in-addr.arpa. PTR
            NXDOMAIN rd
              authority 127.in-addr.arpa. 604800 IN SOA localhost. root.localhost. 1 0 0 0 604800
            > 0.IN-addr.arpa. A
            NOERROR rd
              authority 0.IN-addr.arpa. 604800 IN SOA localhost. root.localhost. 1 0 0 0 604800
            > notlocalhost. A
              script saw notlocalhost. A
            REFUSED rd
        "#]],
    );
}

#[test]
fn names_with_localhost_in_front_can_be_left_alone() {
    check_chain(
        &[&PLUGIN],
        ". {\n local {\n localhost_prefix off\n }\n script {\n * * rcode REFUSED\n }\n}",
        "
        localhost.example.org. A
        a.localhost. A
        ",
        expect![[r#"
            > localhost.example.org. A
              script saw localhost.example.org. A
            REFUSED rd
            > a.localhost. A
            NOERROR rd
              answer a.localhost. 604800 IN A 127.0.0.1
        "#]],
    );
}

#[test]
fn other_words_are_refused() {
    for body in [
        "local x",
        "local {\n localhost_prefix maybe\n}",
        "local {\n globally on\n}",
    ] {
        let corefile = format!(". {{\n {body}\n}}\n");
        assert!(Block::build(&[&PLUGIN], &corefile).is_err(), "{body}");
    }
    let error = Block::build(&[&PLUGIN], ". {\n local {\n globally on\n }\n}\n")
        .err()
        .unwrap();
    assert!(error.to_string().contains("globally"));
}
