//! What `k8s_external` asks: addresses outside the cluster.

use std::net::IpAddr;

use catena_dns::NameRef;
use catena_plugin::{
    External, ExternalHost, ExternalNames, ExternalService, ExternalTarget, Headless,
};
use smallvec::SmallVec;

use super::Names;
use crate::object::{Host, Port, Service, ServiceKind, Slice};
use crate::store::{Entry, Serial, Store};

/// The parts of a name below the zone; those that are missing are empty.
#[derive(Default)]
struct Outside<'a> {
    namespace: &'a [u8],
    service: &'a [u8],
    key: &'a [u8],
    endpoint: &'a [u8],
    port: &'a [u8],
    protocol: &'a [u8],
}

impl ExternalNames for Names {
    fn find(&self, name: NameRef<'_>, headless: Headless) -> External {
        let Some(outside) = split(name) else {
            return External::Missing;
        };
        if !self.is_exposed(outside.namespace) {
            return External::Missing;
        }
        if outside.service.is_empty() {
            return External::Hosts(Vec::new());
        }
        let entries = &self.cluster.store.entries;
        let hosts = Store::entry(entries, outside.key, |entry| {
            let entry = entry?;
            let service = entry.service()?;
            Some(hosts(entry, service, &outside, headless))
        });
        match hosts {
            Some(hosts) if !hosts.is_empty() => External::Hosts(hosts),
            _ => External::Missing,
        }
    }

    fn names_of(&self, address: IpAddr) -> Vec<Vec<u8>> {
        let mut names = Vec::new();
        self.cluster.store.external_at(address, |key| {
            let is_everywhere = self.rules.namespaces.is_empty();
            if is_everywhere || self.is_exposed(Slice::namespace_of(key)) {
                names.push(key.to_vec());
            }
        });
        names
    }

    fn own_addresses(&self, headless: Headless) -> Vec<IpAddr> {
        let mut is_endpoint = false;
        let mut addresses = Vec::new();
        for (slice, service) in self.own_services(&mut is_endpoint) {
            if headless == Headless::Known && service.kind == ServiceKind::Headless {
                addresses.extend(slice.endpoints.iter().map(|endpoint| endpoint.address));
                continue;
            }
            addresses.extend(service.external.iter().filter_map(|host| match host {
                Host::Address(address) => Some(*address),
                Host::Name(_) => None,
            }));
        }
        if is_endpoint {
            addresses
        } else {
            self.local.get().cloned().unwrap_or_default()
        }
    }

    fn services(&self, headless: Headless) -> Vec<ExternalService> {
        let mut services = Vec::new();
        self.cluster.store.entries.each(|entry| {
            let Some(service) = entry.service() else {
                return;
            };
            let by_endpoints = headless == Headless::Known && service.kind == ServiceKind::Headless;
            let is_outside = by_endpoints || !service.external.is_empty();
            if is_outside && self.is_exposed(Slice::namespace_of(&entry.key)) {
                let ports = match by_endpoints && service.external.is_empty() {
                    true => entry
                        .slices
                        .iter()
                        .flat_map(|slice| &*slice.ports)
                        .collect(),
                    false => Vec::from_iter(&*service.ports),
                };
                let mut ports: Vec<_> = ports.into_iter().filter_map(Port::labels).collect();
                ports.sort_unstable();
                ports.dedup();
                let labels = entry.key.to_vec();
                services.push(ExternalService { labels, ports });
            }
        });
        services.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        services
    }

    fn is_complete(&self) -> bool {
        self.cluster.feeds.is_listed()
    }

    fn serial(&self) -> u32 {
        self.cluster.store.serial(Serial::External)
    }

    fn ttl(&self) -> u32 {
        self.rules.ttl
    }
}

fn split(name: NameRef<'_>) -> Option<Outside<'_>> {
    let labels: SmallVec<[&[u8]; 8]> = name.labels().collect();
    let mut outside = Outside::default();
    let (namespace, rest) = labels.split_last()?;
    outside.namespace = namespace;
    let Some((service, rest)) = rest.split_last() else {
        return Some(outside);
    };
    outside.service = service;
    let wire = name.wire();
    let end = wire.len() - 1;
    let start = end.checked_sub(service.len() + namespace.len() + 2)?;
    outside.key = wire.get(start..end)?;
    match rest {
        [] => {}
        [endpoint] => outside.endpoint = plain(endpoint),
        [port, protocol] => {
            outside.port = plain(port);
            outside.protocol = plain(protocol);
        }
        _ => return None,
    }
    Some(outside)
}

/// `label` without its underscore.
fn plain(label: &[u8]) -> &[u8] {
    label.strip_prefix(b"_").unwrap_or(label)
}

fn hosts(
    entry: &Entry,
    service: &Service,
    outside: &Outside<'_>,
    headless: Headless,
) -> Vec<ExternalHost> {
    let by_endpoints = headless == Headless::Known
        && service.external.is_empty()
        && (service.kind == ServiceKind::Headless || !outside.endpoint.is_empty());
    let meant = |port: &&Port| port.is(outside.port, outside.protocol);
    let mut hosts = Vec::new();
    if !by_endpoints {
        for host in &service.external {
            let target = match host {
                Host::Address(address) => ExternalTarget::Address(*address),
                Host::Name(name) => ExternalTarget::Name(name.clone()),
            };
            for port in service.ports.iter().filter(meant) {
                hosts.push(ExternalHost {
                    labels: entry.key.to_vec(),
                    target: target.clone(),
                    port: port.number,
                });
            }
        }
        return hosts;
    }
    for (slice, endpoint) in entry.endpoints() {
        if !outside.endpoint.is_empty() && !endpoint.is_called(outside.endpoint) {
            continue;
        }
        let mut label = Vec::with_capacity(64);
        endpoint.label(&mut label);
        let mut labels = vec![u8::try_from(label.len()).unwrap_or(0)];
        labels.extend_from_slice(&label);
        labels.extend_from_slice(&entry.key);
        for port in slice.ports.iter().filter(meant) {
            hosts.push(ExternalHost {
                labels: labels.clone(),
                target: ExternalTarget::Address(endpoint.address),
                port: port.number,
            });
        }
    }
    hosts
}
