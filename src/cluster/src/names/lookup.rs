//! Answers for addresses, TXT, CNAME, and types that a cluster has no records of.

use std::sync::Arc;

use catena_dns::{AddressRdata, NameRef, RecordType, Reply};
use catena_plugin::Query;

use super::{Family, Found, Hosts, Names, Verdict, Zone};

/// The version of the DNS specification, as TXT RDATA.
const VERSION: &[u8] = b"\x051.1.0";
const VERSION_NAME: &[u8] = b"\x0bdns-version";
const VERSION_TTL: u32 = 28_800;
/// Where the name server is, below the zone.
const NAME_SERVER: &[u8] = b"\x02ns\x03dns";

impl Names {
    pub(super) fn addresses(
        self: &Arc<Self>,
        query: &Query<'_>,
        zone: &Zone,
        family: Family,
    ) -> Verdict {
        let mut hosts = Hosts::new();
        let found = match is_below(query.name(), zone, NAME_SERVER) {
            true => self.find_name_servers(zone, family, &mut hosts),
            false => self.find(query.name(), zone, family, &mut hosts),
        };
        match found {
            Found::Missing => Verdict::Missing,
            Found::Alias(target) => self.follow(query, zone, target),
            Found::Nothing | Found::Hosts if hosts.is_empty() => Verdict::Empty,
            Found::Nothing | Found::Hosts => {
                let mut reply = Reply::authoritative(query);
                for address in &hosts {
                    let data = AddressRdata::from(*address);
                    reply.push_asked((data.rtype(), self.rules.ttl), data.octets());
                }
                Verdict::Answer(reply)
            }
        }
    }

    pub(super) fn text(&self, query: &Query<'_>, zone: &Zone) -> Verdict {
        if is_below(query.name(), zone, VERSION_NAME) {
            let mut reply = Reply::authoritative(query);
            reply.push_asked((RecordType::TXT, VERSION_TTL), VERSION);
            return Verdict::Answer(reply);
        }
        match self.find(query.name(), zone, Family::V4, &mut Hosts::new()) {
            Found::Hosts | Found::Alias(_) => Verdict::Empty,
            // A zonal name exists for every type; else only names with records do.
            Found::Nothing if is_zonal(query.name(), zone) => Verdict::Empty,
            Found::Nothing | Found::Missing => Verdict::Missing,
        }
    }

    pub(super) fn canonical_name(&self, query: &Query<'_>, zone: &Zone) -> Verdict {
        if is_below(query.name(), zone, NAME_SERVER) {
            return Verdict::Empty;
        }
        match self.find(query.name(), zone, Family::V4, &mut Hosts::new()) {
            Found::Missing => Verdict::Missing,
            Found::Alias(target) => {
                let mut reply = Reply::authoritative(query);
                let kind = (RecordType::CNAME, self.rules.ttl);
                reply.push_asked(kind, target.wire());
                Verdict::Answer(reply)
            }
            Found::Nothing | Found::Hosts => Verdict::Empty,
        }
    }

    /// An answer that says only whether the name exists.
    pub(super) fn existence(&self, query: &Query<'_>, zone: &Zone) -> Verdict {
        if is_below(query.name(), zone, NAME_SERVER) {
            return Verdict::Empty;
        }
        match self.find(query.name(), zone, Family::V4, &mut Hosts::new()) {
            Found::Missing => Verdict::Missing,
            _ => Verdict::Empty,
        }
    }
}

/// Whether `name` is `labels` right below `zone`.
pub(super) fn is_below(name: NameRef<'_>, zone: &Zone, labels: &[u8]) -> bool {
    let rest = name.wire().strip_prefix(labels);
    // In the root zone there is no such name, as in CoreDNS.
    rest.is_some_and(|rest| rest.len() == zone.name.wire().len())
        && (!zone.name.view().is_root() || labels != NAME_SERVER)
}

fn is_zonal(name: NameRef<'_>, zone: &Zone) -> bool {
    use crate::question::{Asked, parse};
    match parse(name, zone.name.view(), zone.grammar) {
        Asked::Name(path) => path.topology.is_some(),
        _ => false,
    }
}
