//! Tests of acl.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn the_first_rule_that_fits_decides() {
    check_chain(
        &[&PLUGIN],
        ". {
            acl example.org {
                allow net 192.0.2.0/29
                BLOCK type A AAAA NET 192.0.2.0/24 2001:db8::1
                filter type TXT * MX net 192.0.2.9
                drop net 198.51.100.0/25 198.51.100.128/25
            }
            acl {
                block type ANY
            }
            script {
                * * answer \"{qname} 60 IN A 192.0.2.1\"
            }
        }",
        "
        a.example.org. ANY from=192.0.2.7
        a.example.org. A from=192.0.2.9
        a.example.org. MX from=192.0.2.9 do
        a.example.org. MX from=192.0.2.10
        a.example.org. AAAA from=[2001:db8::1]:1
        a.example.org. AAAA from=[2001:db8::2]:1
        a.example.org. A from=[::ffff:198.51.100.200]:1
        other.test. A from=192.0.2.9
        other.test. ANY from=10.0.0.1
        ",
        expect![[r#"
            > a.example.org. ANY from=192.0.2.7
              script saw a.example.org. ANY
            NOERROR rd
              answer a.example.org. 60 IN A 192.0.2.1
            > a.example.org. A from=192.0.2.9
            REFUSED rd
              opt edns=4096 do option=15:000f
            > a.example.org. MX from=192.0.2.9 do
            NOERROR rd
              opt edns=1232 do option=15:0011
            > a.example.org. MX from=192.0.2.10
              script saw a.example.org. MX
            NOERROR rd
              answer a.example.org. 60 IN A 192.0.2.1
            > a.example.org. AAAA from=[2001:db8::1]:1
            REFUSED rd
              opt edns=4096 do option=15:000f
            > a.example.org. AAAA from=[2001:db8::2]:1
              script saw a.example.org. AAAA
            NOERROR rd
              answer a.example.org. 60 IN A 192.0.2.1
            > a.example.org. A from=[::ffff:198.51.100.200]:1
            silence
            > other.test. A from=192.0.2.9
              script saw other.test. A
            NOERROR rd
              answer other.test. 60 IN A 192.0.2.1
            > other.test. ANY from=10.0.0.1
            REFUSED rd
              opt edns=4096 do option=15:000f
        "#]],
    );
}

#[test]
fn an_empty_directive_allows_everything() {
    check_chain(
        &[&PLUGIN],
        ". {\n acl\n script {\n * * rcode NXDOMAIN\n }\n}",
        "a. A",
        expect![[r#"
            > a. A
              script saw a. A
            NXDOMAIN rd
        "#]],
    );
}

#[test]
fn mistakes_are_told_in_words_of_coredns() {
    for (rule, message) in [
        (
            "permit",
            "unexpected token \"permit\"; expect 'allow', 'block', 'filter' or 'drop'",
        ),
        ("block net", "no token specified in \"net\" section"),
        (
            "block 10.0.0.0/8",
            "unexpected token \"10.0.0.0/8\"; expect 'type | net'",
        ),
        (
            "block type NOTYPE",
            "unexpected token \"NOTYPE\"; expect legal QTYPE",
        ),
        (
            "block net 10.0.0.0/33",
            "illegal CIDR notation \"10.0.0.0/33\"",
        ),
        (
            "block net 300.1.1.1",
            "illegal CIDR notation \"300.1.1.1/32\"",
        ),
        ("block net x::y", "illegal CIDR notation \"x::y/128\""),
    ] {
        let corefile = format!(". {{\nacl {{\n{rule}\n}}\n}}");
        let findings = Block::build(&[&PLUGIN], &corefile).err().unwrap();
        assert!(findings.to_string().contains(message), "{findings}");
    }
}
