//! A whole zone as its server hands it out (AXFR, RFC 5936): addresses, and whose they are.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use catena_dns::{
    HEADER_LEN, Header, Message, Name, Rcode, Record, RecordType, Records, Section, question_end,
};
use tokio::time::timeout;

use super::PlaceError;
use super::call::{Call, Signer, failed};
use super::mark::Seen;

/// How long the server may be silent, and how many records a zone may have.
const PATIENCE: Duration = Duration::from_secs(10);
const RECORDS_MAX: usize = 10_000_000;

/// Adds what is in `zone` to `seen`; the code of the answer if the server keeps the zone to itself.
pub(super) async fn read(
    (server, key): (&str, Option<&Signer>),
    zone: &Name,
    seen: &mut Seen<'_>,
) -> Result<Rcode, PlaceError> {
    let late = |_| PlaceError(format!("{zone}: nothing for {PATIENCE:?}"));
    let mut question = Message::query(zone.view(), RecordType::AXFR);
    // One connection carries one message: any id will do.
    (question.id, question.flags) = (1, 0);
    let sent = timeout(PATIENCE, Call::send(server, key, &question));
    let mut call = sent.await.map_err(late)??;
    let zone = Arc::new(zone.clone());
    let (mut ends, mut count) = (0, 0);
    while ends < 2 {
        let next = timeout(PATIENCE, call.next()).await;
        let (header, message) = next.map_err(late)??;
        if header.rcode() != Rcode::NOERROR {
            return Ok(header.rcode());
        }
        if header.counts[1] == 0 {
            return Err(failed(format_args!("{zone}: a message without records")));
        }
        for record in records(&header, &message)? {
            count += 1;
            match (record.rtype, ends) {
                (RecordType::SOA, _) => ends += 1,
                (_, 1) => note(&zone, record, seen),
                _ => {
                    return Err(failed(format_args!(
                        "{zone}: a record before the zone's own"
                    )));
                }
            }
        }
        if count > RECORDS_MAX {
            return Err(failed(format_args!(
                "{zone}: more than {RECORDS_MAX} records"
            )));
        }
    }
    match call.is_settled() {
        true => Ok(Rcode::NOERROR),
        false => Err(failed(format_args!("{zone}: the end is not signed"))),
    }
}

/// The records of the answer section.
fn records(header: &Header, message: &[u8]) -> Result<Vec<Record>, PlaceError> {
    // Only the first message repeats the question for certain.
    let start = match header.counts[0] {
        0 => HEADER_LEN,
        _ => question_end(message).map_err(failed)?,
    };
    let mut records = Vec::new();
    for view in Records::new(message, start) {
        let view = view.map_err(failed)?;
        if view.section == Section::Answer {
            records.push(view.to_record(message).map_err(failed)?);
        }
    }
    Ok(records)
}

fn note(zone: &Arc<Name>, record: Record, seen: &mut Seen<'_>) {
    let (name, rdata) = (record.name.view().to_lower(), &*record.rdata);
    let address: Option<IpAddr> = match record.rtype {
        RecordType::A => <[u8; 4]>::try_from(rdata).ok().map(IpAddr::from),
        RecordType::AAAA => <[u8; 16]>::try_from(rdata).ok().map(IpAddr::from),
        RecordType::TXT => return seen.text(zone, name, &joined(rdata)),
        _ => None,
    };
    if let Some(address) = address {
        seen.address(zone, name, (address, record.ttl));
    }
}

/// The strings of a text in one.
fn joined(rdata: &[u8]) -> Vec<u8> {
    let (mut rest, mut text) = (rdata, Vec::with_capacity(rdata.len()));
    while let Some((length, tail)) = rest.split_first() {
        let (string, tail) = tail
            .split_at_checked((*length).into())
            .unwrap_or((tail, &[]));
        text.extend_from_slice(string);
        rest = tail;
    }
    text
}
