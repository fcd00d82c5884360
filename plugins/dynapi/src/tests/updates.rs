//! Dynamic updates, and the zones as secondaries get them.

use catena_dns::{Class, Header, Message, Name, Opcode, Rcode, Record, RecordType};
use catena_plugin::{Lent, Transport};
use catena_testing::{Block, Question};

use crate::PLUGIN;

/// The client that questions come from.
const ALLOWED: &str = "allow net:10.240.0.0/16 all";

async fn block(properties: &str) -> Block {
    let corefile = format!("example.org {{\ndynapi {{\nns ns1.example.org\n{properties}\n}}\n}}\n");
    let block = Block::build(&[&PLUGIN], &corefile);
    let block = block.unwrap_or_else(|error| unreachable!("{error}"));
    block.start().await.unwrap();
    block
}

/// Reads `NAME TTL CLASS TYPE [DATA]`; the class may be ANY or NONE.
fn record(line: &str) -> Record {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, ttl, class, rtype, data @ ..] = &words[..] else {
        unreachable!("{line}");
    };
    let origin: Name = "example.org.".parse().unwrap();
    let rtype: RecordType = rtype.parse().unwrap();
    let rdata = match data {
        [] => Box::default(),
        data => crate::text::read_rdata(rtype, &data.join(" "), origin.view()).unwrap(),
    };
    Record {
        name: Name::parse(name, origin.view()).unwrap(),
        rtype,
        class: class.parse::<Class>().unwrap(),
        ttl: ttl.parse().unwrap(),
        rdata,
    }
}

fn message(zone: &str, prerequisites: &[&str], changes: &[&str]) -> Question {
    let zone: Name = zone.parse().unwrap();
    let mut message = Message::query(zone.view(), RecordType::SOA);
    message.flags = u16::from(Opcode::UPDATE.0) << 11;
    message.answers = prerequisites.iter().map(|line| record(line)).collect();
    message.authorities = changes.iter().map(|line| record(line)).collect();
    let mut question = Question::parse("example.org. SOA");
    question.packet = message.to_packet();
    question.transport = Transport::Udp;
    question
}

async fn update(block: &Block, prerequisites: &[&str], changes: &[&str]) -> Rcode {
    let question = message("example.org.", prerequisites, changes);
    let outcome = block.outcome(&question).await;
    let reply = outcome.as_reply().unwrap();
    assert_eq!(
        Header::read(reply.packet()).unwrap().opcode(),
        Opcode::UPDATE
    );
    reply.rcode()
}

