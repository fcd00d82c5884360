//! The answer to a question, worked out from what is known.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use catena_dns::{
    Class, Name, NameRef, Rcode, Record, RecordRef, RecordType, Reply, Section, flag,
};
use catena_etcd::skydns::Host;
use catena_plugin::{Outcome, Query};

use crate::facts::Facts;
use crate::service::{Found, Service, Trouble, services};

/// Aliases in a row; longer chains are left out, as CoreDNS does.
const ALIASES_MAX: usize = 11;
/// The TTL of the SOA record, and how long a denial may be kept.
const SOA_TTL: u32 = 30;

/// Works out one answer.
pub(crate) struct Answering<'a> {
    pub facts: &'a Facts,
    pub zone: NameRef<'a>,
    pub qtype: RecordType,
    pub answers: Vec<Record>,
    pub additionals: Vec<Record>,
    pub is_truncated: bool,
}

impl<'a> Answering<'a> {
    /// Nothing answered yet.
    pub fn new(facts: &'a Facts, zone: NameRef<'a>, qtype: RecordType) -> Self {
        Answering {
            facts,
            zone,
            qtype,
            answers: Vec::new(),
            additionals: Vec::new(),
            is_truncated: false,
        }
    }

    /// Answers for `name`, spelt as the client did.
    pub fn answer(&mut self, name: NameRef<'_>) -> Result<(), Trouble> {
        match self.qtype {
            RecordType::A | RecordType::AAAA | RecordType::TXT => {
                self.answers = self.follow(name, self.qtype, &mut Vec::new())?;
            }
            RecordType::CNAME => self.alias(name)?,
            RecordType::PTR => self.pointers(name)?,
            RecordType::MX => self.mail(name)?,
            RecordType::SRV => self.servers(name)?,
            RecordType::SOA => self.answers.push(soa(self.zone)),
            RecordType::NS if name == self.zone => self.name_servers(name)?,
            // There are no such records; but is there such a name?
            qtype => {
                let found = self.at_or_apex(name)?;
                services(&found, qtype)?;
            }
        }
        Ok(())
    }

    /// What is found for `name`; the zone's own addresses have a place of their own.
    fn at_or_apex(&self, name: NameRef<'_>) -> Result<Arc<[Found]>, Trouble> {
        if name != self.zone {
            return self.facts.below(name);
        }
        match self
            .facts
            .below(self.below_zone(&[b"apex", b"dns"])?.view())
        {
            Err(Trouble::NoSuchName) => self.facts.below(name),
            found => found,
        }
    }

    fn below_zone(&self, labels: &[&[u8]]) -> Result<Name, Trouble> {
        let name = Name::from_labels(labels.iter().copied(), self.zone);
        name.map_err(|_| Trouble::NoSuchName)
    }

    /// The records of `qtype` for `owner`, through aliases; those to the names on `way` led here.
    pub fn follow(
        &mut self,
        owner: NameRef<'_>,
        qtype: RecordType,
        way: &mut Vec<Name>,
    ) -> Result<Vec<Record>, Trouble> {
        let found = match qtype {
            RecordType::TXT => self.facts.below(owner)?,
            _ => self.at_or_apex(owner)?,
        };
        let mut records: Vec<Record> = Vec::new();
        let mut seen = HashSet::new();
        for service in services(&found, qtype)? {
            let (what, rdata) = match (service.host_kind(), qtype) {
                (Host::Name, _) => {
                    self.follow_alias(owner, &service, qtype, way, &mut records);
                    continue;
                }
                (Host::Address(IpAddr::V4(v4)), RecordType::A) => {
                    (&service.host, v4.octets().to_vec())
                }
                (Host::Address(IpAddr::V6(v6)), RecordType::AAAA) => {
                    (&service.host, v6.octets().to_vec())
                }
                (Host::Text, RecordType::TXT) => (&service.text, texts(&service.text)),
                _ => continue,
            };
            if seen.insert(what.clone()) {
                records.push(record(owner, qtype, service.ttl, rdata));
            }
        }
        Ok(records)
    }

    fn follow_alias(
        &mut self,
        owner: NameRef<'_>,
        service: &Service<'_>,
        qtype: RecordType,
        way: &mut Vec<Name>,
        records: &mut Vec<Record>,
    ) {
        let Some(target) = service.host_name() else {
            return;
        };
        // To itself; or to a name below, whose services are the name's own already.
        let is_own = target.view().is_within(owner);
        if is_own || way.len() >= ALIASES_MAX || way.contains(&target) {
            return;
        }
        let alias = record(owner, RecordType::CNAME, service.ttl, target.wire());
        if target.view().is_within(self.zone) {
            way.push(target.clone());
            let rest = self.follow(target.view(), qtype, way);
            way.pop();
            if let Ok(rest) = rest
                && !rest.is_empty()
            {
                records.push(alias);
                records.extend(rest);
            }
        } else if let Some(resolved) = self.facts.resolved(&target, qtype) {
            self.is_truncated |= resolved.truncated;
            records.push(alias);
            records.extend(resolved.answers.iter().cloned());
        }
    }

