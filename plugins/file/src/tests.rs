//! Answers of a zone, as clients see them, and the promises of every plugin.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use catena_plugin::clock;
use catena_testing::{Block, Question, check_chain, expect, plugin_contract};

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

/// A started block that serves `path` and looks at it again every two seconds.
async fn served(path: &str) -> Block {
    let corefile = format!("example.org {{\nfile {path} {{\nreload 2s\n}}\n}}\n");
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    block.start().await.unwrap();
    block
}

/// The address of a.example.org once a changed zone must have been read.
async fn address_later(block: &Block) -> String {
    tokio::time::sleep(Duration::from_secs(6)).await;
    let said = block.ask("a.example.org. A").await;
    let address = said
        .lines()
        .nth(1)
        .and_then(|line| line.split(' ').next_back());
    address.unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_zone_is_replaced_when_its_serial_changes_and_kept_when_it_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let zone = |serial: u8, address: &str| {
        let text = format!("{HEAD}a A {address}\n");
        write(folder.path(), &text.replace(" 7 ", &format!(" {serial} ")))
    };
    let block = served(&zone(7, "192.0.2.2")).await;
    zone(8, "192.0.2.333");
    assert_eq!(address_later(&block).await, "192.0.2.2", "it is broken");
    zone(6, "192.0.2.22");
    assert_eq!(address_later(&block).await, "192.0.2.22");
    zone(6, "192.0.2.44");
    assert_eq!(address_later(&block).await, "192.0.2.22", "the same serial");
    zone(7, "192.0.2.5");
    assert_eq!(address_later(&block).await, "192.0.2.5");
    std::fs::remove_file(folder.path().join("db")).unwrap();
    assert_eq!(address_later(&block).await, "192.0.2.5", "the file is gone");
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_being_written_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let block = served(&write(folder.path(), &format!("{HEAD}a A 192.0.2.2\n"))).await;
    // Each state of the file is a zone with the new serial that lacks a name.
    let mut text = HEAD.replace(" 7 ", " 8 ");
    for number in 0..100 {
        let _ = writeln!(text, "n{number} A 192.0.2.9");
        write(folder.path(), &text);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let said = block.ask("a.example.org. A").await;
        assert!(said.contains("192.0.2.2"), "after {number}: {said}");
    }
    write(folder.path(), &format!("{text}a A 192.0.2.3\n"));
    assert_eq!(address_later(&block).await, "192.0.2.3");
}

#[test]
fn aliases_that_lead_from_zone_to_zone_and_back_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    for (own, other) in [("a.test", "b.test"), ("b.test", "a.test")] {
        let path = folder.path().join(own);
        let text = format!("@ 60 SOA ns hm 1 2 3 4 5\nx 60 CNAME x.{other}.\n");
        std::fs::write(&path, text).unwrap();
        let _ = writeln!(lines, "file {} {own}", path.display());
    }
    let corefile = format!(". {{\n{lines}}}\n");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    let said = runtime.block_on(block.ask("x.a.test. A"));
    let aliases = said.matches(" CNAME ").count();
    assert!((1..=10).contains(&aliases), "{said}");
}

#[test]
fn hosts_that_are_the_root_are_no_trouble() {
    check(
        "mail MX 0 .\n_srv SRV 0 0 0 .\n",
        "",
        "
        mail.example.org. MX
        _srv.example.org. SRV
        ",
        expect![[r#"
            > mail.example.org. MX
            NOERROR aa rd
              answer mail.example.org. 60 IN MX 0 .
              authority example.org. 60 IN NS ns1.example.org.
            > _srv.example.org. SRV
            NOERROR aa rd
              answer _srv.example.org. 60 IN SRV 0 0 0 .
              authority example.org. 60 IN NS ns1.example.org.
        "#]],
    );
}

/// How long an answer takes at best, and how many records it has.
fn answered(block: &Block, question: &str) -> (Duration, usize, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let question = Question::parse(question);
    let mut best = Duration::MAX;
    let mut last = None;
    for _ in 0..100 {
        let begun = clock::now();
        let outcome = runtime.block_on(block.outcome(&question));
        let mut reply = outcome.as_reply().unwrap().clone();
        let mut scratch = Vec::new();
        let query = catena_dns::QueryMessage::readmit(&question.packet, &mut scratch);
        let tcp = question.transport == catena_plugin::Transport::Tcp;
        reply.finish(&query, if tcp { 65_535 } else { query.udp_limit() });
        best = best.min(clock::now() - begun);
        last = Some(reply);
    }
    let reply = last.unwrap();
    let tc = reply.header().has(catena_dns::flag::TC);
    (best, reply.records().count(), tc)
}

#[test]
fn work_for_a_huge_set_grows_with_its_size_and_no_faster() {
    let mut zone = HEAD.to_owned();
    for number in 0..4000 {
        let (high, low) = (number / 256, number % 256);
        let _ = writeln!(zone, "great A 10.9.{high}.{low}");
        let names = u8::from(number >= 200);
        let _ = writeln!(zone, "names{names} MX 1 m{number}.n{low}");
        if number < 400 {
            let _ = writeln!(zone, "small A 10.9.{high}.{low}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &zone);
    let block = Block::build(&[&PLUGIN], &format!(". {{\nfile {path} example.org\n}}\n"));
    let block = block.unwrap_or_else(|error| unreachable!("{error}"));
    let (small, _, tc) = answered(&block, "small.example.org. A tcp");
    assert!(!tc);
    let (great, records, _) = answered(&block, "great.example.org. A tcp");
    assert!(records >= 4000, "{records}");
    // Ten times the work, or a hundred times if it grew with the square.
    assert!(
        great < 60 * small,
        "10 times the records: {small:?}, then {great:?}"
    );

    let (_, records, tc) = answered(&block, "great.example.org. A");
    assert!(tc && records < 40, "{records}");

    // Names that share little are the hard case of compression, and this is too long in full.
    let (few, _, _) = answered(&block, "names0.example.org. MX tcp");
    let (many, records, _) = answered(&block, "names1.example.org. MX tcp");
    assert!(records > 1500, "{records}");
    // The square would be 360 times.
    assert!(
        many < 150 * few,
        "19 times the records: {few:?}, then {many:?}"
    );
}
