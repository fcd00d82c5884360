//! Lends the zones of a cluster to `transfer`: its services, endpoints and name servers.

use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::{AddressRdata, Class, Name, NameRef, Record, RecordType};
use catena_plugin::{Lent, LentZone, Listed, RecordSource, Transfers};

use super::nameserver::named_endpoints;
use super::{Names, Stage, Zone};
use crate::object::{Port, Service, ServiceKind, Slice};
use crate::question::is_reverse;
use crate::store::Entry;

/// The share of an SRV record that is alone.
const WEIGHT: u16 = 100;

impl Transfers for Stage {
    fn zones(&self) -> Vec<Name> {
        let zones = self.0.lendable();
        zones.map(|zone| zone.name.clone()).collect()
    }

    fn lend(&self, zone: NameRef<'_>) -> Lent {
        let mut zones = self.0.lendable();
        let Some(zone) = zones.find(|known| known.name.view() == zone) else {
            return Lent::Missing;
        };
        if !self.0.cluster.feeds.is_listed() {
            return Lent::failed("plugin/kubernetes: the cluster is not known yet");
        }
        let writing = Writing {
            names: Arc::clone(&self.0),
            zone: zone.clone(),
        };
        Lent::Zone(Box::new(writing))
    }
}

impl Names {
    /// Reverse zones have no end: only those of services are lent.
    fn lendable(&self) -> impl Iterator<Item = &Zone> {
        let zones = self.rules.zones.iter();
        zones.filter(|zone| !is_reverse(zone.name.view()))
    }
}

/// The records of one zone, made as they are asked for out of a snapshot of its services.
struct Writing {
    names: Arc<Names>,
    zone: Zone,
}

impl LentZone for Writing {
    fn soa(&self) -> Record {
        let serial = self.names.serial(&self.zone);
        let mut rdata = self.full(b"\x02ns\x03dns");
        rdata.extend(self.full(b"\x0ahostmaster"));
        for number in [serial, 7200, 1800, 86400, self.names.rules.ttl] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        let mut soa = self.record(&[], RecordType::SOA, &rdata);
        soa.ttl = self.names.soa_ttl();
        soa
    }

    fn into_records(self: Box<Self>) -> Box<dyn RecordSource> {
        let store = &self.names.cluster.store;
        let entries = match self.zone.grammar.multicluster {
            true => &store.imports,
            false => &store.entries,
        };
        let mut services: Vec<Entry> = Vec::new();
        entries.each(|entry| {
            if entry.service().is_some() && self.names.is_exposed(Slice::namespace_of(&entry.key)) {
                services.push(entry.clone());
            }
        });
        services.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let servers = self.name_servers();
        let services = services.into_iter();
        let services = services.flat_map(move |entry| self.records_of(&entry));
        Box::new(Listed::new(servers.into_iter().chain(services)))
    }
}

impl Writing {
    /// `labels` and the zone in wire form.
    fn full(&self, labels: &[u8]) -> Vec<u8> {
        [labels, self.zone.name.wire()].concat()
    }

    fn record(&self, labels: &[u8], rtype: RecordType, rdata: &[u8]) -> Record {
        let owner = self.full(labels);
        Record {
            name: NameRef::from_wire(&owner).map_or_else(|_| Name::root(), NameRef::to_name),
            rtype,
            class: Class::IN,
            ttl: self.names.rules.ttl,
            rdata: rdata.into(),
        }
    }

    fn address(&self, labels: &[u8], address: IpAddr) -> Record {
        let data = AddressRdata::from(address);
        self.record(labels, data.rtype(), data.octets())
    }

    fn service(&self, labels: &[u8], (weight, port): (u16, u16), target: &[u8]) -> Record {
        let mut rdata = Vec::with_capacity(64);
        for number in [0, weight, port] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        rdata.extend(self.full(target));
        self.record(labels, RecordType::SRV, &rdata)
    }

    fn name_servers(&self) -> Vec<Record> {
        let servers = self.names.servers();
        let mut records: Vec<Record> = Vec::new();
        for (labels, _) in &servers {
            let record = self.record(&[], RecordType::NS, &self.full(labels));
            if !records.contains(&record) {
                records.push(record);
            }
        }
        let addresses = servers.iter();
        records.extend(addresses.map(|(labels, address)| self.address(labels, *address)));
        records
    }

    fn records_of(&self, entry: &Entry) -> Vec<Record> {
        let name = [&*entry.key, b"\x03svc"].concat();
        match entry.service().map(Arc::as_ref) {
            Some(service) => match &service.kind {
                ServiceKind::Cluster(addresses) => self.of_cluster(&name, addresses, service),
                ServiceKind::Headless => self.of_endpoints(&name, entry),
                ServiceKind::External(target) => {
                    vec![self.record(&name, RecordType::CNAME, target.wire())]
                }
                ServiceKind::Unnamed => Vec::new(),
            },
            None => Vec::new(),
        }
    }

    fn of_cluster(&self, name: &[u8], addresses: &[IpAddr], service: &Service) -> Vec<Record> {
        let addresses = addresses.iter();
        let mut records: Vec<Record> = addresses
            .map(|address| self.address(name, *address))
            .collect();
        for port in &*service.ports {
            let Some(number) = port.number else { continue };
            records.push(self.service(name, (WEIGHT, number), name));
            if let Some(labels) = port.labels() {
                let owner = [&*labels, name].concat();
                records.push(self.service(&owner, (WEIGHT, number), name));
            }
        }
        records
    }

    fn of_endpoints(&self, name: &[u8], entry: &Entry) -> Vec<Record> {
        let mut records = Vec::new();
        for slice in &entry.slices {
            let count = u16::try_from(slice.endpoints.len()).unwrap_or(u16::MAX);
            let weight = (WEIGHT / count.max(1)).max(1);
            for (endpoint, address) in named_endpoints(slice, name) {
                records.push(self.address(name, address));
                records.push(self.address(&endpoint, address));
                for port in &*slice.ports {
                    if let (Some(number), Some(labels)) = (port.number, port.labels()) {
                        let owner = [&*labels, name].concat();
                        records.push(self.service(&owner, (weight, number), &endpoint));
                    }
                }
            }
        }
        records
    }
}

impl Port {
    /// The labels that it is asked for by, `_http._tcp` in wire form; `None` without a name.
    pub fn labels(&self) -> Option<Vec<u8>> {
        if self.name.is_empty() {
            return None;
        }
        let mut labels = Vec::new();
        for part in [&*self.name, self.protocol.name()] {
            labels.push(u8::try_from(part.len() + 1).ok().filter(|len| *len < 64)?);
            labels.push(b'_');
            labels.extend_from_slice(part);
        }
        Some(labels)
    }
}
