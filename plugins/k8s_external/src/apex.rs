//! The zone itself and its name server.

use catena_dns::{AddressRdata, Name, NameRef, Rcode, RecordRef, RecordType, Reply, Section};
use catena_plugin::{ExternalNames, Outcome, Query};

use crate::External;

/// The name server's label.
pub(crate) const NAME_SERVER: &[u8] = b"\x03ns1";

impl External {
    /// Answers for a zone itself, and for names at or below its apex label.
    pub(crate) fn serve_apex(
        &self,
        query: &Query<'_>,
        zone: &Name,
        cluster: &dyn ExternalNames,
    ) -> Option<Outcome> {
        let name = query.name();
        if self.zones.iter().any(|zone| zone.view() == name) {
            return Some(self.zone_itself(query, zone, cluster));
        }
        let at_apex = self.zones.iter().any(|zone| {
            let apex = [&self.apex, zone.wire()].concat();
            NameRef::from_wire(&apex).is_ok_and(|apex| name.is_within(apex))
        });
        if !at_apex {
            return None;
        }
        let labels = External::below(name, zone);
        let labels = NameRef::from_wire(&labels).ok()?;
        Some(match labels.label_count() {
            1 => self.denial(query, zone, Rcode::NOERROR),
            2 if labels.wire().starts_with(NAME_SERVER) => self.name_server(query, zone, cluster),
            _ => self.denial(query, zone, Rcode::NXDOMAIN),
        })
    }

    fn zone_itself(&self, query: &Query<'_>, zone: &Name, cluster: &dyn ExternalNames) -> Outcome {
        let mut reply = Reply::authoritative(query);
        match query.qtype() {
            RecordType::SOA => self.push_soa(&mut reply, zone, Section::Answer),
            RecordType::NS => {
                let server = [NAME_SERVER, &self.apex, zone.wire()].concat();
                let record = RecordRef::new(zone.view(), (RecordType::NS, self.ttl), &server);
                reply.push_or_tc(Section::Answer, record);
                let server = NameRef::from_wire(&server).unwrap_or(NameRef::ROOT);
                for address in cluster.own_addresses(self.headless) {
                    let owner = (server, self.ttl);
                    reply.push_address(Section::Additional, owner, address);
                }
            }
            _ => self.push_soa(&mut reply, zone, Section::Authority),
        }
        Outcome::reply(reply)
    }

    fn name_server(&self, query: &Query<'_>, zone: &Name, cluster: &dyn ExternalNames) -> Outcome {
        let mut reply = Reply::authoritative(query);
        for address in cluster.own_addresses(self.headless) {
            if AddressRdata::from(address).rtype() == query.qtype() {
                let owner = (query.name_as_asked(), self.ttl);
                reply.push_address(Section::Answer, owner, address);
            }
        }
        if reply.count(Section::Answer) == 0 {
            self.push_soa(&mut reply, zone, Section::Authority);
        }
        Outcome::reply(reply)
    }

    /// A reply that says no more than `rcode`.
    pub(crate) fn denial(&self, query: &Query<'_>, zone: &Name, rcode: Rcode) -> Outcome {
        let mut reply = Reply::authoritative(query);
        reply.set_rcode(rcode);
        self.push_soa(&mut reply, zone, Section::Authority);
        Outcome::reply(reply)
    }

    pub(crate) fn push_soa(&self, reply: &mut Reply, zone: &Name, section: Section) {
        let serial = self.cluster().map_or(0, |cluster| cluster.serial());
        let mut rdata = [NAME_SERVER, &self.apex, zone.wire()].concat();
        rdata.extend_from_slice(b"\x0ahostmaster");
        rdata.extend_from_slice(&self.apex);
        rdata.extend_from_slice(zone.wire());
        for number in [serial, 7200, 1800, 86400, self.ttl] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        let record = RecordRef::new(zone.view(), (RecordType::SOA, self.ttl), &rdata);
        reply.push_or_tc(section, record);
    }
}
