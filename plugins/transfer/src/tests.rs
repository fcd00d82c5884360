//! Zones on their way, and secondaries that are told.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use catena_dns::{Class, Header, Name, NameRef, Opcode, Record, RecordType, flag};
use catena_plugin::{
    Lent, LentZone, Listed, Outcome, Plugin, RecordSource, Registration, Transfers,
};
use catena_testing::{Block, Question, plugin_contract};
use tokio::net::UdpSocket;
use tokio::sync::watch;

use crate::PLUGIN;

fn record(name: &str, rtype: RecordType, rdata: &[u8]) -> Record {
    Record {
        name: name.parse().unwrap(),
        rtype,
        class: Class::IN,
        ttl: 60,
        rdata: rdata.into(),
    }
}

fn soa(zone: &str, serial: u32) -> Record {
    let mut rdata = b"\x02ns\0\x01h\0".to_vec();
    for number in [serial, 1, 2, 3, 4] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    record(zone, RecordType::SOA, &rdata)
}

/// Has `plain.test.` at serial 5, `kept.test.` with a journal from 3 on, `broken.test.` not yet.
struct Lender {
    changes: watch::Sender<()>,
    serial: Arc<AtomicU32>,
}

/// The lender of the test that runs in this thread.
static LENDER: Registration = Registration {
    name: "lender",
    setup: |cx| {
        cx.add_stage(Lender {
            changes: watch::Sender::default(),
            serial: Arc::new(AtomicU32::new(5)),
        });
        Ok(())
    },
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: "",
};

impl Plugin for Lender {
    fn serve(
        &self,
        query: &catena_plugin::Query<'_>,
        _: catena_plugin::Next<'_>,
    ) -> catena_plugin::Flow {
        // A query for this name stands for a change.
        if query.name().to_string() == "rise.test." {
            self.serial.fetch_add(1, SeqCst);
            self.changes.send_replace(());
        }
        Outcome::silent().into()
    }

    fn transfers(&self) -> Option<&dyn Transfers> {
        Some(self)
    }
}

impl Transfers for Lender {
    fn zones(&self) -> Vec<Name> {
        vec!["plain.test.".parse().unwrap()]
    }

    fn lend(&self, zone: NameRef<'_>) -> Lent {
        let name = zone.to_string();
        let serial = self.serial.load(SeqCst);
        match name.as_str() {
            "plain.test." | "kept.test." => Lent::Zone(Box::new(Zone { name, serial })),
            "large.test." => Lent::Zone(Box::new(Zone { name, serial })),
            "broken.test." => Lent::failed("not read yet"),
            _ => Lent::Missing,
        }
    }

    fn changes(&self) -> Option<watch::Receiver<()>> {
        Some(self.changes.subscribe())
    }
}

struct Zone {
    name: String,
    serial: u32,
}

impl LentZone for Zone {
    fn soa(&self) -> Record {
        soa(&self.name, self.serial)
    }

    fn into_records(self: Box<Self>) -> Box<dyn RecordSource> {
        let count = if self.name == "large.test." {
            10_000
        } else {
            2
        };
        let records = (0..count).map(move |place: u32| {
            let name = format!("host-{place}.{}", self.name);
            record(&name, RecordType::A, &place.to_be_bytes())
        });
        Box::new(Listed::new(records))
    }

    fn changes_since(&self, serial: u32) -> Option<Box<dyn RecordSource>> {
        if !self.has_journal() || serial < 3 {
            return None;
        }
        let one = |last: u8| record("a.kept.test.", RecordType::A, &[192, 0, 2, last]);
        Some(Box::new(Listed::new([
            soa(&self.name, serial),
            one(1),
            soa(&self.name, self.serial),
            one(2),
        ])))
    }

    fn has_journal(&self) -> bool {
        self.name == "kept.test."
    }
}

