//! A zone of interface names, made anew from each table.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use catena_dns::{AddressRdata, Name, NameRef, RecordRef, RecordType};
use catena_index::{Zone, ZoneBuilder};
use catena_rpc::Names;

/// SOA records live no longer than this.
const SOA_TTL_MAX: u32 = 300;

/// What a zone has beside the interfaces.
pub(crate) struct Apex<'z> {
    pub origin: NameRef<'z>,
    pub ttl: u32,
    /// The serial of the zone before this one, 0 for none.
    pub last_serial: u32,
    /// The addresses of this server.
    pub servers: &'z [IpAddr],
}

/// The zone at `apex` with those of `names` that `belongs` says are in it.
///
/// `None` if it is larger than a zone can be.
pub(crate) fn build(
    apex: &Apex<'_>,
    names: &Names,
    belongs: impl Fn(NameRef<'_>) -> bool,
) -> Option<Zone> {
    let (origin, ttl) = (apex.origin, apex.ttl);
    let mut builder = ZoneBuilder::new(origin);
    let soa = soa(apex);
    let soa_ttl = ttl.min(SOA_TTL_MAX);
    builder
        .add(RecordRef::new(origin, (RecordType::SOA, soa_ttl), &soa))
        .ok()?;
    add_servers(apex, &mut builder)?;
    for target in names.targets.values() {
        let name = target.name.view();
        if !belongs(name) {
            continue;
        }
        if target.addresses.is_empty() {
            // The name is there, though nobody offers it now.
            builder.add(RecordRef::new(name, (EXISTS, ttl), &[])).ok()?;
        }
        for address in &*target.addresses {
            add_address((name, ttl), *address, &mut builder)?;
        }
    }
    builder.build().ok()
}

/// Adds the name server `ns.dns` with the addresses of this machine, as `kubernetes` has it.
fn add_servers(apex: &Apex<'_>, builder: &mut ZoneBuilder) -> Option<()> {
    let Ok(server) = Name::from_labels(SERVER, apex.origin) else {
        return Some(());
    };
    if !apex.servers.is_empty() {
        let ns = RecordRef::new(apex.origin, (RecordType::NS, apex.ttl), server.wire());
        builder.add(ns).ok()?;
    }
    for address in apex.servers {
        add_address((server.view(), apex.ttl), *address, builder)?;
    }
    Some(())
}

fn add_address(
    (name, ttl): (NameRef<'_>, u32),
    address: IpAddr,
    builder: &mut ZoneBuilder,
) -> Option<()> {
    let data = AddressRdata::from(address);
    let record = RecordRef::new(name, (data.rtype(), ttl), data.octets());
    builder.add(record).ok()
}

/// A type that nobody can ask for, RFC 6895 section 3.1: it keeps a name in the zone.
pub(crate) const EXISTS: RecordType = RecordType(0);

/// The labels of the name server below the zone.
const SERVER: [&[u8]; 2] = [b"ns", b"dns"];

/// The RDATA of the SOA record, whose serial is the time, or the next one within a second.
fn soa(apex: &Apex<'_>) -> Vec<u8> {
    let origin = apex.origin;
    let mut rdata = Vec::with_capacity(2 * origin.wire().len() + 40);
    for labels in [&SERVER[..], &[b"hostmaster"]] {
        let name = Name::from_labels(labels.iter().copied(), origin);
        // What is too long for a label more is left to be the zone's own name.
        rdata.extend_from_slice(name.as_ref().map_or(origin.wire(), Name::wire));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs() & u64::from(u32::MAX));
    let serial = u32::try_from(seconds).unwrap_or(0);
    let serial = serial.max(apex.last_serial.wrapping_add(1));
    for number in [serial, 7200, 1800, 86400, apex.ttl] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    rdata
}
