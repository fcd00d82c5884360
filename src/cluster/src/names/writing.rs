//! Puts replies together.

use std::net::IpAddr;

use catena_dns::{Class, HEADER_LEN, NameRef, Rcode, RecordRef, RecordType, Reply, Section, flag};
use catena_plugin::Query;
use smallvec::SmallVec;

use super::{Names, Zone};

/// Room for most names and RDATA.
pub(crate) type Octets = SmallVec<[u8; 128]>;

/// An authoritative reply without records.
pub(crate) fn reply(query: &Query<'_>) -> Reply {
    let mut reply = Reply::to(query);
    reply.set_flag(flag::AA, true);
    reply
}

/// Adds a record for the name asked for, its RDATA as it is; returns where that stands.
pub(crate) fn push_asked(
    reply: &mut Reply,
    (rtype, ttl): (RecordType, u32),
    rdata: &[u8],
) -> Option<usize> {
    let at = reply.push_pointing(Section::Answer, HEADER_LEN, (rtype, ttl), rdata);
    if at.is_none() {
        reply.set_flag(flag::TC, true);
    }
    at
}

/// Adds an A or AAAA record for the name asked for.
pub(crate) fn push_asked_address(reply: &mut Reply, ttl: u32, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => push_asked(reply, (RecordType::A, ttl), &v4.octets()),
        IpAddr::V6(v6) => push_asked(reply, (RecordType::AAAA, ttl), &v6.octets()),
    };
}

/// Adds a record; where there is no room for it, TC says so.
pub(crate) fn push(
    reply: &mut Reply,
    section: Section,
    (name, ttl): (NameRef<'_>, u32),
    rtype: RecordType,
    rdata: &[u8],
) {
    let record = RecordRef {
        name,
        rtype,
        class: Class::IN,
        ttl,
        rdata,
    };
    if !reply.push(section, record) {
        reply.set_flag(flag::TC, true);
    }
}

/// Adds an A or AAAA record.
pub(crate) fn push_address(
    reply: &mut Reply,
    section: Section,
    owner: (NameRef<'_>, u32),
    address: IpAddr,
) {
    match address {
        IpAddr::V4(v4) => push(reply, section, owner, RecordType::A, &v4.octets()),
        IpAddr::V6(v6) => push(reply, section, owner, RecordType::AAAA, &v6.octets()),
    }
}

/// `zone` as the client wrote it.
pub(crate) fn zone_as_asked<'q>(query: &Query<'q>, zone: &Zone) -> NameRef<'q> {
    let wire = query.name_as_asked().wire();
    let start = wire.len().saturating_sub(zone.name.wire().len());
    let tail = wire.get(start..).unwrap_or(&[0]);
    NameRef::from_wire(tail).unwrap_or(NameRef::ROOT)
}

/// The name that `octets` are; the root for what is none.
pub(crate) fn name(octets: &[u8]) -> NameRef<'_> {
    NameRef::from_wire(octets).unwrap_or(NameRef::ROOT)
}

impl Names {
    /// A reply that says no more than `rcode`.
    pub(super) fn denial(&self, query: &Query<'_>, zone: &Zone, rcode: Rcode) -> Reply {
        let mut reply = reply(query);
        reply.set_rcode(rcode);
        self.push_soa(&mut reply, query, zone, Section::Authority);
        reply
    }

    pub(super) fn push_soa(
        &self,
        reply: &mut Reply,
        query: &Query<'_>,
        zone: &Zone,
        section: Section,
    ) {
        let serial = self.serial(zone);
        let soa = Soa {
            name_server: b"\x02ns\x03dns",
            mailbox: b"\x0ahostmaster",
            serial,
            minimum: self.rules.ttl,
        };
        let zone_len = zone.name.wire().len();
        push_soa(reply, query, section, (zone_len, self.soa_ttl()), &soa);
    }
}

/// What differs between SOA records here; names are labels below the zone.
pub(crate) struct Soa<'a> {
    pub name_server: &'a [u8],
    pub mailbox: &'a [u8],
    pub serial: u32,
    pub minimum: u32,
}

/// Adds the SOA record of the zone that is the last `zone_len` octets of the name asked for.
pub(crate) fn push_soa(
    reply: &mut Reply,
    query: &Query<'_>,
    section: Section,
    (zone_len, ttl): (usize, u32),
    soa: &Soa<'_>,
) {
    let zone_at = HEADER_LEN + query.name().wire().len().saturating_sub(zone_len);
    let pointer = u16::try_from(zone_at).map_or(0, |at| 0xc000 | at);
    let mut rdata = Octets::new();
    for labels in [soa.name_server, soa.mailbox] {
        rdata.extend_from_slice(labels);
        rdata.extend_from_slice(&pointer.to_be_bytes());
    }
    let numbers = [soa.serial, 7200, 1800, 86400, soa.minimum].map(u32::to_be_bytes);
    rdata.extend_from_slice(numbers.as_flattened());
    if reply
        .push_pointing(section, zone_at, (RecordType::SOA, ttl), &rdata)
        .is_none()
    {
        reply.set_flag(flag::TC, true);
    }
}
