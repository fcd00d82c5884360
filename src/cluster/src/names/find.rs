//! Finds what addresses a name of a cluster has.

use std::net::IpAddr;

use catena_dns::{Name, NameRef};
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use smallvec::SmallVec;

use super::{Names, Pods, Zone};
use crate::object::{Port, ServiceKind, Slice};
use crate::question::{Asked, Path, PathKind, is_reverse, parse};
use crate::store::{Entry, Store};

/// The kind of addresses that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// What there is at a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No such name.
    Missing,
    /// The name exists, and holds nothing.
    Nothing,
    /// It has hosts; those of the family asked for are in [`Hosts`].
    Hosts,
    /// It is another name for this one.
    Alias(Name),
}

/// The addresses of a name.
pub(super) type Hosts = SmallVec<[IpAddr; 16]>;

impl Family {
    pub fn holds(self, address: IpAddr) -> bool {
        address.is_ipv4() == (self == Family::V4)
    }
}

impl Names {
    /// Finds what is at `name`, in lower case and within `zone`.
    pub(super) fn find(
        &self,
        name: NameRef<'_>,
        zone: &Zone,
        family: Family,
        hosts: &mut Hosts,
    ) -> Found {
        match parse(name, zone.name.view(), zone.grammar) {
            Asked::Nothing => Found::Nothing,
            Asked::Invalid => Found::Missing,
            Asked::Name(_) if zone.holds_reverse && is_reverse(name) => Found::Missing,
            Asked::Name(path) if !self.is_exposed(path.namespace) => Found::Missing,
            Asked::Name(path) if path.kind == PathKind::Pod => self.find_pods(&path, family, hosts),
            Asked::Name(path) if path.service.is_empty() => Found::Nothing,
            Asked::Name(path) => self.look_at(&path, zone, |entry| match entry {
                Some(entry) => find_hosts(entry, &path, family, hosts),
                None => Found::Missing,
            }),
        }
    }

    /// Shows `look` the service that `path` means, if there is one that may be answered for.
    pub(super) fn look_at<R>(
        &self,
        path: &Path<'_>,
        zone: &Zone,
        look: impl FnOnce(Option<&Entry>) -> R,
    ) -> R {
        let store = &self.cluster.store;
        let entries = match zone.grammar.multicluster {
            true => &store.imports,
            false => &store.entries,
        };
        Store::entry(entries, path.key, |entry| {
            look(entry.filter(|entry| self.answers_for(entry, path)))
        })
    }

    fn answers_for(&self, entry: &Entry, path: &Path<'_>) -> bool {
        let is_headless = match entry.kind() {
            ServiceKind::Unnamed => return false,
            ServiceKind::External(_) => {
                return path.endpoint.is_empty()
                    && path.port.is_empty()
                    && path.protocol.is_empty()
                    && path.topology.is_none();
            }
            kind => *kind == ServiceKind::Headless,
        };
        let is_empty = || entry.endpoints().next().is_none();
        if self.rules.ignores_empty && !is_headless && is_empty() {
            return false;
        }
        is_headless || path.topology.is_none()
    }

    fn find_pods(&self, path: &Path<'_>, family: Family, hosts: &mut Hosts) -> Found {
        if self.rules.pods == Pods::Disabled {
            return Found::Missing;
        }
        if path.service.is_empty() {
            return Found::Nothing;
        }
        let Some(address) = self.pod_address(path) else {
            return Found::Missing;
        };
        if family.holds(address) {
            hosts.push(address);
        }
        Found::Hosts
    }

    /// The address in a pod's name, if there may be such a pod.
    pub(super) fn pod_address(&self, path: &Path<'_>) -> Option<IpAddr> {
        let address = undashed(path.service)?;
        let is_there = match self.rules.pods {
            Pods::Disabled => false,
            Pods::Insecure => true,
            Pods::Verified => {
                let mut is_there = false;
                self.cluster.store.pods_at(address, |pod| {
                    let namespace = pod.namespace.as_bytes();
                    is_there |= namespace.eq_ignore_ascii_case(path.namespace);
                });
                is_there
            }
        };
        is_there.then_some(address)
    }
}

