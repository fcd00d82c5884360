//! A zone on its way: its records, message after message.

use std::net::IpAddr;

use catena_dns::{Name, Record, RecordRef, Reply, Section};
use catena_plugin::{LentZone, Listed, Query, RecordSource, ReplyStream};
use tracing::{debug, info};

use crate::metrics::count_transfer;
use crate::slots::Slot;

/// Octets that a message is filled to: pointers reach no further (RFC 1035 section 4.1.4).
const FILL: usize = 0x3fff;
/// Octets of a record besides its names and data.
const FIXED: usize = 10;

/// What the client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All of the zone.
    Whole,
    /// What has changed.
    Changes,
}

/// One transfer.
pub(crate) struct Journey {
    zone: Name,
    client: IpAddr,
    serial: u32,
    kind: Kind,
    /// What is left: a SOA record first and last, and all else between.
    rest: Vec<Box<dyn RecordSource>>,
    records: u64,
    slot: Option<Slot>,
}

/// Whose transfer it is.
pub(crate) struct Ticket {
    pub zone: Name,
    pub client: IpAddr,
    pub slot: Option<Slot>,
}

impl Journey {
    /// All of `zone`; collecting its names may take a while.
    pub fn whole(zone: Box<dyn LentZone>, ticket: Ticket) -> Journey {
        let soa = zone.soa();
        Journey::new(soa, zone.into_records(), Kind::Whole, ticket)
    }

    /// The changes that end with `soa`.
    pub fn changes(soa: Record, changes: Box<dyn RecordSource>, ticket: Ticket) -> Journey {
        Journey::new(soa, changes, Kind::Changes, ticket)
    }

    fn new(soa: Record, body: Box<dyn RecordSource>, kind: Kind, ticket: Ticket) -> Journey {
        let end = |soa: &Record| -> Box<dyn RecordSource> { Box::new(Listed::new([soa.clone()])) };
        Journey {
            zone: ticket.zone,
            client: ticket.client,
            serial: serial_of(&soa).unwrap_or(0),
            kind,
            // The last is fed first.
            rest: vec![end(&soa), body, end(&soa)],
            records: 0,
            slot: ticket.slot,
        }
    }

    /// The messages of it.
    pub fn into_stream(mut self) -> ReplyStream {
        ReplyStream::new(move |query| self.next(query, FILL))
    }

    /// All of it in one message of at most `limit` octets, if it fits.
    pub fn into_message(mut self, query: &Query<'_>, limit: usize) -> Option<Reply> {
        let reply = self.next(query, limit)?;
        match self.rest.is_empty() && reply.packet().len() <= limit {
            true => {
                self.arrive();
                Some(reply)
            }
            false => {
                self.slot = None;
                self.rest.clear();
                None
            }
        }
    }

    /// The next message, of at least one record and `fill` octets at most, but for that one.
    fn next(&mut self, query: &Query<'_>, fill: usize) -> Option<Reply> {
        if self.rest.is_empty() {
            return None;
        }
        let mut reply = Reply::authoritative(query).compressing();
        let mut taken = 0u64;
        while let Some(source) = self.rest.last_mut() {
            let is_all = source.feed(&mut |record: RecordRef<'_>| {
                let length = record.name.wire().len() + FIXED + record.rdata.len();
                let fits = taken == 0 || reply.packet().len() + length <= fill;
                let is_taken = fits && reply.push(Section::Answer, record);
                taken += u64::from(is_taken);
                is_taken
            });
            if !is_all {
                break;
            }
            self.rest.pop();
        }
        self.records += taken;
        if taken == 0 {
            // A record that fits no message: nothing can be done but to stop.
            return None;
        }
        if self.rest.is_empty() && fill == FILL {
            self.arrive();
        }
        Some(reply)
    }

    fn arrive(&mut self) {
        let Some(_slot) = self.slot.take() else {
            return;
        };
        let Journey {
            zone,
            client,
            serial,
            records,
            ..
        } = &*self;
        let zone_text = zone.to_string();
        match self.kind {
            Kind::Whole => info!(
                target: "plugin/transfer",
                "Outgoing transfer of {records} records of zone {zone_text:?} to {client} \
                 for {serial} SOA serial"
            ),
            Kind::Changes => info!(
                target: "plugin/transfer",
                "Outgoing incremental transfer of {records} records of zone {zone_text:?} to \
                 {client} for {serial} SOA serial"
            ),
        }
        let kind = match self.kind {
            Kind::Whole => "axfr",
            Kind::Changes => "ixfr",
        };
        count_transfer(zone, kind, *records);
    }
}

impl Drop for Journey {
    fn drop(&mut self) {
        if self.slot.take().is_some() {
            let (zone, client, records) = (self.zone.to_string(), self.client, self.records);
            debug!(
                target: "plugin/transfer",
                "Transfer of zone {zone:?} to {client} was cut off after {records} records"
            );
            count_transfer(&self.zone, "cut", records);
        }
    }
}

/// The serial of a SOA record.
pub(crate) fn serial_of(soa: &Record) -> Option<u32> {
    let at = soa.rdata.len().checked_sub(20)?;
    let serial = soa.rdata.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*serial))
}
