//! Answers of a zone, as clients see them, and the promises of every plugin.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use catena_testing::{Block, check_chain, expect, plugin_contract};

use crate::PLUGIN;

const HEAD: &str = "$ORIGIN example.org.\n$TTL 60\n\
    @ SOA ns1 hm 7 72 18 90 300\n@ NS ns1\nns1 A 192.0.2.1\n";

fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("db");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Puts `questions` to a block that serves `zone`, with `properties`.
fn check(zone: &str, properties: &str, questions: &str, expected: catena_testing::Expect) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &format!("{HEAD}{zone}"));
    let corefile = format!(
        ". {{\nfile {path} example.org {{\n{properties}\n}}\nscript {{\n\
         * * answer \"{{qname}} 5 IN TXT script\"\n}}\n}}\n"
    );
    check_chain(&[&PLUGIN], &corefile, questions, expected);
}

/// What is wrong with a zone file, without the path of its folder.
fn refusal(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), text);
    let corefile = format!("example.org {{\nfile {path}\n}}\n");
    let Err(findings) = Block::build(&[&PLUGIN], &corefile) else {
        return "no mistake".to_owned();
    };
    let shown = findings.to_string();
    let first = shown.lines().next().unwrap_or_default();
    first.replace(&path, "db")
}

#[test]
fn it_keeps_the_promises_of_every_plugin() {
    plugin_contract(&PLUGIN);
}

