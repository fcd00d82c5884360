//! The objects that names of a mesh are made of, and no more of them than that.

mod core;
mod istio;
mod legacy;
mod mesh;

use std::net::IpAddr;
use std::sync::Arc;

use catena_kube::Id;
use catena_mesh::{Exports, HostName, Labels, Port, Sidecar, Without};

pub(crate) use core::{read_pod, read_service, read_slice};
pub(crate) use istio::{read_entry, read_sidecar};
pub(crate) use mesh::{DefaultExports, ReadMesh, read_mesh};

/// A ServiceEntry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub id: Id,
    /// In seconds of Unix time.
    pub created: u64,
    /// Those that are names.
    pub hosts: Box<[HostName]>,
    /// How many are left out because they are none.
    pub bad_hosts: usize,
    pub place: EntryPlace,
    pub ports: Arc<[Port]>,
    pub exports: Option<Exports>,
    pub legacy: Legacy,
}

/// Where the older istio-coredns-plugin thinks that an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Legacy {
    /// It leaves the entry out.
    Skipped,
    /// At the address that it is given for all of these.
    Default,
    /// At these addresses, as often as they are written.
    At(Box<[IpAddr]>),
}

/// Where an entry says that its hosts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryPlace {
    /// At these addresses.
    Given(Box<[IpAddr]>),
    /// At what an allocator wrote into the status; an address for each host.
    Automatic(Box<[(HostName, IpAddr)]>),
    /// At the ready pods that these labels select.
    Pods(Labels),
    /// Nowhere.
    Nowhere(Without),
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub id: Id,
    pub created: u64,
    pub place: ServicePlace,
    pub ports: Arc<[Port]>,
    pub exports: Option<Exports>,
}

/// Where a Service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServicePlace {
    /// At addresses of its own, in its order of families.
    Addresses(Box<[IpAddr]>),
    /// At those of its endpoints.
    Endpoints {
        /// Also at those that are not ready.
        all: bool,
    },
    /// It is an alias.
    Nowhere,
}

/// Endpoints of a Service, as many as came in one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub id: Id,
    /// The Service; `None` if it is of none.
    pub service: Option<Id>,
    /// Names of ports.
    pub ports: Box<[Box<str>]>,
    pub endpoints: Box<[Endpoint]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub addresses: Box<[IpAddr]>,
    pub is_ready: bool,
    pub hostname: Option<Box<str>>,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pod {
    pub id: Id,
    pub labels: Arc<[(Box<str>, Box<str>)]>,
    pub addresses: Box<[IpAddr]>,
    pub is_ready: bool,
    /// Its address is that of its node.
    pub is_on_host: bool,
}

/// A Sidecar resource.
pub(crate) type ReadSidecar = (Id, Sidecar);

/// Reads who may see a host; `.` is the namespace itself. `None` if nothing is said.
pub(crate) fn exports<'t>(
    names: impl Iterator<Item = &'t str>,
    namespace: &Arc<str>,
) -> Option<Exports> {
    let names: Vec<&str> = names
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        return None;
    }
    if names.contains(&"*") {
        return Some(Exports::All);
    }
    if names.contains(&"~") {
        return Some(Exports::Nobody);
    }
    let names = names.into_iter().map(|name| match name {
        "." => Arc::clone(namespace),
        name => name.into(),
    });
    Some(Exports::To(names.collect()))
}

#[cfg(test)]
mod tests;
