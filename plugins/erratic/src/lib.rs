//! Plugin erratic: an unreliable server to test clients with.

mod setup;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use catena_dns::{NameRef, Rcode, RecordRef, RecordType, Reply, Section, flag};
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Readiness, Registration};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "erratic",
    setup: setup::setup,
    properties: &["drop", "truncate", "delay", "large"],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

/// The answer to A, RFC 5737.
const IPV4: [u8; 4] = [192, 0, 2, 53];
/// The answer to AAAA, RFC 3849: 2001:db8::53.
const IPV6: [u8; 16] = [
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53,
];
/// Records of a `large` answer.
const LARGE: usize = 30;

/// How often it fails, and how; an amount of 0 is never.
#[derive(Debug, Default)]
struct Erratic {
    drop: u64,
    truncate: u64,
    delay: u64,
    duration: Duration,
    large: bool,
    /// Queries so far.
    count: AtomicU64,
}

impl Plugin for Erratic {
    fn serve(&self, query: &Query<'_>, _: Next<'_>) -> Flow {
        let number = self.count.fetch_add(1, Relaxed);
        let is_turn = |amount: u64| number.checked_rem(amount) == Some(0);
        if is_turn(self.drop) {
            return Outcome::silent().into();
        }
        // CoreDNS takes the bits in common here, not the remainder.
        let truncate = self.truncate > 0 && number & self.truncate == 0;
        let outcome = self.answer(query, truncate);
        if is_turn(self.delay) {
            let duration = self.duration;
            return Flow::wait(async move {
                tokio::time::sleep(duration).await;
                Outcome {
                    by: Some(PLUGIN.name),
                    ..outcome
                }
            });
        }
        outcome.into()
    }

    /// Ready for its fourth and fifth look at most, to test who asks.
    fn ready(&self) -> Readiness {
        match self.count.load(Relaxed) {
            3 | 4 => Readiness::Ready,
            _ => Readiness::NotReady,
        }
    }
}

impl Erratic {
    fn answer(&self, query: &Query<'_>, truncate: bool) -> Outcome {
        let mut reply = Reply::authoritative(query);
        let name = query.name_as_asked();
        match query.qtype() {
            RecordType::A => {
                let times = if self.large { LARGE } else { 1 };
                for _ in 0..times {
                    push(&mut reply, name, RecordType::A, &IPV4);
                }
            }
            RecordType::AAAA => push(&mut reply, name, RecordType::AAAA, &IPV6),
            RecordType::AXFR => {
                reply = transfer(query, truncate);
                return Outcome::reply(reply);
            }
            _ => return Outcome::fail(Rcode::SERVFAIL),
        }
        reply.set_flag(flag::TC, truncate);
        Outcome::reply(reply)
    }
}

fn push(reply: &mut Reply, name: NameRef<'_>, rtype: RecordType, rdata: &[u8]) {
    reply.push(Section::Answer, RecordRef::new(name, (rtype, 0), rdata));
}

/// A small zone, without its last SOA record if it is to be cut off.
fn transfer(query: &Query<'_>, truncate: bool) -> Reply {
    let apex = query.name_as_asked();
    let mut reply = Reply::authoritative(query);
    push(&mut reply, apex, RecordType::SOA, SOA);
    for (label, address) in [(b"b", &SERVER_B), (b"a", &SERVER_A)] {
        let server = catena_dns::Name::from_labels([&label[..]], apex);
        if let Ok(server) = server {
            push(&mut reply, apex, RecordType::NS, server.wire());
            push(&mut reply, server.view(), RecordType::AAAA, address);
        }
    }
    if !truncate {
        push(&mut reply, apex, RecordType::SOA, SOA);
    }
    reply
}

/// `sns.dns.icann.org. noc.dns.icann.org. 2018050825 7200 3600 1209600 3600`.
const SOA: &[u8] = b"\x03sns\x03dns\x05icann\x03org\x00\x03noc\x03dns\x05icann\x03org\x00\
    \x78\x49\x03\x09\x00\x00\x1c\x20\x00\x00\x0e\x10\x00\x12\x75\x00\x00\x00\x0e\x10";
/// 2001:bd8::53.
const SERVER_A: [u8; 16] = [
    0x20, 0x01, 0x0b, 0xd8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53,
];
/// 2001:500::54.
const SERVER_B: [u8; 16] = [0x20, 0x01, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x54];
