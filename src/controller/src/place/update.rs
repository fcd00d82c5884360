//! Names written by RFC 2136 UPDATE over TCP, signed if there is a key.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use catena_dns::{Class, Message, Name, Opcode, Rcode, Record, RecordType};
use tokio::time::timeout;

use super::call::{Call, Signer, failed};
use super::mark::{Mark, Seen};
use super::{Found, PlaceError, transfer};
use crate::entry::Entry;

/// How long connecting, asking and answering may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// TTL of what is not there any more, RFC 2136 section 2.5.
const GONE: u32 = 0;

pub(crate) struct Update {
    server: String,
    key: Option<Signer>,
    mark: Mark,
    /// Whether it was said that the server does not hand out its zones.
    is_said: AtomicBool,
}

impl Update {
    pub fn new(server: &str, key: Option<Signer>, mark: Mark) -> Update {
        let server = match server.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => server.to_owned(),
            _ => format!("{server}:53"),
        };
        Update {
            server,
            key,
            mark,
            is_said: AtomicBool::new(false),
        }
    }

    pub fn server(&self) -> &str {
        &self.server
    }

    /// What is in `zones`; `None` if the server does not hand them out.
    pub async fn read(&self, zones: &HashSet<Name>) -> Result<Option<Found>, PlaceError> {
        let mut seen = Seen::new(&self.mark);
        for zone in zones {
            let from = (self.server.as_str(), self.key.as_ref());
            let rcode = transfer::read(from, zone, &mut seen).await?;
            if rcode != Rcode::NOERROR {
                if !self.is_said.swap(true, Relaxed) {
                    let server = &self.server;
                    tracing::warn!(
                        "{server} does not transfer {zone} ({rcode}): \
                         what an earlier run wrote is not known, but for --state"
                    );
                }
                return Ok(None);
            }
        }
        Ok(Some(seen.found()))
    }

    /// All addresses of the name become those of `entry`, in one step.
    pub async fn put(&self, entry: &Entry) -> Result<(), PlaceError> {
        let mut steps = clearing(entry);
        let addresses = entry.addresses.iter().map(|address| match address {
            IpAddr::V4(v4) => (RecordType::A, v4.octets().into()),
            IpAddr::V6(v6) => (RecordType::AAAA, v6.octets().into()),
        });
        let mark = (RecordType::TXT, self.mark.rdata());
        let wanted = addresses.chain([mark]);
        steps.extend(wanted.map(|(rtype, rdata)| Record {
            name: entry.name.clone(),
            rtype,
            class: Class::IN,
            ttl: entry.ttl,
            rdata,
        }));
        self.send(entry, steps).await
    }

    pub async fn remove(&self, entry: &Entry) -> Result<(), PlaceError> {
        let mut steps = clearing(entry);
        // This record alone, RFC 2136 section 2.5.4: others may have texts there.
        steps.push(Record {
            name: entry.name.clone(),
            rtype: RecordType::TXT,
            class: Class::NONE,
            ttl: GONE,
            rdata: self.mark.rdata(),
        });
        self.send(entry, steps).await
    }

    async fn send(&self, entry: &Entry, steps: Vec<Record>) -> Result<(), PlaceError> {
        match timeout(PATIENCE, self.exchange(entry, steps)).await {
            Ok(done) => done,
            Err(_) => Err(failed(format_args!("it took longer than {PATIENCE:?}"))),
        }
    }

    async fn exchange(&self, entry: &Entry, steps: Vec<Record>) -> Result<(), PlaceError> {
        let mut message = Message::query(entry.zone.view(), RecordType::SOA);
        // One connection carries one message: any id will do.
        message.id = 1;
        message.flags = u16::from(Opcode::UPDATE.0) << 11;
        message.authorities = steps;
        let mut call = Call::send(&self.server, self.key.as_ref(), &message).await?;
        let (header, _) = call.next().await?;
        match header.rcode() {
            Rcode::NOERROR => Ok(()),
            rcode => Err(failed(format_args!("{} says {rcode}", self.server))),
        }
    }
}

/// Takes all addresses away, RFC 2136 section 2.5.2.
fn clearing(entry: &Entry) -> Vec<Record> {
    let families = [RecordType::A, RecordType::AAAA];
    let gone = families.map(|rtype| Record {
        name: entry.name.clone(),
        rtype,
        class: Class::ANY,
        ttl: GONE,
        rdata: Box::default(),
    });
    gone.into()
}
