//! Plugin local: answers for localhost and the loopback network (RFC 6303, RFC 6761).

use std::net::{Ipv4Addr, Ipv6Addr};

use catena_dns::{NameRef, Rcode, RecordRef, RecordType, Reply, Section};
use catena_plugin::metrics::{Counter, CounterVec, Family};
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration, Setup, SetupError};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "local",
    setup,
    properties: &["localhost_prefix"],
    metrics: METRICS,
    metadata: &[],
    readme: include_str!("../README.md"),
};

static REQUESTS: CounterVec = CounterVec::new(
    "coredns_local_localhost_requests_total",
    "Counter of special localhost subdomain requests.",
    &[],
);
static METRICS: &[&dyn Family] = &[&REQUESTS];

/// Seconds: a week.
const TTL: u32 = 604_800;

const LOCALHOST: &[u8] = b"\x09localhost\0";
/// How a name begins that a search domain has made of it.
const PREFIX: &[u8] = b"\x09localhost";
const NETWORKS: [&[u8]; 3] = [
    b"\x010\x07in-addr\x04arpa\0",
    b"\x03127\x07in-addr\x04arpa\0",
    b"\x03255\x07in-addr\x04arpa\0",
];
const LOOPBACK: &[u8] = b"\x011\x010\x010\x03127\x07in-addr\x04arpa\0";

/// `localhost. root.localhost. 1 0 0 0 604800`.
const SOA: &[u8] = b"\x09localhost\0\x04root\x09localhost\0\
    \0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\x3a\x80";

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut prefix = true;
    for line in cx.occurrences() {
        line.no_args()?;
        for property in line.properties() {
            if property.name() != "localhost_prefix" {
                return Err(property.unknown());
            }
            let mut args = property.args();
            let value = args.required("on or off")?;
            args.finish()?;
            prefix = match value.text() {
                "on" => true,
                "off" => false,
                other => {
                    let expected = "localhost_prefix expects 'on' or 'off'";
                    return Err(property.parse_error(format_args!("{expected}, got {other:?}")));
                }
            };
        }
    }
    cx.add_stage(Local {
        prefix,
        requests: REQUESTS.with(&[]),
    });
    Ok(())
}

struct Local {
    /// Whether names that begin with `localhost.` are taken.
    prefix: bool,
    requests: Counter,
}

impl Plugin for Local {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let name = query.name();
        if self.is_special(name) {
            self.requests.inc();
            return machine(query).into();
        }
        match zone_of(name) {
            Some(zone) => in_zone(query, zone).into(),
            None => next.serve(query),
        }
    }
}

impl Local {
    /// Whether `name` is below `localhost`, or has it in front.
    fn is_special(&self, name: NameRef<'_>) -> bool {
        let longer = name.wire().len() > LOCALHOST.len();
        longer && (is_within(name, LOCALHOST) || self.prefix && name.wire().starts_with(PREFIX))
    }
}

/// Whether `name` is in `zone`.
fn is_within(name: NameRef<'_>, zone: &[u8]) -> bool {
    NameRef::from_wire(zone).is_ok_and(|zone| name.is_within(zone))
}

/// The zone of `name` in wire form, one of those that are answered here.
fn zone_of(name: NameRef<'_>) -> Option<&'static [u8]> {
    let mut zones = std::iter::once(LOCALHOST).chain(NETWORKS);
    zones.find(|zone| is_within(name, zone))
}

/// The addresses of this machine, whatever its name.
fn machine(query: &Query<'_>) -> Outcome {
    let mut reply = Reply::to(query);
    match query.qtype() {
        RecordType::A => push(&mut reply, query, &Ipv4Addr::LOCALHOST.octets()),
        RecordType::AAAA => push(&mut reply, query, &Ipv6Addr::LOCALHOST.octets()),
        _ => push_soa(&mut reply, Section::Authority, query.name_as_asked()),
    }
    Outcome::reply(reply)
}

fn in_zone(query: &Query<'_>, zone: &[u8]) -> Outcome {
    let name = query.name();
    let is_apex = name.wire() == zone;
    match query.qtype() {
        RecordType::SOA if is_apex => {
            let mut reply = Reply::to(query);
            push_soa(&mut reply, Section::Answer, query.name_as_asked());
            Outcome::reply(reply)
        }
        RecordType::NS if is_apex => answer(query, LOCALHOST),
        RecordType::PTR if name.wire() == LOOPBACK => answer(query, LOCALHOST),
        _ if name.wire() == LOCALHOST => machine(query),
        _ => nothing(query, zone),
    }
}

fn answer(query: &Query<'_>, rdata: &[u8]) -> Outcome {
    let mut reply = Reply::to(query);
    push(&mut reply, query, rdata);
    Outcome::reply(reply)
}

/// NODATA for the names that exist, NXDOMAIN for the others.
fn nothing(query: &Query<'_>, zone: &[u8]) -> Outcome {
    let wire = query.name().wire();
    let mut reply = Reply::to(query);
    if wire != zone && wire != LOOPBACK {
        reply.set_rcode(Rcode::NXDOMAIN);
    }
    // The zone as the client wrote it.
    let asked = query.name_as_asked().wire();
    let origin = asked.len().checked_sub(zone.len());
    let origin = origin.and_then(|at| NameRef::from_wire(asked.get(at..)?).ok());
    push_soa(
        &mut reply,
        Section::Authority,
        origin.unwrap_or(query.name_as_asked()),
    );
    Outcome::reply(reply)
}

/// Adds a record of the type asked.
fn push(reply: &mut Reply, query: &Query<'_>, rdata: &[u8]) {
    let record = RecordRef::new(query.name_as_asked(), (query.qtype(), TTL), rdata);
    reply.push(Section::Answer, record);
}

fn push_soa(reply: &mut Reply, section: Section, name: NameRef<'_>) {
    reply.push(section, RecordRef::new(name, (RecordType::SOA, TTL), SOA));
}

#[cfg(test)]
mod tests;
