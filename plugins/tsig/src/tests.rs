//! What must be signed, and what becomes of what is.

#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::{PLUGIN, keyfile};

const ONE: &str = "c2VjcmV0LXRlc3Qta2V5LW9uZQ==";

fn mistakes(properties: &str) -> String {
    let corefile = format!("example.org {{\n tsig {{\n{properties}\n}}\n}}");
    let findings = Block::build(&[&PLUGIN], &corefile).err().unwrap();
    findings.to_string()
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn what_must_be_signed_is_refused_without_a_signature() {
    check_chain(
        &[&PLUGIN],
        &format!(
            "example.org {{
                tsig example.org {{
                    secret key.one. {ONE}
                    require A
                }}
                script {{
                    * A answer \"{{qname}} 60 IN A 192.0.2.1\"
                    * * rcode NXDOMAIN
                }}
            }}"
        ),
        &format!(
            "www.example.org A
             www.example.org A key=key.one.:{ONE}
             www.example.org AAAA
             www.example.net A"
        ),
        expect![[r#"
            > www.example.org A
            REFUSED rd
            > www.example.org A key=key.one.:c2VjcmV0LXRlc3Qta2V5LW9uZQ==
              script saw www.example.org. A
            NOERROR rd
              answer www.example.org. 60 IN A 192.0.2.1
            > www.example.org AAAA
              script saw www.example.org. AAAA
            NXDOMAIN rd
            > www.example.net A
              script saw www.example.net. A
            NOERROR rd
              answer www.example.net. 60 IN A 192.0.2.1
        "#]],
    );
}

#[tokio::test]
async fn a_bad_signature_is_refused_even_where_none_is_needed() {
    let block = Block::build(
        &[&PLUGIN],
        &format!("example.org {{\n tsig {{\n secret key.one. {ONE}\n}}\n script\n}}"),
    )
    .unwrap();
    for key in ["key.one.:d3Jvbmc=", "key.two.:c2VjcmV0LXRlc3Qta2V5LW9uZQ=="] {
        let answer = block.ask(&format!("www.example.org A key={key}")).await;
        assert_eq!(answer, "NOTAUTH rd\n");
    }
}

#[test]
fn mistakes_are_pointed_at_and_secrets_are_not_shown() {
    let twice = mistakes("secret a. YWJj\nsecret A. ZGVm");
    assert!(twice.contains("key \"A.\" redefined"), "{twice}");
    let broken = mistakes("secret a. \"not*base64\"");
    assert!(broken.contains("secret is not base 64"), "{broken}");
    let lower = mistakes("require axfr");
    assert!(lower.contains("unknown query type 'axfr'"), "{lower}");
    let opcode = mistakes("require_opcode NOTHING");
    assert!(opcode.contains("unknown opcode 'NOTHING'"), "{opcode}");
}

#[test]
fn files_of_keys_are_read_as_bind_and_as_coredns_read_them() {
    let two = [
        ("one.".to_owned(), "YWJj".to_owned()),
        ("two".to_owned(), "ZGVm".to_owned()),
    ];
    for text in [
        "key \"one.\" {\n algorithm hmac-sha256;\n secret \"YWJj\";\n};\n\
         key two {\n secret ZGVm\n}",
        "# keys\nkey \"one.\" { secret \"YWJj\"; }; // one\n/* next */ key two {secret ZGVm;};",
    ] {
        assert_eq!(keyfile::read(text).unwrap(), two);
    }
    assert_eq!(keyfile::read(" \n").unwrap(), []);
    for (text, message) in [
        ("keyring \"a\" { };", "unexpected token \"keyring\""),
        ("key \"a\" { };", "expected secret for key \"a\""),
        ("key { secret \"a\"; };", "expected key name"),
        ("key \"a\" { secret ; };", "expected secret key"),
        ("key \"a\" { secret \"b\";", "unexpected token \"the end\""),
        ("key \"a", "a quote is not closed"),
        ("/* key", "a comment is not closed"),
    ] {
        assert_eq!(keyfile::read(text).unwrap_err().to_string(), message);
    }
}
