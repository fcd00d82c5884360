//! Puts replies together.

use catena_dns::{HEADER_LEN, NameRef, Rcode, RecordType, Reply, Section, flag};
use catena_plugin::Query;
use smallvec::SmallVec;

use super::{Names, Zone};

/// Room for most names and RDATA.
pub(crate) type Octets = SmallVec<[u8; 128]>;

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
        let mut reply = Reply::authoritative(query);
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
