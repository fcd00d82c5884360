//! SRV records of services, endpoints and pods.

use std::net::IpAddr;

use catena_dns::{AddressRdata, RecordType, Reply, Section};
use catena_plugin::Query;
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use smallvec::SmallVec;

use super::find::{Selection, any_port};
use super::lookup::is_below;
use super::writing::{Octets, name, zone_as_asked};
use super::{Names, Verdict, Zone};
use crate::object::{Endpoint, Port, ServiceKind, Slice};
use crate::question::{Asked, Path, PathKind, is_reverse, parse};
use crate::store::Entry;

/// Where the target begins in SRV RDATA.
const TARGET_AT: usize = 6;

/// The numbers of some ports.
type Numbers = SmallVec<[u16; 4]>;

/// An answer of SRV records on its way.
struct Writing {
    reply: Reply,
    /// The service's name, which targets end in: the zone as the client wrote it, the rest in
    /// lower case.
    service: Octets,
    ttl: u32,
    weight: u16,
}

impl Names {
    pub(super) fn service_records(&self, query: &Query<'_>, zone: &Zone) -> Verdict {
        if is_below(query.name(), zone, b"\x02ns\x03dns") {
            return Verdict::Empty;
        }
        let path = match parse(query.name(), zone.name.view(), zone.grammar) {
            Asked::Nothing => return Verdict::Empty,
            Asked::Invalid => return Verdict::Missing,
            Asked::Name(_) if zone.holds_reverse && is_reverse(query.name()) => {
                return Verdict::Missing;
            }
            Asked::Name(path) => path,
        };
        if !self.is_exposed(path.namespace) {
            return Verdict::Missing;
        }
        let writing = || Writing {
            reply: Reply::authoritative(query),
            service: service_name(query, zone, path.key_at),
            ttl: self.rules.ttl,
            weight: 0,
        };
        if path.kind == PathKind::Pod {
            return self.pod_service_records(&path, writing);
        }
        if path.service.is_empty() {
            return Verdict::Empty;
        }
        self.look_at(&path, zone, |found| match found {
            None => Verdict::Missing,
            Some(entry) => match entry.kind() {
                ServiceKind::External(_) | ServiceKind::Unnamed => Verdict::Empty,
                ServiceKind::Cluster(addresses) if path.endpoint.is_empty() => {
                    writing().of_cluster(entry, addresses, &path)
                }
                _ => writing().of_endpoints(entry, &path),
            },
        })
    }

    fn pod_service_records(&self, path: &Path<'_>, writing: impl FnOnce() -> Writing) -> Verdict {
        if path.service.is_empty() && self.rules.pods != super::Pods::Disabled {
            return Verdict::Empty;
        }
        match self.pod_address(path) {
            None => Verdict::Missing,
            Some(address) => {
                let mut writing = writing();
                writing.weight = weight(1);
                let at = writing.push(b"", 0);
                writing.push_glue(at, b"", address);
                Verdict::Answer(writing.reply)
            }
        }
    }
}

impl Writing {
    fn of_cluster(mut self, entry: &Entry, addresses: &[IpAddr], path: &Path<'_>) -> Verdict {
        let ports = entry.service().map_or(&[][..], |service| &service.ports);
        let matching = |port: &&Port| port.is(path.port, path.protocol);
        let count = ports.iter().filter(matching).count();
        if count == 0 {
            return Verdict::Missing;
        }
        self.weight = weight(count * addresses.len());
        let numbers = numbers(ports, path);
        if addresses.is_empty() || numbers.is_empty() {
            return Verdict::Empty;
        }
        let mut at = None;
        for number in numbers {
            at = self.push(b"", number).or(at);
        }
        for address in addresses {
            self.push_glue(at, b"", *address);
        }
        Verdict::Answer(self.reply)
    }

