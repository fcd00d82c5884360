//! Lends the zones to `transfer`.

use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::{AddressRdata, Class, Name, NameRef, Record, RecordType};
use catena_plugin::{
    External as Found, ExternalHost, ExternalNames, ExternalService, ExternalTarget, Lent,
    LentZone, Listed, RecordSource, Transfers,
};

use crate::apex::NAME_SERVER;
use crate::{External, K8sExternal};

impl Transfers for K8sExternal {
    fn zones(&self) -> Vec<Name> {
        self.0.zones.clone()
    }

    fn lend(&self, zone: NameRef<'_>) -> Lent {
        let mut zones = self.0.zones.iter();
        let Some(zone) = zones.find(|known| known.view() == zone) else {
            return Lent::Missing;
        };
        match self.0.cluster() {
            Some(cluster) if cluster.is_complete() => Lent::Zone(Box::new(Writing {
                external: Arc::clone(&self.0),
                zone: zone.clone(),
            })),
            _ => Lent::failed("plugin/k8s_external: the cluster is not known yet"),
        }
    }
}

/// The records of one zone, made as they are asked for.
struct Writing {
    external: Arc<External>,
    zone: Name,
}

impl LentZone for Writing {
    fn soa(&self) -> Record {
        let serial = self.external.cluster().map_or(0, ExternalNames::serial);
        let apex = &self.external.apex;
        let mut rdata = [NAME_SERVER, apex, self.zone.wire()].concat();
        rdata.extend_from_slice(b"\x0ahostmaster");
        rdata.extend_from_slice(apex);
        rdata.extend_from_slice(self.zone.wire());
        for number in [serial, 7200, 1800, 86400, self.external.ttl] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        self.record(&[], RecordType::SOA, &rdata)
    }

    fn into_records(self: Box<Self>) -> Box<dyn RecordSource> {
        let Some(cluster) = self.external.cluster() else {
            return Box::new(Listed::new([]));
        };
        let server = [NAME_SERVER, &self.external.apex].concat();
        let mut first = vec![self.record(&[], RecordType::NS, &self.full(&server))];
        let addresses = cluster.own_addresses(self.external.headless);
        first.extend(
            addresses
                .into_iter()
                .map(|address| self.address(&server, address)),
        );
        let services = match is_reverse(&self.zone) {
            true => Vec::new(),
            false => cluster.services(self.external.headless),
        };
        let services = services.into_iter();
        let services = services.flat_map(move |service| self.records_of(&service));
        Box::new(Listed::new(first.into_iter().chain(services)))
    }
}

impl Writing {
    fn full(&self, labels: &[u8]) -> Vec<u8> {
        [labels, self.zone.wire()].concat()
    }

    fn record(&self, labels: &[u8], rtype: RecordType, rdata: &[u8]) -> Record {
        let owner = self.full(labels);
        Record {
            name: NameRef::from_wire(&owner).map_or_else(|_| Name::root(), NameRef::to_name),
            rtype,
            class: Class::IN,
            ttl: self.external.ttl,
            rdata: rdata.into(),
        }
    }

    fn address(&self, labels: &[u8], address: IpAddr) -> Record {
        let data = AddressRdata::from(address);
        self.record(labels, data.rtype(), data.octets())
    }

    fn hosts(&self, labels: &[u8]) -> Vec<ExternalHost> {
        let wire = [labels, &[0]].concat();
        let name = NameRef::from_wire(&wire).unwrap_or(NameRef::ROOT);
        let cluster = self.external.cluster();
        match cluster.map(|cluster| cluster.find(name, self.external.headless)) {
            Some(Found::Hosts(hosts)) => hosts,
            _ => Vec::new(),
        }
    }

    /// As CoreDNS has it: addresses once for each port, and one SRV record a name.
    fn records_of(&self, service: &ExternalService) -> Vec<Record> {
        let hosts = self.hosts(&service.labels);
        let mut records = Vec::new();
        for host in &hosts {
            match &host.target {
                ExternalTarget::Address(address) => {
                    records.push(self.address(&service.labels, *address));
                    if host.labels != service.labels {
                        records.push(self.address(&host.labels, *address));
                    }
                }
                ExternalTarget::Name(name) => {
                    let alias = self.record(&service.labels, RecordType::CNAME, name.wire());
                    if !records.contains(&alias) {
                        records.push(alias);
                    }
                }
            }
        }
        records.extend(self.services(&service.labels, &service.labels, &hosts));
        for port in &service.ports {
            let owner = [&**port, &*service.labels].concat();
            let hosts = self.hosts(&owner);
            records.extend(self.services(&owner, &service.labels, &hosts));
        }
        records
    }

    /// One SRV record for the service itself; one for each endpoint of a headless one.
    fn services(&self, owner: &[u8], service: &[u8], hosts: &[ExternalHost]) -> Vec<Record> {
        let with_port = hosts.iter().filter_map(|host| Some((host, host.port?)));
        let is_headless = hosts.iter().any(|host| host.labels != service);
        let count = if is_headless { hosts.len() } else { 1 };
        let weight = 100 / u16::try_from(count.max(1)).unwrap_or(u16::MAX);
        let records = with_port.take(count).map(|(host, port)| {
            let mut rdata = Vec::with_capacity(64);
            for number in [0, weight.max(1), port] {
                rdata.extend_from_slice(&number.to_be_bytes());
            }
            match &host.target {
                ExternalTarget::Address(_) => rdata.extend(self.full(&host.labels)),
                ExternalTarget::Name(name) => rdata.extend_from_slice(name.wire()),
            }
            self.record(owner, RecordType::SRV, &rdata)
        });
        records.collect()
    }
}

/// Whether `zone` holds nothing but reverse names.
fn is_reverse(zone: &Name) -> bool {
    let is_below = |reverse: &str| {
        let reverse: Option<Name> = reverse.parse().ok();
        reverse.is_some_and(|reverse| zone.view().is_within(reverse.view()))
    };
    is_below("in-addr.arpa.") || is_below("ip6.arpa.")
}
