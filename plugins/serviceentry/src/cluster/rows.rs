//! Makes rows of objects.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;
use catena_kube::Id;
use catena_mesh::{Addresses, Exports, HostName, Origin, Owner, Reach, Row, Without};

use super::{LegacyDefault, Making};
use crate::object::{DefaultExports, Entry, EntryPlace, Legacy, Service, ServicePlace, Slice};

/// Makes rows of objects.
pub(super) struct Rows {
    pub making: Making,
    /// Who may see what does not say who may see it.
    pub exports: DefaultExports,
}

impl Rows {
    /// The rows of a ServiceEntry, which is at the addresses of `pods` if it selects pods.
    pub fn of_entry(&self, entry: &Entry, owner: &Owner, pods: &[IpAddr]) -> Vec<(HostName, Row)> {
        if let Some(default) = self.making.legacy {
            return legacy_rows(entry, owner, default);
        }
        let row = Row {
            owner: owner.clone(),
            namespace: Arc::clone(&entry.id.namespace),
            origin: Origin::Entry,
            created: entry.created,
            exports: self.exports(entry.exports.as_ref(), &entry.id),
            has_exports: entry.exports.is_some(),
            addresses: Addresses::none(Without::Unknown),
            ports: Arc::clone(&entry.ports),
        };
        let hosts = entry.hosts.iter().map(|host| {
            let addresses = match &entry.place {
                EntryPlace::Given(list) => Addresses::given(list.clone()),
                EntryPlace::Pods(_) if pods.is_empty() => Addresses::none(Without::NoEndpoint),
                EntryPlace::Pods(_) => Addresses::given(pods),
                EntryPlace::Nowhere(without) => Addresses::none(*without),
                EntryPlace::Automatic(written) => automatic(host, written),
            };
            let row = Row {
                addresses,
                ..row.clone()
            };
            (host.clone(), row)
        });
        hosts.collect()
    }

    /// The rows of a Service: its own, and if it has no address those of its pods with names.
    pub fn of_service(
        &self,
        service: &Service,
        owner: &Owner,
        slices: &[&Slice],
    ) -> Vec<(HostName, Row)> {
        let own = |labels: &[&str]| {
            let namespace: &str = &service.id.namespace;
            let rest = [&*service.id.name, namespace, "svc"];
            let labels = labels.iter().chain(&rest).map(|label| label.as_bytes());
            let name = Name::from_labels(labels, self.making.domain.view());
            name.ok()
                .map(|name| HostName::Exact(name.view().to_lower()))
        };
        let Some(host) = own(&[]) else {
            return Vec::new();
        };
        let row = |addresses| Row {
            owner: owner.clone(),
            namespace: Arc::clone(&service.id.namespace),
            origin: Origin::Service,
            created: service.created,
            exports: self.exports(service.exports.as_ref(), &service.id),
            has_exports: service.exports.is_some(),
            addresses,
            ports: Arc::clone(&service.ports),
        };
        let all = match &service.place {
            ServicePlace::Nowhere => {
                return vec![(host, row(Addresses::none(Without::NotServed)))];
            }
            ServicePlace::Addresses(list) => {
                return vec![(host, row(Addresses::of(list.clone(), Reach::Families)))];
            }
            ServicePlace::Endpoints { all } => *all,
        };
        let (addresses, named) = endpoints(service, slices, all);
        let addresses = match addresses.is_empty() {
            true => Addresses::none(Without::NoEndpoint),
            false => Addresses::of(addresses, Reach::Endpoints),
        };
        let mut rows = vec![(host, row(addresses))];
        for (hostname, addresses) in named {
            if let Some(host) = own(&[hostname]) {
                let origin = Origin::Pod;
                let addresses = Addresses::of(addresses, Reach::Endpoints);
                let row = Row {
                    origin,
                    ..row(addresses)
                };
                rows.push((host, row));
            }
        }
        rows
    }

    fn exports(&self, said: Option<&Exports>, id: &Id) -> Exports {
        match said {
            Some(exports) => exports.clone(),
            None => self.exports.of(&id.namespace),
        }
    }
}

/// The rows of an entry as the older istio-coredns-plugin has them: of all namespaces alike.
fn legacy_rows(
    entry: &Entry,
    owner: &Owner,
    LegacyDefault(default): LegacyDefault,
) -> Vec<(HostName, Row)> {
    let list: Box<[IpAddr]> = match &entry.legacy {
        Legacy::Skipped => return Vec::new(),
        Legacy::Default => match default {
            Some(default) => [default].into(),
            None => return Vec::new(),
        },
        Legacy::At(list) => list.clone(),
    };
    let row = Row {
        owner: owner.clone(),
        namespace: "".into(),
        origin: Origin::Entry,
        created: entry.created,
        exports: Exports::All,
        has_exports: true,
        addresses: Addresses::given(list),
        ports: Arc::clone(&entry.ports),
    };
    let hosts = entry.hosts.iter().map(|host| {
        // A `*` in any label stands for all of the first one.
        let has_star = host.name().labels().any(|label| label.contains(&b'*'));
        let host = match (host, host.name().parent()) {
            (HostName::Exact(_), Some(parent)) if has_star => HostName::Below(parent.to_name()),
            _ => host.clone(),
        };
        (host, row.clone())
    });
    hosts.collect()
}

/// What an allocator wrote for a host.
fn automatic(host: &HostName, written: &[(HostName, IpAddr)]) -> Addresses {
    let own = written.iter().filter(|(known, _)| known == host);
    let mut list: Vec<IpAddr> = own.map(|(_, address)| *address).collect();
    if list.is_empty() {
        return Addresses::none(match host.is_wildcard() {
            true => Without::Wildcard,
            false => Without::Awaited,
        });
    }
    // The one of IPv4 comes first: who is told one only is told that.
    list.sort_unstable();
    list.dedup();
    Addresses::of(list, Reach::Automatic)
}

/// Addresses of a Service's endpoints, and of those that have names, each once and in order.
fn endpoints<'s>(
    service: &Service,
    slices: &[&'s Slice],
    all: bool,
) -> (Vec<IpAddr>, BTreeMap<&'s str, Vec<IpAddr>>) {
    let serves = |slice: &&&Slice| {
        let mut ports = service.ports.iter();
        ports.any(|port| slice.ports.contains(&port.name))
    };
    let endpoints = slices
        .iter()
        .filter(serves)
        .flat_map(|slice| &slice.endpoints);
    let (mut addresses, mut named) = (Vec::new(), BTreeMap::<&str, Vec<IpAddr>>::new());
    for endpoint in endpoints.filter(|endpoint| all || endpoint.is_ready) {
        addresses.extend_from_slice(&endpoint.addresses);
        if let Some(hostname) = &endpoint.hostname {
            let own = named.entry(hostname).or_default();
            own.extend_from_slice(&endpoint.addresses);
        }
    }
    for list in named.values_mut().chain([&mut addresses]) {
        list.sort_unstable();
        list.dedup();
    }
    (addresses, named)
}