async fn block(to: &str) -> Block {
    let corefile = format!(". {{\n transfer {{\n to {to}\n}}\n lender\n}}");
    let block = Block::build(&[&PLUGIN, &LENDER], &corefile).unwrap();
    block.start().await.unwrap();
    block
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[tokio::test]
async fn a_zone_goes_out_whole_between_its_soa_records() {
    let block = block("*").await;
    let answer = block.ask("plain.test AXFR tcp").await;
    assert_eq!(
        answer,
        "NOERROR aa rd\n  \
           answer plain.test. 60 IN SOA ns. h. 5 1 2 3 4\n  \
           answer host-0.plain.test. 60 IN A 0.0.0.0\n  \
           answer host-1.plain.test. 60 IN A 0.0.0.1\n  \
           answer plain.test. 60 IN SOA ns. h. 5 1 2 3 4\n"
    );
    assert_eq!(block.ask("plain.test AXFR").await, "REFUSED not written\n");
    assert_eq!(block.ask("other.test AXFR tcp").await, "silence\n");
    let broken = block.ask("broken.test AXFR tcp").await;
    assert_eq!(broken, "SERVFAIL not written\n  error: not read yet\n");
}

#[tokio::test]
async fn a_large_zone_goes_out_in_messages_of_bounded_size() {
    let block = block("*").await;
    let question = Question::parse("large.test AXFR tcp");
    let outcome = block.outcome(&question).await;
    let catena_plugin::Answer::Stream(mut stream) = outcome.answer else {
        unreachable!()
    };
    let (mut records, mut messages) = (0, 0);
    block.view(&question, |query| {
        while let Some(reply) = stream.next(query) {
            assert!(reply.packet().len() <= 0x4000);
            records += reply.records().count();
            messages += 1;
        }
    });
    assert_eq!(records, 10_002);
    assert!((10..40).contains(&messages), "{messages}");
}

#[tokio::test]
async fn ixfr_gives_what_is_new() {
    let block = block("*").await;
    let soa = "  answer kept.test. 60 IN SOA ns. h. 5 1 2 3 4\n";
    let steps = "  answer kept.test. 60 IN SOA ns. h. 4 1 2 3 4\n  \
                   answer a.kept.test. 60 IN A 192.0.2.1\n  \
                   answer kept.test. 60 IN SOA ns. h. 5 1 2 3 4\n  \
                   answer a.kept.test. 60 IN A 192.0.2.2\n";
    let increment = format!("NOERROR aa rd\n{soa}{steps}{soa}");
    assert_eq!(block.ask("kept.test IXFR tcp serial=4").await, increment);
    assert_eq!(block.ask("kept.test IXFR serial=4").await, increment);
    // Nothing is new, also for a client that is ahead.
    let nothing = format!("NOERROR rd\n{soa}");
    assert_eq!(block.ask("kept.test IXFR tcp serial=5").await, nothing);
    assert_eq!(block.ask("kept.test IXFR tcp serial=6").await, nothing);
    // The journal does not reach back so far.
    let whole = block.ask("kept.test IXFR tcp serial=2").await;
    assert!(whole.contains("host-1.kept.test."), "{whole}");
    assert_eq!(block.ask("kept.test IXFR serial=2").await, nothing);
    // Without a journal another serial gets everything, as in CoreDNS.
    let whole = block.ask("plain.test IXFR tcp serial=6").await;
    assert!(whole.contains("host-1.plain.test."), "{whole}");
    let failed = "SERVFAIL not written\n";
    assert_eq!(block.ask("plain.test IXFR tcp").await, failed);
    let refused = "REFUSED not written\n";
    assert_eq!(block.ask("plain.test IXFR serial=4").await, refused);
}

#[tokio::test]
async fn only_those_who_are_listed_get_a_zone() {
    let block = block("192.0.2.1 [2001:db8::1]:5300").await;
    for (client, is_allowed) in [
        ("192.0.2.1", true),
        ("2001:db8::1", true),
        ("192.0.2.2", false),
    ] {
        let question = format!("plain.test AXFR tcp from={client}");
        let answer = block.ask(&question).await;
        assert_eq!(answer.starts_with("NOERROR aa"), is_allowed, "{answer}");
        assert_eq!(answer == "REFUSED rd\n", !is_allowed, "{answer}");
    }
}

#[tokio::test]
async fn one_client_cannot_take_all_places() {
    let block = block("*").await;
    let question = Question::parse("large.test AXFR tcp");
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(block.outcome(&question).await);
    }
    let refused = block.ask("large.test AXFR tcp").await;
    assert!(refused.contains("too many transfers at once"), "{refused}");
    let other = block.ask("plain.test AXFR tcp from=192.0.2.7").await;
    assert!(other.starts_with("NOERROR"), "{other}");
    streams.pop();
    let again = block.ask("plain.test AXFR tcp").await;
    assert!(again.starts_with("NOERROR"), "{again}");
}

#[tokio::test]
async fn the_longest_zone_has_the_say() {
    let corefile = ". {
        transfer test {
            to *
        }
        transfer plain.test {
            to 192.0.2.9
        }
        lender
    }";
    let block = Block::build(&[&PLUGIN, &LENDER], corefile).unwrap();
    block.start().await.unwrap();
    assert_eq!(block.ask("plain.test AXFR tcp").await, "REFUSED rd\n");
    let other = block.ask("kept.test AXFR tcp").await;
    assert!(other.starts_with("NOERROR aa"), "{other}");
}

#[tokio::test]
async fn a_secondary_is_told_at_the_start_and_of_every_change() {
    let secondary = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let block = block(&secondary.local_addr().unwrap().to_string()).await;
    let mut packet = [0; 512];
    for _ in 0..2 {
        let (length, from) = secondary.recv_from(&mut packet).await.unwrap();
        let header = Header::read(&packet[..length]).unwrap();
        assert_eq!(header.opcode(), Opcode::NOTIFY);
        assert!(header.has(flag::AA));
        assert_eq!(&packet[12..length], b"\x05plain\x04test\0\0\x06\0\x01");
        packet[2] |= 0x80;
        secondary.send_to(&packet[..length], from).await.unwrap();
        block.ask("rise.test A").await;
    }
}

#[test]
fn mistakes_are_told_in_the_words_of_coredns() {
    for (properties, message) in [
        ("", "'to' is required"),
        (
            "to ns2.example.org",
            "must specify an IP address: `ns2.example.org'",
        ),
        ("to *\nsource nowhere", "invalid source address \"nowhere\""),
        (
            "to *\nsource 192.0.2.1\nsource 192.0.2.2",
            "source already specified",
        ),
        ("to *\nnotify yes", "unknown property 'notify'"),
    ] {
        let corefile = format!("example.org {{\n transfer {{\n{properties}\n}}\n}}");
        let findings = Block::build(&[&PLUGIN], &corefile).err().unwrap();
        assert!(findings.to_string().contains(message), "{findings}");
    }
}
