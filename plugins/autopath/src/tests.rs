//! Tests of autopath.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn names_are_searched_in_the_order_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resolv.conf");
    fs::write(&file, "search a.test b.test\nnameserver 192.0.2.1\n").unwrap();
    let corefile = format!(
        ". {{\n autopath {}\n script {{\n www.b.test. A answer \"{{qname}} 60 IN A 192.0.2.1\"\n \
         www.test. A answer \"{{qname}} 60 IN A 192.0.2.2\"\n * * rcode NXDOMAIN\n }}\n}}",
        file.display()
    );
    check_chain(
        &[&PLUGIN],
        &corefile,
        "
        WWW.a.test. A
        www.test.a.test. A
        none.a.test. A
        a.test. A
        www.b.test. A
        ",
        expect![[r#"
            > WWW.a.test. A
              script saw WWW.a.test. A
              script saw WWW.b.test. A
            NOERROR rd
              answer WWW.a.test. 60 IN CNAME WWW.b.test.
              answer WWW.b.test. 60 IN A 192.0.2.1
            > www.test.a.test. A
              script saw www.test.a.test. A
              script saw www.test.b.test. A
              script saw www.test. A
            NOERROR rd
              answer www.test.a.test. 60 IN CNAME www.test.
              answer www.test. 60 IN A 192.0.2.2
            > none.a.test. A
              script saw none.a.test. A
              script saw none.b.test. A
              script saw none. A
            NXDOMAIN rd
            > a.test. A
            SERVFAIL not written
              error: overshot qname: a.test. for zone a.test.
            > www.b.test. A
              script saw www.b.test. A
            NOERROR rd
              answer www.b.test. 60 IN A 192.0.2.1
        "#]],
    );
}

#[test]
fn a_file_that_is_missing_is_named() {
    for (args, message) in [
        ("", "no resolv-conf specified"),
        (
            "/nonexistent/resolv.conf",
            "failed to parse \"/nonexistent/resolv.conf\": open /nonexistent/resolv.conf: no such \
             file or directory",
        ),
    ] {
        let corefile = format!(". {{\n autopath {args}\n}}");
        let findings = Block::build(&[&PLUGIN], &corefile).err().unwrap();
        assert!(findings.to_string().contains(message), "{findings}");
    }
}