    /// The alias that `name` itself is.
    fn alias(&mut self, name: NameRef<'_>) -> Result<(), Trouble> {
        let found = self.facts.exact(name)?;
        if let Some(service) = services(&found, self.qtype)?.first()
            && !matches!(service.host_kind(), Host::Address(_))
            && let Some(target) = service.host_name()
        {
            let alias = record(name, RecordType::CNAME, service.ttl, target.wire());
            self.answers.push(alias);
        }
        Ok(())
    }

    fn pointers(&mut self, name: NameRef<'_>) -> Result<(), Trouble> {
        let found = self.facts.exact(name)?;
        let mut seen = HashSet::new();
        for service in services(&found, self.qtype)? {
            let is_name = !matches!(service.host_kind(), Host::Address(_));
            if let Some(target) = service.host_name().filter(|_| is_name)
                && seen.insert(service.host.clone())
            {
                let pointer = record(name, RecordType::PTR, service.ttl, target.wire());
                self.answers.push(pointer);
            }
        }
        Ok(())
    }

    /// The reply to `query` with what was answered.
    pub fn into_reply(self, query: &Query<'_>) -> Reply {
        if self.answers.is_empty() {
            return negative(query, self.zone, Rcode::NOERROR);
        }
        let mut reply = Reply::authoritative(query);
        reply.set_flag(flag::TC, self.is_truncated);
        let answers = self.answers.iter().map(|record| (Section::Answer, record));
        let additionals = self.additionals.iter();
        let additionals = additionals.map(|record| (Section::Additional, record));
        for (section, record) in answers.chain(additionals) {
            if !reply.push_or_tc(section, RecordRef::from(record)) {
                break;
            }
        }
        reply
    }
}

/// The reply to `query` that there is nothing, or that something is wrong.
pub(crate) fn negative(query: &Query<'_>, zone: NameRef<'_>, rcode: Rcode) -> Reply {
    let mut reply = Reply::authoritative(query);
    reply.set_rcode(rcode);
    reply.push(Section::Authority, RecordRef::from(&soa(zone)));
    reply
}

/// What becomes of a query for which etcd or a value is at fault.
pub(crate) fn failed(query: &Query<'_>, zone: NameRef<'_>, error: String) -> Outcome {
    Outcome::reply(negative(query, zone, Rcode::SERVFAIL)).with_error(error)
}

/// A record of the Internet class.
pub(crate) fn record(
    name: NameRef<'_>,
    rtype: RecordType,
    ttl: u32,
    rdata: impl AsRef<[u8]>,
) -> Record {
    Record {
        name: name.to_name(),
        rtype,
        class: Class::IN,
        ttl,
        rdata: rdata.as_ref().into(),
    }
}

/// The zone's SOA record, made up: its serial is the time.
fn soa(zone: NameRef<'_>) -> Record {
    let below = |labels: &[&[u8]]| {
        Name::from_labels(labels.iter().copied(), zone).unwrap_or_else(|_| zone.to_name())
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // Serials wrap, RFC 1982.
    let serial = now.map_or(0, |now| now.as_secs() & u64::from(u32::MAX));
    let serial = u32::try_from(serial).unwrap_or(0);
    let mut rdata = below(&[b"ns", b"dns"]).wire().to_vec();
    rdata.extend_from_slice(below(&[b"hostmaster"]).wire());
    for number in [serial, 7200, 1800, 86_400, SOA_TTL] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    record(zone, RecordType::SOA, SOA_TTL, rdata)
}

/// `text` as strings of at most 255 octets; a last empty one if it fills them, as CoreDNS has it.
fn texts(text: &str) -> Vec<u8> {
    let octets = text.as_bytes();
    let mut rdata = Vec::with_capacity(octets.len() + 2);
    let mut chunks: Vec<&[u8]> = octets.chunks(255).collect();
    if octets.len().is_multiple_of(255) {
        chunks.push(&[]);
    }
    for chunk in chunks {
        let length_at = rdata.len();
        rdata.push(0);
        unescape(chunk, &mut rdata);
        let length = u8::try_from(rdata.len() - length_at - 1).unwrap_or(u8::MAX);
        if let Some(octet) = rdata.get_mut(length_at) {
            *octet = length;
        }
    }
    rdata
}

/// Appends `text`, in which a backslash stands before an octet or its number, as CoreDNS has it.
fn unescape(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some((octet, rest)) = text.split_first() {
        text = rest;
        if *octet != b'\\' {
            out.push(*octet);
            continue;
        }
        match rest {
            [a, b, c, tail @ ..] if [a, b, c].iter().all(|digit| digit.is_ascii_digit()) => {
                let digit = |octet: &u8| octet - b'0';
                let tens = digit(b).wrapping_mul(10).wrapping_add(digit(c));
                out.push(digit(a).wrapping_mul(100).wrapping_add(tens));
                text = tail;
            }
            [octet, tail @ ..] => {
                out.push(*octet);
                text = tail;
            }
            [] => {}
        }
    }
}
