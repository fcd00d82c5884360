//! The stage: answers AXFR (RFC 5936) and IXFR (RFC 1995) with zones that other plugins lend.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use catena_dns::{Name, NameRef, Opcode, Rcode, RecordRef, RecordType, Reply, Section};
use catena_plugin::{
    Flow, Lent, LentZone, Next, Outcome, Plugin, Query, Stage, StartContext, StartError, Transport,
};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::info;

use crate::journey::{Journey, Ticket, serial_of};
use crate::metrics::count_transfer;
use crate::notify;
use crate::rules::{self, Rule};
use crate::slots::Slots;

/// The stage of one server block.
pub(crate) struct Transfer {
    pub rules: Arc<[Rule]>,
    /// The parts of the block that lend zones; known at the start.
    lenders: OnceLock<Arc<[Stage]>>,
    slots: Slots,
    /// Says that all parts of the block have started: then lenders can be asked.
    begun: watch::Sender<bool>,
}

impl Transfer {
    pub fn new(rules: Vec<Rule>) -> Transfer {
        Transfer {
            rules: rules.into(),
            lenders: OnceLock::new(),
            slots: Slots::default(),
            begun: watch::Sender::default(),
        }
    }

    /// The zone called `name`, from the first that has it.
    fn lend(&self, name: NameRef<'_>) -> Lent {
        let lenders = self.lenders.get().map(|lenders| &**lenders);
        let lent = lenders.unwrap_or(&[]).iter().map(|stage| {
            let transfers = stage.plugin.transfers();
            transfers.map_or(Lent::Missing, |transfers| transfers.lend(name))
        });
        let mut found = lent.filter(|lent| !matches!(lent, Lent::Missing));
        found.next().unwrap_or(Lent::Missing)
    }
}

impl Plugin for Transfer {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let is_full = query.qtype() == RecordType::AXFR;
        let is_transfer = is_full || query.qtype() == RecordType::IXFR;
        if !is_transfer || query.opcode() != Opcode::QUERY {
            return next.serve(query);
        }
        let is_datagram = query.context().transport == Transport::Udp;
        if is_datagram && is_full {
            return Outcome::fail(Rcode::REFUSED).into();
        }
        let Some(rule) = rules::find(&self.rules, query.name()) else {
            return next.serve(query);
        };
        if !rule.allows(query.client().ip()) {
            return Outcome::reply(Reply::error(query, Rcode::REFUSED)).into();
        }
        let known = match is_full {
            true => None,
            false => match known_serial(query) {
                Some(serial) => Some(serial),
                None => return Outcome::fail(Rcode::SERVFAIL).into(),
            },
        };
        match self.lend(query.name()) {
            Lent::Missing => next.serve(query),
            Lent::Failed(None) => Outcome::fail(Rcode::SERVFAIL).into(),
            Lent::Failed(Some(error)) => Outcome::failed(Rcode::SERVFAIL, error).into(),
            // Without a journal the answer would not fit a datagram; CoreDNS refuses too.
            Lent::Zone(zone) if is_datagram && !zone.has_journal() => {
                Outcome::fail(Rcode::REFUSED).into()
            }
            Lent::Zone(zone) => self.send(query, zone, known),
        }
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let lenders = context.parts.iter();
        let lenders = lenders.filter(|stage| stage.plugin.transfers().is_some());
        let lenders: Arc<[Stage]> = lenders.cloned().collect();
        notify::start(&self.rules, &lenders, (context, self.begun.subscribe()));
        let _first = self.lenders.set(lenders);
        Ok(())
    }

    fn started(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let begun = self.begun.clone();
        Some(Box::pin(async move {
            begun.send_replace(true);
        }))
    }
}

impl Transfer {
    fn send(&self, query: &Query<'_>, zone: Box<dyn LentZone>, known: Option<u32>) -> Flow {
        let soa = zone.soa();
        let serial = serial_of(&soa).unwrap_or(0);
        if let Some(known) = known
            && is_up_to_date(known, serial, &*zone)
        {
            log_nothing_new(query, serial);
            return Outcome::reply(just(query, RecordRef::from(&soa))).into();
        }
        let Some(slot) = self.slots.take(query.client().ip()) else {
            return Outcome::failed(Rcode::SERVFAIL, "too many transfers at once").into();
        };
        let ticket = Ticket {
            zone: query.name().to_name(),
            client: query.client().ip(),
            slot: Some(slot),
        };
        let changes = known.and_then(|known| zone.changes_since(known));
        if query.context().transport == Transport::Udp {
            let message = changes.and_then(|changes| {
                let journey = Journey::changes(soa.clone(), changes, ticket);
                journey.into_message(query, query.size_limit())
            });
            // What does not fit is asked for again over TCP, RFC 1995 section 2.
            let message = message.unwrap_or_else(|| just(query, RecordRef::from(&soa)));
            return Outcome::reply(message).into();
        }
        if let Some(changes) = changes {
            return Outcome::stream(Journey::changes(soa, changes, ticket).into_stream()).into();
        }
        Flow::wait(async move {
            // The names of a large zone take a while to collect.
            match spawn_blocking(move || Journey::whole(zone, ticket)).await {
                Ok(journey) => Outcome::stream(journey.into_stream()),
                Err(error) => Outcome::failed(Rcode::SERVFAIL, error),
            }
        })
    }
}

/// Whether a client with the serial `known` needs nothing.
///
/// As CoreDNS has it, another serial than ours asks for the zone, be it older or newer; only a
/// zone with a journal knows that serials rise.
fn is_up_to_date(known: u32, serial: u32, zone: &dyn LentZone) -> bool {
    let is_newer = zone.has_journal() && known.wrapping_sub(serial) < 1 << 31;
    is_newer || (known == serial && known != 0)
}

/// The one SOA record that an IXFR query holds.
fn known_serial(query: &Query<'_>) -> Option<u32> {
    let records = query.records().map_while(Result::ok);
    let mut authorities = records.filter(|record| record.section == Section::Authority);
    let soa = authorities.next()?;
    if soa.rtype != RecordType::SOA || authorities.next().is_some() {
        return None;
    }
    serial_of(&soa.to_record(query.packet()).ok()?)
}

/// A reply of one record.
fn just(query: &Query<'_>, soa: RecordRef<'_>) -> Reply {
    let mut reply = Reply::to(query);
    reply.push(Section::Answer, soa);
    reply
}

fn log_nothing_new(query: &Query<'_>, serial: u32) {
    let zone: Name = query.name().to_name();
    let (name, client) = (zone.to_string(), query.client().ip());
    info!(
        target: "plugin/transfer",
        "Outgoing noop, incremental transfer for up to date zone {name:?} to {client} \
         for {serial} SOA serial"
    );
    count_transfer(&zone, "noop", 1);
}
