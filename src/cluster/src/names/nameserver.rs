//! The name servers of a cluster's zone: the services that this server is an endpoint of.

use std::net::IpAddr;

use catena_dns::{RecordRef, RecordType, Reply, Section};
use catena_plugin::{Query, StartContext};

use super::writing::{Octets, name, zone_as_asked};
use super::{Family, Found, Hosts, Names, Verdict, Zone};
use crate::object::{Service, ServiceKind, Slice};
use crate::store::Store;

/// A name server: labels below the zone in wire form, and its address.
type Server = (Vec<u8>, IpAddr);

/// The addresses that other hosts may know this server by.
///
/// With `bind` there are none, as in CoreDNS.
pub fn local_addresses(context: &StartContext<'_>) -> Vec<IpAddr> {
    if !context.server.bind.is_empty() {
        return Vec::new();
    }
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        let v6 = || address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()));
        v4.or_else(v6)
    });
    addresses.filter(|address| !address.is_loopback()).collect()
}

impl Names {
    pub(super) fn name_servers(&self, query: &Query<'_>, zone: &Zone) -> Verdict {
        let servers = self.servers();
        if servers.is_empty() {
            return Verdict::Empty;
        }
        let asked = zone_as_asked(query, zone);
        let full = |labels: &[u8]| {
            let mut full = Octets::from_slice(labels);
            full.extend_from_slice(asked.wire());
            full
        };
        let mut reply = Reply::authoritative(query);
        let mut named: Vec<&[u8]> = Vec::new();
        for (labels, _) in &servers {
            if !named.contains(&labels.as_slice()) {
                named.push(labels);
                let (server, kind) = (full(labels), (RecordType::NS, self.rules.ttl));
                let record = RecordRef::new(query.name_as_asked(), kind, &server);
                reply.push_or_tc(Section::Answer, record);
            }
        }
        for (labels, address) in &servers {
            let full = full(labels);
            let owner = (name(&full), self.rules.ttl);
            reply.push_address(Section::Additional, owner, *address);
        }
        Verdict::Answer(reply)
    }

    /// The addresses of `ns.dns` below the zone.
    pub(super) fn find_name_servers(
        &self,
        _zone: &Zone,
        family: Family,
        hosts: &mut Hosts,
    ) -> Found {
        for (_, address) in self.servers() {
            if family.holds(address) && !hosts.contains(&address) {
                hosts.push(address);
            }
        }
        Found::Hosts
    }

    pub(super) fn servers(&self) -> Vec<Server> {
        let mut servers = Vec::new();
        let mut is_endpoint = false;
        for (slice, service) in self.own_services(&mut is_endpoint) {
            let service_name = [&*slice.key, b"\x03svc"].concat();
            match &service.kind {
                ServiceKind::Headless => {
                    servers.extend(named_endpoints(&slice, &service_name));
                }
                ServiceKind::Cluster(addresses) => {
                    let addresses = addresses.iter();
                    servers.extend(addresses.map(|address| (service_name.clone(), *address)));
                }
                _ => {}
            }
        }
        if !is_endpoint {
            let local = self.local.get().map_or(&[][..], Vec::as_slice);
            let local = local
                .iter()
                .map(|address| (b"\x02ns\x03dns".to_vec(), *address));
            servers.extend(local);
        }
        servers
    }

    /// The services that have this server as an endpoint, with the slices that say so.
    pub(super) fn own_services(
        &self,
        is_endpoint: &mut bool,
    ) -> Vec<(std::sync::Arc<Slice>, std::sync::Arc<Service>)> {
        let store = &self.cluster.store;
        let mut slices = Vec::new();
        for address in self.local.get().map_or(&[][..], Vec::as_slice) {
            store.endpoints_at(*address, |slice, _| {
                slices.push(std::sync::Arc::clone(slice))
            });
        }
        *is_endpoint = !slices.is_empty();
        let with_service = slices.into_iter().filter_map(|slice| {
            let service = Store::entry(&store.entries, &slice.key, |entry| {
                entry.and_then(|entry| entry.service().cloned())
            })?;
            Some((slice, service))
        });
        with_service.collect()
    }
}

/// Each endpoint of a slice with its own labels before `service`.
pub(super) fn named_endpoints(slice: &Slice, service: &[u8]) -> Vec<Server> {
    let endpoints = slice.endpoints.iter().map(|endpoint| {
        let mut label = Vec::new();
        endpoint.label(&mut label);
        let mut labels = vec![u8::try_from(label.len()).unwrap_or(0)];
        labels.extend_from_slice(&label);
        labels.extend_from_slice(service);
        (labels, endpoint.address)
    });
    endpoints.collect()
}
