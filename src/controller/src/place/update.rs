//! Names written by RFC 2136 UPDATE over TCP, signed if there is a key.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use catena_dns::tsig::{Algorithm, Asking, Key};
use catena_dns::{Class, Header, Message, Opcode, Rcode, Record, RecordType, flag};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PlaceError;
use crate::entry::Entry;

/// How long connecting, asking and answering may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// TTL and class of what is not there any more, RFC 2136 section 2.5.
const GONE: u32 = 0;

pub(crate) struct Update {
    server: String,
    key: Option<(Arc<Key>, Algorithm)>,
}

impl Update {
    pub fn new(server: &str, key: Option<(Arc<Key>, Algorithm)>) -> Update {
        let server = match server.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => server.to_owned(),
            _ => format!("{server}:53"),
        };
        Update { server, key }
    }

    pub fn server(&self) -> &str {
        &self.server
    }

    /// All addresses of the name become those of `entry`, in one step.
    pub async fn put(&self, entry: &Entry) -> Result<(), PlaceError> {
        let mut steps = clearing(entry);
        steps.extend(entry.addresses.iter().map(|address| {
            let (rtype, rdata): (_, Box<[u8]>) = match address {
                IpAddr::V4(v4) => (RecordType::A, v4.octets().into()),
                IpAddr::V6(v6) => (RecordType::AAAA, v6.octets().into()),
            };
            Record {
                name: entry.name.clone(),
                rtype,
                class: Class::IN,
                ttl: entry.ttl,
                rdata,
            }
        }));
        self.send(entry, steps).await
    }

    pub async fn remove(&self, entry: &Entry) -> Result<(), PlaceError> {
        self.send(entry, clearing(entry)).await
    }

    async fn send(&self, entry: &Entry, steps: Vec<Record>) -> Result<(), PlaceError> {
        match timeout(PATIENCE, self.exchange(entry, steps)).await {
            Ok(done) => done,
            Err(_) => Err(PlaceError(format!("it took longer than {PATIENCE:?}"))),
        }
    }

    async fn exchange(&self, entry: &Entry, steps: Vec<Record>) -> Result<(), PlaceError> {
        let fail = |error: &dyn std::fmt::Display| PlaceError(error.to_string());
        let mut message = Message::query(entry.zone.view(), RecordType::SOA);
        // One connection carries one message: any id will do.
        message.id = 1;
        message.flags = u16::from(Opcode::UPDATE.0) << 11;
        message.authorities = steps;
        let mut packet = message.to_packet();
        let mut asking = self
            .key
            .as_ref()
            .map(|(key, algorithm)| Asking::sign(&mut packet, key, *algorithm, now()));
        let mut stream = TcpStream::connect(&self.server)
            .await
            .map_err(|error| fail(&error))?;
        let length = u16::try_from(packet.len()).map_err(|_| fail(&"too many addresses"))?;
        let framed = [&length.to_be_bytes()[..], &packet].concat();
        stream
            .write_all(&framed)
            .await
            .map_err(|error| fail(&error))?;
        let length = stream.read_u16().await.map_err(|error| fail(&error))?;
        let mut answer = vec![0; usize::from(length)];
        stream
            .read_exact(&mut answer)
            .await
            .map_err(|error| fail(&error))?;
        let header = Header::read(&answer).ok_or_else(|| fail(&"the answer is cut off"))?;
        if let Some(asking) = &mut asking {
            asking.check(&answer, now()).map_err(|error| fail(&error))?;
        }
        match header.rcode() {
            Rcode::NOERROR if header.has(flag::QR) => Ok(()),
            rcode => Err(PlaceError(format!("{} says {rcode}", self.server))),
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

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}