/// The data of the answers to `question`, in order of text.
async fn answers(block: &Block, question: &str) -> Vec<String> {
    let said = block.ask(question).await;
    let lines = said
        .lines()
        .filter_map(|line| line.strip_prefix("  answer "));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn an_update_needs_a_key_or_an_allowed_network() {
    let adds = ["a 60 IN A 192.0.2.1"];
    let nobody = block("allow net:192.0.2.0/24 all").await;
    assert_eq!(update(&nobody, &[], &adds).await, Rcode::REFUSED);
    let some = block("allow net:10.0.0.0/8 write *.in.example.org A").await;
    assert_eq!(update(&some, &[], &adds).await, Rcode::REFUSED);
    assert_eq!(
        update(&some, &[], &["a.in 60 IN A 192.0.2.1"]).await,
        Rcode::NOERROR
    );
    assert_eq!(
        update(&some, &[], &["a.in 60 IN TXT x"]).await,
        Rcode::REFUSED
    );
    assert_eq!(
        update(&some, &[], &["a.in 0 ANY A"]).await,
        Rcode::REFUSED,
        "to delete"
    );
    let foreign = message("example.net.", &[], &[]);
    let outcome = some.outcome(&foreign).await;
    assert_eq!(outcome.rcode(), Some(Rcode::NOTAUTH));
}

#[tokio::test]
async fn records_sets_and_names_are_added_and_removed() {
    let block = block(ALLOWED).await;
    let adds = [
        "a 60 IN A 192.0.2.1",
        "a 70 IN A 192.0.2.2",
        "a 60 IN TXT x",
        "b 60 IN A 192.0.2.3",
    ];
    assert_eq!(update(&block, &[], &adds).await, Rcode::NOERROR);
    let both = [
        "a.example.org. 70 IN A 192.0.2.1",
        "a.example.org. 70 IN A 192.0.2.2",
    ];
    assert_eq!(answers(&block, "a.example.org. A").await, both);
    assert_eq!(
        update(&block, &[], &["a 0 NONE A 192.0.2.1"]).await,
        Rcode::NOERROR
    );
    assert_eq!(answers(&block, "a.example.org. A").await, both[1..]);
    assert_eq!(update(&block, &[], &["a 0 ANY A"]).await, Rcode::NOERROR);
    assert!(answers(&block, "a.example.org. A").await.is_empty());
    assert_eq!(answers(&block, "a.example.org. TXT").await.len(), 1);
    assert_eq!(update(&block, &[], &["a 0 ANY ANY"]).await, Rcode::NOERROR);
    let gone = block.ask("a.example.org. TXT").await;
    assert!(gone.contains("NXDOMAIN"), "{gone}");
    assert_eq!(answers(&block, "b.example.org. A").await.len(), 1);
}

#[tokio::test]
async fn prerequisites_hold_or_nothing_is_done() {
    let block = block(ALLOWED).await;
    update(&block, &[], &["a 60 IN A 192.0.2.1", "a 60 IN A 192.0.2.2"]).await;
    let change = ["new 60 IN A 192.0.2.9"];
    for (prerequisites, rcode) in [
        (vec!["a 0 ANY TXT"], Rcode::NXRRSET),
        (vec!["x 0 ANY ANY"], Rcode::NXDOMAIN),
        (vec!["a 0 NONE A"], Rcode::YXRRSET),
        (vec!["a 0 NONE ANY"], Rcode::YXDOMAIN),
        (vec!["a 0 IN A 192.0.2.1"], Rcode::NXRRSET),
        (vec!["a 1 ANY A"], Rcode::FORMERR),
        (vec!["a 0 ANY A 192.0.2.1"], Rcode::FORMERR),
        (vec!["a.example.net. 0 ANY A"], Rcode::NOTZONE),
    ] {
        assert_eq!(
            update(&block, &prerequisites, &change).await,
            rcode,
            "{prerequisites:?}"
        );
        assert!(answers(&block, "new.example.org. A").await.is_empty());
    }
    let hold = [
        "a 0 IN A 192.0.2.2",
        "a 0 IN A 192.0.2.1",
        "a 0 ANY ANY",
        "a 0 ANY A",
        "a 0 NONE TXT",
        "x 0 NONE ANY",
    ];
    assert_eq!(update(&block, &hold, &change).await, Rcode::NOERROR);
    assert_eq!(answers(&block, "new.example.org. A").await.len(), 1);
}

#[tokio::test]
async fn changes_that_make_no_sense_are_refused_whole() {
    let block = block(ALLOWED).await;
    for (change, rcode) in [
        ("a 60 IN ANY", Rcode::FORMERR),
        ("a 60 IN AXFR", Rcode::FORMERR),
        ("a 60 IN A", Rcode::FORMERR),
        ("a 60 ANY A", Rcode::FORMERR),
        ("a 0 NONE ANY", Rcode::FORMERR),
        ("a 0 CH A", Rcode::FORMERR),
        ("a.example.net. 60 IN A 192.0.2.1", Rcode::NOTZONE),
        ("a 60 IN NSEC b A", Rcode::NOTIMP),
    ] {
        let changes = ["first 60 IN A 192.0.2.1", change];
        assert_eq!(update(&block, &[], &changes).await, rcode, "{change}");
        assert!(answers(&block, "first.example.org. A").await.is_empty());
    }
}

#[tokio::test]
async fn the_apex_keeps_what_a_zone_needs_and_aliases_stand_alone() {
    let block = block(ALLOWED).await;
    let changes = [
        "@ 0 ANY ANY",
        "@ 0 ANY NS",
        "@ 0 NONE NS ns1.example.org.",
        "@ 60 IN CNAME b",
        "a 60 IN A 192.0.2.1",
        "a 60 IN CNAME b",
        "c 60 IN CNAME b",
        "c 60 IN A 192.0.2.1",
        "c 60 IN CNAME d",
    ];
    assert_eq!(update(&block, &[], &changes).await, Rcode::NOERROR);
    let ns = "example.org. 300 IN NS ns1.example.org.".to_owned();
    assert_eq!(answers(&block, "example.org. NS").await, [ns]);
    assert_eq!(answers(&block, "a.example.org. A").await.len(), 1);
    let alias = "c.example.org. 60 IN CNAME d.example.org.".to_owned();
    assert_eq!(answers(&block, "c.example.org. CNAME").await, [alias]);
    let more = ["@ 60 IN NS ns2", "@ 0 NONE NS ns1"];
    assert_eq!(update(&block, &[], &more).await, Rcode::NOERROR);
    let ns = "example.org. 60 IN NS ns2.example.org.".to_owned();
    assert_eq!(answers(&block, "example.org. NS").await, [ns]);
}

async fn serial(block: &Block) -> u32 {
    let soa = answers(block, "example.org. SOA").await;
    soa[0].split(' ').nth(6).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_written_serial_is_taken_if_it_is_greater() {
    let block = block(ALLOWED).await;
    let old = serial(&block).await;
    let soa = |serial: u32| format!("@ 60 IN SOA ns1 hm {serial} 1 2 3 4");
    let lower = soa(old - 5);
    assert_eq!(update(&block, &[], &[&lower]).await, Rcode::NOERROR);
    assert_eq!(serial(&block).await, old);
    let higher = soa(old + 100);
    assert_eq!(update(&block, &[], &[&higher]).await, Rcode::NOERROR);
    assert_eq!(serial(&block).await, old + 100);
}

/// The records that a source gives, as many as `step` at a time.
fn told(mut source: Box<dyn catena_plugin::RecordSource>, step: usize) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let mut left = step;
        let is_done = source.feed(&mut |record| {
            if left == 0 {
                return false;
            }
            left -= 1;
            let data = catena_dns::rdata::display(record.rtype, record.rdata);
            all.push(format!("{} {} {data}", record.name, record.rtype));
            true
        });
        if is_done {
            return all;
        }
    }
}

