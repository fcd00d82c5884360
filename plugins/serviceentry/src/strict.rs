//! Answers as the older istio-coredns-plugin gives them, for those who rely on them.

use std::net::IpAddr;

use catena_dns::{Rcode, RecordType, Reply, Section};
use catena_mesh::{Host, Table};
use catena_plugin::Query;

/// The TTL of its records.
pub(crate) const TTL: u32 = 3600;
/// A wildcard is looked for below names of so many labels only.
const LABELS_MIN: usize = 2;

/// The addresses of a host; `None` for what does not exist to the older plugin: other types, and
/// names below a wildcard of one label. It knows no letter by its other case, as hosts have none
/// in upper case here.
pub(crate) fn answer(table: &Table, query: &Query<'_>, ttl: u32) -> Option<Reply> {
    if query.qtype() != RecordType::A {
        return None;
    }
    let name = query.name_as_asked();
    let mut write = |host: &Host| write(host, query, ttl);
    if let Some(reply) = table.exact(name, |host| host.and_then(&mut write)) {
        return Some(reply);
    }
    let above = name.ancestors().skip(1);
    let mut above = above.take_while(|suffix| suffix.label_count() >= LABELS_MIN);
    above.find_map(|suffix| table.below(suffix, |host| host.and_then(&mut write)))
}

/// The addresses of the entry that has the host last.
fn write(host: &Host, query: &Query<'_>, ttl: u32) -> Option<Reply> {
    let last = host.rows.last()?;
    let mut reply = Reply::authoritative(query);
    for address in &last.addresses.list {
        let IpAddr::V4(v4) = address else { continue };
        reply.push_asked((RecordType::A, ttl), &v4.octets());
    }
    (reply.count(Section::Answer) > 0).then_some(reply)
}

/// What does not exist: without a SOA record.
pub(crate) fn denial(query: &Query<'_>) -> Reply {
    let mut reply = Reply::authoritative(query);
    reply.set_rcode(Rcode::NXDOMAIN);
    reply
}