#[test]
fn answers_carry_name_servers_and_negatives_the_soa() {
    check(
        "www A 192.0.2.9\nwww A 192.0.2.8\nmail MX 5 Mx\nmx A 192.0.2.7\na.b A 192.0.2.6\n",
        "",
        "
        WWW.example.org. A
        www.example.org. AAAA
        mail.example.org. MX
        b.example.org. A
        nope.example.org. A
        example.org. SOA
        example.org. NS
        example.org. AXFR
        ",
        expect![[r#"
            > WWW.example.org. A
            NOERROR aa rd
              answer www.example.org. 60 IN A 192.0.2.9
              answer www.example.org. 60 IN A 192.0.2.8
              authority example.org. 60 IN NS ns1.example.org.
            > www.example.org. AAAA
            NOERROR aa rd
              authority example.org. 60 IN SOA ns1.example.org. hm.example.org. 7 72 18 90 300
            > mail.example.org. MX
            NOERROR aa rd
              answer mail.example.org. 60 IN MX 5 mx.example.org.
              authority example.org. 60 IN NS ns1.example.org.
              additional mx.example.org. 60 IN A 192.0.2.7
            > b.example.org. A
            NOERROR aa rd
              authority example.org. 60 IN SOA ns1.example.org. hm.example.org. 7 72 18 90 300
            > nope.example.org. A
            NXDOMAIN aa rd
              authority example.org. 60 IN SOA ns1.example.org. hm.example.org. 7 72 18 90 300
            > example.org. SOA
            NOERROR aa rd
              answer example.org. 60 IN SOA ns1.example.org. hm.example.org. 7 72 18 90 300
              authority example.org. 60 IN NS ns1.example.org.
            > example.org. NS
            NOERROR aa rd
              answer example.org. 60 IN NS ns1.example.org.
              additional ns1.example.org. 60 IN A 192.0.2.1
            > example.org. AXFR
            REFUSED not written
        "#]],
    );
}

#[test]
fn wildcards_cuts_and_aliases_are_followed() {
    check(
        "*.w A 192.0.2.2\ncut NS ns.cut\nns.cut A 192.0.2.3\nc CNAME d\n\
         d CNAME www\nwww A 192.0.2.4\n\
         out CNAME other.net.\nlost CNAME nope\nto CNAME x.cut\none CNAME two\ntwo CNAME one\n\
         old DNAME new\nh.new A 192.0.2.5\nself DNAME x.self\n",
        "",
        "
        x.y.w.example.org. A
        h.cut.example.org. A
        c.example.org. A
        out.example.org. TXT
        lost.example.org. A
        to.example.org. A
        one.example.org. A
        h.old.example.org. A
        ",
        expect![[r#"
            > x.y.w.example.org. A
            NOERROR aa rd
              answer x.y.w.example.org. 60 IN A 192.0.2.2
              authority example.org. 60 IN NS ns1.example.org.
            > h.cut.example.org. A
            NOERROR rd
              authority cut.example.org. 60 IN NS ns.cut.example.org.
              additional ns.cut.example.org. 60 IN A 192.0.2.3
            > c.example.org. A
            NOERROR aa rd
              answer c.example.org. 60 IN CNAME d.example.org.
              answer d.example.org. 60 IN CNAME www.example.org.
              answer www.example.org. 60 IN A 192.0.2.4
              authority example.org. 60 IN NS ns1.example.org.
            > out.example.org. TXT
              script saw other.net. TXT
            NOERROR aa rd
              answer out.example.org. 60 IN CNAME other.net.
              answer other.net. 5 IN TXT "script"
              authority example.org. 60 IN NS ns1.example.org.
            > lost.example.org. A
            NXDOMAIN aa rd
              answer lost.example.org. 60 IN CNAME nope.example.org.
              authority example.org. 60 IN SOA ns1.example.org. hm.example.org. 7 72 18 90 300
            > to.example.org. A
            NOERROR aa rd
              answer to.example.org. 60 IN CNAME x.cut.example.org.
              authority cut.example.org. 60 IN NS ns.cut.example.org.
              additional ns.cut.example.org. 60 IN A 192.0.2.3
            > one.example.org. A
            NOERROR aa rd
              answer one.example.org. 60 IN CNAME two.example.org.
              answer two.example.org. 60 IN CNAME one.example.org.
              authority example.org. 60 IN NS ns1.example.org.
            > h.old.example.org. A
            NOERROR aa rd
              answer old.example.org. 60 IN DNAME new.example.org.
              answer h.old.example.org. 60 IN CNAME h.new.example.org.
              answer h.new.example.org. 60 IN A 192.0.2.5
              authority example.org. 60 IN NS ns1.example.org.
        "#]],
    );
}

#[test]
fn names_that_do_not_exist_fall_through() {
    check(
        "a A 192.0.2.2\n",
        "fallthrough",
        "
        nope.example.org. A
        a.example.org. TXT
        other.net. A
        ",
        expect![[r#"
            > nope.example.org. A
              script saw nope.example.org. A
            NOERROR rd
              answer nope.example.org. 5 IN TXT "script"
            > a.example.org. TXT
            NOERROR aa rd
              authority example.org. 60 IN SOA ns1.example.org. hm.example.org. 7 72 18 90 300
            > other.net. A
              script saw other.net. A
            NOERROR rd
              answer other.net. 5 IN TXT "script"
        "#]],
    );
}

#[test]
fn a_broken_zone_is_refused_with_its_place() {
    let no_soa = refusal("@ 1 NS ns1\n");
    assert!(
        no_soa.contains("has no SOA record for origin example.org."),
        "{no_soa}"
    );
    let broken = refusal(&format!("{HEAD}x A not-an-address\n"));
    assert!(
        broken.contains("db:6:5: bad A record, not an IPv4 address: \"not-an-address\""),
        "{broken}"
    );
    let nsec3 = refusal(&format!("{HEAD}x NSEC3PARAM 1 0 0 -\n"));
    assert!(nsec3.contains("NSEC3 zone is not supported"), "{nsec3}");
}

#[test]
fn a_missing_zone_is_waited_for_unless_it_is_never_looked_for() {
    let corefile = "example.org {\nfile /nowhere/db\n}\n";
    assert!(Block::build(&[&PLUGIN], corefile).is_ok());
    let corefile = "example.org {\nfile /nowhere/db {\nreload 0\n}\n}\n";
    let findings = Block::build(&[&PLUGIN], corefile)
        .err()
        .unwrap()
        .to_string();
    assert!(findings.contains("open /nowhere/db: "), "{findings}");
}

/// Asks once a zone has been looked at again `rounds` times.
async fn ask_later(block: &Block, question: &str, wanted: &str) -> String {
    for _ in 0..200 {
        let said = block.ask(question).await;
        if said.contains(wanted) {
            return said;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    block.ask(question).await
}

#[tokio::test]
async fn a_zone_is_replaced_when_its_serial_changes_and_kept_when_it_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &format!("{HEAD}a A 192.0.2.2\n"));
    let corefile = format!("example.org {{\nfile {path} {{\nreload 5ms\n}}\n}}\n");
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    block.start().await.unwrap();

    write(
        folder.path(),
        &format!("{HEAD}a A 192.0.2.2\na A 192.0.2.333\n").replace(" 7 ", " 8 "),
    );
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    assert!(block.ask("a.example.org. A").await.contains("192.0.2.2"));

    write(
        folder.path(),
        &format!("{HEAD}a A 192.0.2.22\n").replace(" 7 ", " 6 "),
    );
    let said = ask_later(&block, "a.example.org. A", "192.0.2.22").await;
    assert!(said.contains("192.0.2.22"), "{said}");

    write(
        folder.path(),
        &format!("{HEAD}a A 192.0.2.44\na A 192.0.2.45\n").replace(" 7 ", " 6 "),
    );
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    assert!(block.ask("a.example.org. A").await.contains("192.0.2.22"));

    write(folder.path(), &format!("{HEAD}a A 192.0.2.5\n"));
    let said = ask_later(&block, "a.example.org. A", "192.0.2.5").await;
    assert!(said.contains("192.0.2.5"), "{said}");
    block.stop();
}