#[tokio::test]
async fn a_zone_is_lent_whole_and_by_its_changes() {
    let block = block(ALLOWED).await;
    let first = serial(&block).await;
    let adds = ["a 60 IN A 192.0.2.1", "a 60 IN A 192.0.2.2"];
    update(&block, &[], &adds).await;
    update(&block, &[], &["a 0 NONE A 192.0.2.1", "b 60 IN TXT x"]).await;
    let transfers = block.parts()[0].plugin.transfers().unwrap();
    let origin: Name = "example.org.".parse().unwrap();
    let Lent::Zone(zone) = transfers.lend(origin.view()) else {
        unreachable!("there is a zone");
    };
    update(&block, &[], &["c 60 IN TXT later"]).await;
    let soa = |serial: u32| {
        format!(
            "example.org. SOA ns1.example.org. hostmaster.example.org. {serial} 7200 1800 86400 30"
        )
    };
    let changes = told(zone.changes_since(first).unwrap(), 2);
    let expected = [
        &soa(first),
        &soa(first + 1),
        "a.example.org. A 192.0.2.1",
        "a.example.org. A 192.0.2.2",
        &soa(first + 1),
        "a.example.org. A 192.0.2.1",
        &soa(first + 2),
        "b.example.org. TXT \"x\"",
    ];
    assert_eq!(changes, expected);
    assert!(zone.changes_since(first - 1).is_none());
    let all = told(zone.into_records(), 1);
    assert_eq!(all[0], "example.org. NS ns1.example.org.");
    assert_eq!(all.len(), 3, "{all:?}");
    transfers.changes().unwrap().changed().await.unwrap();
}
