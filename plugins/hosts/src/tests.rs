//! Tests of hosts.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::time::Duration;

use catena_testing::{Block, check_chain, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

fn block(file: &std::path::Path, properties: &str) -> Block {
    let file = file.display();
    let corefile = format!(
        ". {{\n hosts {file} {{\n{properties}\n}}\n script {{\n * * rcode REFUSED\n }}\n}}"
    );
    Block::build(&[&PLUGIN], &corefile).unwrap()
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn names_of_an_address_come_in_the_order_of_the_lines() {
    check_chain(
        &[&PLUGIN],
        r#". {
            hosts /nonexistent/hosts {
                192.0.2.1 first.lan
                192.0.2.2 second.lan third.lan
                192.0.2.2 first.lan
            }
        }"#,
        "
        2.2.0.192.in-addr.arpa. PTR
        first.lan. A
        ",
        expect![[r#"
            > 2.2.0.192.in-addr.arpa. PTR
            NOERROR aa rd
              answer 2.2.0.192.in-addr.arpa. 3600 IN PTR second.lan.
              answer 2.2.0.192.in-addr.arpa. 3600 IN PTR third.lan.
              answer 2.2.0.192.in-addr.arpa. 3600 IN PTR first.lan.
            > first.lan. A
            NOERROR aa rd
              answer first.lan. 3600 IN A 192.0.2.1
              answer first.lan. 3600 IN A 192.0.2.2
        "#]],
    );
}

#[test]
fn names_addresses_and_wildcards_are_answered() {
    check_chain(
        &[&PLUGIN],
        r#". {
            hosts /nonexistent/hosts {
                192.0.2.1 a.Example.org b.example.org # c.example.org
                2001:db8::1%eth0 a.example.org
                ::ffff:192.0.2.2 a.example.org a..b
                192.0.2.9 *.wild.lan
                2001:db8::9 exact.wild.lan
            }
        }"#,
        "
        A.example.org. A
        a.example.org. AAAA
        a.example.org. TXT
        c.example.org. A
        1.2.0.192.in-addr.arpa. PTR
        9.2.0.192.in-addr.arpa. PTR
        x.wild.lan. A
        x.y.wild.lan. A
        wild.lan. A
        exact.wild.lan. A
        ",
        expect![[r#"
            > A.example.org. A
            NOERROR aa rd
              answer a.example.org. 3600 IN A 192.0.2.1
              answer a.example.org. 3600 IN A 192.0.2.2
            > a.example.org. AAAA
            NOERROR aa rd
              answer a.example.org. 3600 IN AAAA 2001:db8::1
            > a.example.org. TXT
            NOERROR aa rd
            > c.example.org. A
            SERVFAIL not written
            > 1.2.0.192.in-addr.arpa. PTR
            NOERROR aa rd
              answer 1.2.0.192.in-addr.arpa. 3600 IN PTR a.example.org.
              answer 1.2.0.192.in-addr.arpa. 3600 IN PTR b.example.org.
            > 9.2.0.192.in-addr.arpa. PTR
            SERVFAIL not written
              error: plugin/hosts: no next plugin found
            > x.wild.lan. A
            NOERROR aa rd
              answer x.wild.lan. 3600 IN A 192.0.2.9
            > x.y.wild.lan. A
            SERVFAIL not written
            > wild.lan. A
            SERVFAIL not written
            > exact.wild.lan. A
            NOERROR aa rd
              answer exact.wild.lan. 3600 IN A 192.0.2.9
        "#]],
    );
}

#[test]
fn unknown_names_fall_through_where_allowed() {
    check_chain(
        &[&PLUGIN],
        r#"example.org example.net {
            hosts /nonexistent/hosts {
                192.0.2.1 a.example.org
                192.0.2.2 a.example.com
                ttl 30
                fallthrough example.net
                fallthrough_unsupported
            }
            script {
                * * rcode REFUSED
            }
        }"#,
        "
        a.example.org. A
        a.example.org. MX
        b.example.org. A
        b.example.net. A
        a.example.com. A
        2.2.0.192.in-addr.arpa. PTR
        1.2.0.192.in-addr.arpa. PTR
        ",
        expect![[r#"
            > a.example.org. A
            NOERROR aa rd
              answer a.example.org. 30 IN A 192.0.2.1
            > a.example.org. MX
            NOERROR aa rd
            > b.example.org. A
            SERVFAIL not written
            > b.example.net. A
              script saw b.example.net. A
            REFUSED rd
            > a.example.com. A
              script saw a.example.com. A
            REFUSED rd
            > 2.2.0.192.in-addr.arpa. PTR
              script saw 2.2.0.192.in-addr.arpa. PTR
            REFUSED rd
            > 1.2.0.192.in-addr.arpa. PTR
            NOERROR aa rd
              answer 1.2.0.192.in-addr.arpa. 30 IN PTR a.example.org.
        "#]],
    );
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_is_read_again_and_a_vanished_one_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts");
    fs::write(&file, "192.0.2.1 a.lan\n").unwrap();
    let block = block(&file, "reload 10s\nno_reverse");
    block.start().await.unwrap();
    assert!(block.ask("a.lan. A").await.contains("192.0.2.1"));
    assert!(
        block
            .ask("1.2.0.192.in-addr.arpa. PTR")
            .await
            .starts_with("  script saw")
    );

    fs::write(&file, "192.0.2.1 a.lan b.lan\n").unwrap();
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert!(block.ask("b.lan. A").await.contains("192.0.2.1"));

    fs::remove_file(&file).unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(block.ask("b.lan. A").await.contains("192.0.2.1"));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_being_written_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts");
    fs::write(&file, "192.0.2.1 a.lan b.lan\n").unwrap();
    let block = block(&file, "reload 2s");
    block.start().await.unwrap();
    for size in 0..60 {
        fs::write(&file, "#".repeat(size)).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(block.ask("b.lan. A").await.contains("192.0.2.1"));
    }
    fs::write(&file, "192.0.2.2 b.lan\n").unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(block.ask("b.lan. A").await.contains("192.0.2.2"));
}

#[tokio::test]
async fn an_address_with_more_names_than_fit_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts");
    let lines = (0..20_000).map(|number| format!("0.0.0.0 ads{number}.example.org\n"));
    fs::write(&file, lines.collect::<String>()).unwrap();
    let block = block(&file, "");
    block.start().await.unwrap();
    for question in ["0.0.0.0.in-addr.arpa. PTR", "0.0.0.0.in-addr.arpa. PTR tcp"] {
        let transcript = block.ask(question).await;
        assert!(transcript.starts_with("NOERROR aa tc"), "{transcript}");
    }
    assert!(
        block
            .ask("ads19999.example.org. A")
            .await
            .contains("0.0.0.0")
    );
}

#[test]
fn mistakes_are_named() {
    for (property, message) in [
        ("ttl", "ttl needs a time in second"),
        ("ttl 0", "ttl provided is invalid"),
        ("ttl -1", "ttl provided is invalid"),
        ("ttl 65536", "ttl provided is invalid"),
        ("ttl 5m", "ttl needs a number of second"),
        ("reload", "reload needs a duration"),
        ("reload 5", "invalid duration for reload '5'"),
        ("reload -5s", "invalid negative duration for reload '-5s'"),
        (
            "fallthrough_unsupported",
            "fallthrough_unsupported requires fallthrough",
        ),
        (
            "fallthrough\n192.0.2.1 late",
            "unknown property '192.0.2.1'",
        ),
    ] {
        let corefile = format!(". {{\n hosts {{\n{property}\n}}\n}}");
        let findings = Block::build(&[&PLUGIN], &corefile).err().unwrap();
        assert!(findings.to_string().contains(message), "{findings}");
    }
    check_diagnostics(
        &[&PLUGIN],
        ". {\n hosts {\n  192.0.2.1\n  falthrough\n }\n}",
        expect![[r#"
            Corefile:3:3: warning: hosts: neither a property nor an address with names
              3 |   192.0.2.1
                |   ^^^^^^^^^
            Corefile:4:3: warning: hosts: neither a property nor an address with names
              4 |   falthrough
                |   ^^^^^^^^^^"#]],
    );
}