/// The address that a pod's label is made of.
fn undashed(label: &[u8]) -> Option<IpAddr> {
    let dashes = label.iter().filter(|octet| **octet == b'-').count();
    let is_v4 = dashes == 3 && !label.windows(2).any(|pair| pair == b"--");
    let separator = if is_v4 { b'.' } else { b':' };
    let mut text = SmallVec::<[u8; 64]>::from_slice(label);
    for octet in &mut text {
        if *octet == b'-' {
            *octet = separator;
        }
    }
    let text = std::str::from_utf8(&text).ok()?;
    let address: IpAddr = text.parse().ok()?;
    Some(address.to_canonical())
}

/// The addresses of a service or of its endpoints.
fn find_hosts(entry: &Entry, path: &Path<'_>, family: Family, hosts: &mut Hosts) -> Found {
    let addresses = match entry.kind() {
        ServiceKind::External(name) => return Found::Alias(name.clone()),
        ServiceKind::Cluster(addresses) if path.endpoint.is_empty() => addresses,
        _ => return find_endpoints(entry, path, family, hosts),
    };
    if !entry.has_port(path.port, path.protocol) {
        return Found::Missing;
    }
    for address in addresses {
        if family.holds(*address) && !hosts.contains(address) {
            hosts.push(*address);
        }
    }
    match addresses.is_empty() {
        true => Found::Nothing,
        false => Found::Hosts,
    }
}

fn find_endpoints(entry: &Entry, path: &Path<'_>, family: Family, hosts: &mut Hosts) -> Found {
    let mut known = HashSet::with_hasher(RandomState::default());
    let selection = Selection::new(entry, path);
    let mut any = false;
    for slice in &entry.slices {
        if !any_port(&slice.ports, path) {
            continue;
        }
        for endpoint in &slice.endpoints {
            if !selection.holds(slice, endpoint) {
                continue;
            }
            any = true;
            let address = endpoint.address;
            if family.holds(address) && (entry.is_distinct || known.insert(address)) {
                hosts.push(address);
            }
        }
    }
    match (any, &path.topology) {
        (true, _) => Found::Hosts,
        (false, Some(_)) => Found::Nothing,
        (false, None) => Found::Missing,
    }
}

pub(super) fn any_port(ports: &[Port], path: &Path<'_>) -> bool {
    ports.iter().any(|port| port.is(path.port, path.protocol))
}

/// Which endpoints of an entry a name means.
pub(super) struct Selection<'p> {
    path: &'p Path<'p>,
    /// The zone they must be in.
    zone: Option<&'p [u8]>,
}

impl<'p> Selection<'p> {
    pub fn new(entry: &Entry, path: &'p Path<'p>) -> Self {
        let zone = path.topology.as_ref().map(|topology| &*topology.zone);
        let in_zone = Selection { path, zone };
        let is_preference = path.topology.as_ref().is_some_and(|t| t.is_preference);
        let holds_any = || {
            entry.endpoints().any(|(slice, endpoint)| {
                any_port(&slice.ports, path) && in_zone.holds(slice, endpoint)
            })
        };
        match is_preference && !holds_any() {
            true => Selection { path, zone: None },
            false => in_zone,
        }
    }

    pub fn holds(&self, slice: &Slice, endpoint: &crate::object::Endpoint) -> bool {
        if self.zone.is_some_and(|zone| !endpoint.is_in(zone)) {
            return false;
        }
        let asked = self.path.endpoint;
        if asked.is_empty() {
            return true;
        }
        let cluster = slice.cluster.as_deref();
        cluster.is_none_or(|cluster| cluster == self.path.cluster) && endpoint.is_called(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::undashed;

    #[test]
    fn labels_of_pods_become_addresses() {
        for (label, expected) in [
            ("10-0-0-1", Some("10.0.0.1")),
            ("2001-db8--1", Some("2001:db8::1")),
            ("--1", Some("::1")),
            ("10-0-0", None),
            ("10-0-0-256", None),
            ("web", None),
            ("", None),
        ] {
            let expected = expected.and_then(|address| address.parse().ok());
            assert_eq!(undashed(label.as_bytes()), expected, "{label}");
        }
    }
}
