//! The hosts as queries look them up.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

use arc_swap::ArcSwap;
use catena_dns::NameRef;
use catena_index::shards::Shards;
use smallvec::SmallVec;

use crate::above::{self, Above};
use crate::sidecar::Sidecars;
use crate::{Choice, Client, HostName, Row, Sidecar, Viewer};

// With 10,000 hosts a shard holds one of them, or two to three of their addresses.
const HOST_SHARDS: usize = 8192;
const ADDRESS_SHARDS: usize = 4096;
/// For wildcards.
const FEW_SHARDS: usize = 256;

/// What is known of a host: at least one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The host.
    pub name: HostName,
    /// All rows, the oldest first.
    pub rows: SmallVec<[Row; 1]>,
    /// The octets of the name, here again: one cache miss less for each answer.
    key: SmallVec<[u8; 40]>,
}

impl Host {
    pub(crate) fn new(name: HostName, rows: impl IntoIterator<Item = Row>) -> Host {
        Host {
            key: SmallVec::from_slice(name.name().wire()),
            rows: rows.into_iter().collect(),
            name,
        }
    }

    /// Whether the host, or what a wildcard is below of, has this name in wire form.
    pub(crate) fn is_at(&self, wire: &[u8]) -> bool {
        *self.key == *wire
    }
}

/// The hosts that claim an address.
#[derive(Clone, Debug)]
pub(crate) struct HostsAt {
    pub address: IpAddr,
    /// In their order.
    pub hosts: SmallVec<[Arc<HostName>; 1]>,
    /// Whether it ever was an automatic address of one of them.
    pub is_automatic: bool,
}

/// All hosts; only a [`crate::Writer`] changes them.
pub struct Table {
    /// By name.
    pub(crate) exact: Shards<Host>,
    /// Wildcards, by the name that they are below of.
    pub(crate) below: Shards<Host>,
    pub(crate) at: Shards<HostsAt>,
    pub(crate) above: Shards<Above>,
    pub(crate) clients: Shards<Client>,
    pub(crate) sidecars: ArcSwap<Sidecars>,
    /// One bit for each number of labels that a wildcard was ever below of.
    pub(crate) depths: AtomicU64,
    /// Whether there ever was a Service.
    pub(crate) has_services: AtomicBool,
    pub(crate) hosts: AtomicUsize,
    pub(crate) serial: AtomicU32,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            exact: Shards::new(HOST_SHARDS),
            below: Shards::new(FEW_SHARDS),
            at: Shards::new(ADDRESS_SHARDS),
            above: Shards::new(FEW_SHARDS),
            clients: Shards::new(ADDRESS_SHARDS),
            sidecars: ArcSwap::default(),
            depths: AtomicU64::new(0),
            has_services: AtomicBool::new(false),
            hosts: AtomicUsize::new(0),
            serial: AtomicU32::new(0),
        }
    }
}

impl Table {
    /// Shows `look` the host that has exactly this name, which is in lower case.
    pub fn exact<R>(&self, name: NameRef<'_>, look: impl FnOnce(Option<&Host>) -> R) -> R {
        read(&self.exact, name, look)
    }

    /// Shows `look` the wildcard of the names below `name`, which is in lower case.
    pub fn below<R>(&self, name: NameRef<'_>, look: impl FnOnce(Option<&Host>) -> R) -> R {
        read(&self.below, name, look)
    }

    /// Whether a wildcard may be below a name of so many labels.
    pub(crate) fn has_depth(&self, labels: usize) -> bool {
        self.depths.load(Relaxed) >> labels.min(63) & 1 == 1
    }

    /// Whether there are hosts below `name`, which is in lower case.
    pub fn has_below(&self, name: NameRef<'_>) -> bool {
        above::has_below(&self.above, name)
    }

    /// The exact hosts that `viewer` finds at `address`, in an order of their own.
    pub fn hosts_at(&self, address: IpAddr, viewer: &Viewer<'_>) -> Vec<Arc<HostName>> {
        let hash = self.at.hash(&address);
        let is = |at: &HostsAt| at.address == address;
        let mut hosts = self.at.read(hash, is, |at| {
            at.map_or_else(Vec::new, |at| at.hosts.to_vec())
        });
        hosts.retain(|name| {
            !name.is_wildcard()
                && self.exact(name.name(), |host| {
                    host.is_some_and(|host| Choice::of(host, viewer).addresses().contains(&address))
                })
        });
        hosts
    }

    /// Shows `look` the client that has the address.
    pub fn client<R>(&self, address: IpAddr, look: impl FnOnce(Option<&Client>) -> R) -> R {
        let hash = self.clients.hash(&address);
        let is = |client: &Client| client.address == address;
        self.clients.read(hash, is, look)
    }

    /// The Sidecar resource for a workload in `namespace`; `root` is the namespace of the mesh.
    pub fn sidecar(
        &self,
        namespace: &str,
        labels: &[(Box<str>, Box<str>)],
        root: &str,
    ) -> Option<Arc<Sidecar>> {
        self.sidecars.load().of(namespace, labels, root).cloned()
    }

    /// How many hosts there are.
    pub fn len(&self) -> usize {
        self.hosts.load(Relaxed)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The Unix time of the last change; 0 before any.
    pub fn serial(&self) -> u32 {
        self.serial.load(Relaxed)
    }

    /// Shows `see` every host; not all of one moment.
    pub fn each(&self, mut see: impl FnMut(&Host)) {
        self.exact.each(|host| see(host));
        self.below.each(|host| see(host));
    }
}

fn read<R>(shards: &Shards<Host>, name: NameRef<'_>, look: impl FnOnce(Option<&Host>) -> R) -> R {
    let wire = name.wire();
    shards.read(shards.hash(wire), |host| host.is_at(wire), look)
}