    fn of_endpoints(mut self, entry: &Entry, path: &Path<'_>) -> Verdict {
        let selection = Selection::new(entry, path);
        let slices = entry.slices.iter();
        let slices: SmallVec<[(&Slice, Numbers); 2]> = slices
            .filter(|slice| any_port(&slice.ports, path))
            .map(|slice| (&**slice, numbers(&slice.ports, path)))
            .collect();
        let mut count = 0;
        for (slice, _) in &slices {
            let ports = slice.ports.iter();
            let ports = ports
                .filter(|port| port.is(path.port, path.protocol))
                .count();
            let endpoints = slice.endpoints.iter();
            count += ports * endpoints.filter(|e| selection.holds(slice, e)).count();
        }
        if count == 0 {
            return match path.topology {
                Some(_) => Verdict::Empty,
                None => Verdict::Missing,
            };
        }
        self.weight = weight(count);
        let chosen = || {
            slices.iter().flat_map(|(slice, numbers)| {
                let endpoints = slice.endpoints.iter();
                let chosen = endpoints.filter(|endpoint| selection.holds(slice, endpoint));
                chosen.map(move |endpoint| (*slice, endpoint, numbers))
            })
        };
        let mut once = Once::new(entry.is_distinct);
        let mut labels = Vec::with_capacity(64);
        // Where the target of each endpoint stands, while each has one of its own.
        let mut targets = SmallVec::<[Option<usize>; 16]>::new();
        for (slice, endpoint, numbers) in chosen() {
            write_labels(slice, endpoint, &mut labels);
            let mut target = None;
            for number in numbers {
                if once.is_first(&labels, (None, *number)) {
                    target = self.push(&labels, *number).or(target);
                }
            }
            targets.push(target);
        }
        if self.reply.count(Section::Answer) == 0 {
            return Verdict::Empty;
        }
        for ((slice, endpoint, numbers), at) in chosen().zip(targets) {
            if at.is_none() || !entry.is_distinct {
                write_labels(slice, endpoint, &mut labels);
            }
            if !numbers.is_empty() && once.is_first(&labels, (Some(endpoint.address), 0)) {
                self.push_glue(at, &labels, endpoint.address);
            }
        }
        Verdict::Answer(self.reply)
    }

    /// Adds an SRV record for a target of `labels` before the service's name.
    ///
    /// Returns where the target stands, so that its address can point to it.
    fn push(&mut self, labels: &[u8], port: u16) -> Option<usize> {
        let mut rdata = Octets::new();
        for number in [0, self.weight, port] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        rdata.extend_from_slice(labels);
        rdata.extend_from_slice(&self.service);
        let at = self.reply.push_asked((RecordType::SRV, self.ttl), &rdata)?;
        Some(at + TARGET_AT)
    }

    /// Adds the address of a target, which may stand at `at` already.
    fn push_glue(&mut self, at: Option<usize>, labels: &[u8], address: IpAddr) {
        let pointed = at.and_then(|at| {
            let data = AddressRdata::from(address);
            let kind = (data.rtype(), self.ttl);
            self.reply
                .push_pointing(Section::Additional, at, kind, data.octets())
        });
        if pointed.is_some() {
            return;
        }
        let mut target = Octets::from_slice(labels);
        target.extend_from_slice(&self.service);
        let owner = (name(&target), self.ttl);
        self.reply.push_address(Section::Additional, owner, address);
    }
}

/// The name of the service that is asked for, which begins at `at`.
fn service_name(query: &Query<'_>, zone: &Zone, at: usize) -> Octets {
    let (own, zone) = (query.name().wire(), zone_as_asked(query, zone).wire());
    let service = own.get(at..own.len().saturating_sub(zone.len()));
    let mut name = Octets::from_slice(service.unwrap_or(&[]));
    name.extend_from_slice(zone);
    name
}

/// Writes the labels of an endpoint before those of its service, in wire form.
fn write_labels(slice: &Slice, endpoint: &Endpoint, out: &mut Vec<u8>) {
    out.clear();
    out.push(0);
    endpoint.label(out);
    let length = u8::try_from(out.len() - 1).unwrap_or(0);
    if let Some(first) = out.first_mut() {
        *first = length;
    }
    if let Some(cluster) = slice
        .cluster
        .as_deref()
        .filter(|cluster| !cluster.is_empty())
    {
        out.push(u8::try_from(cluster.len()).unwrap_or(0));
        out.extend_from_slice(cluster);
    }
}

/// The numbers of the ports that are meant, each once.
fn numbers(ports: &[Port], path: &Path<'_>) -> Numbers {
    let mut numbers = Numbers::new();
    let meant = ports
        .iter()
        .filter(|port| port.is(path.port, path.protocol));
    for number in meant.filter_map(|port| port.number) {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// Each of `count` services gets an equal share of 100, but not nothing.
fn weight(count: usize) -> u16 {
    let share = 100 / u16::try_from(count.max(1)).unwrap_or(u16::MAX);
    share.max(1)
}

/// Tells what was seen before, where something may come twice.
struct Once {
    is_distinct: bool,
    seen: HashSet<(Vec<u8>, Option<IpAddr>, u16), RandomState>,
}

impl Once {
    fn new(is_distinct: bool) -> Once {
        Once {
            is_distinct,
            seen: HashSet::default(),
        }
    }

    fn is_first(&mut self, labels: &[u8], (address, port): (Option<IpAddr>, u16)) -> bool {
        self.is_distinct || self.seen.insert((labels.to_vec(), address, port))
    }
}
