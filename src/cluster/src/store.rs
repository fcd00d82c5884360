//! What is known of a cluster, as queries look it up.

mod entry;
mod owner;
mod writer;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub(crate) use entry::Entry;
pub(crate) use owner::{EndpointAt, ServiceAt};
pub(crate) use writer::{Kind, Seen, Writer};

use catena_index::shards::Shards;

use crate::object::{Endpoint, Pod, Slice};

// With 10,000 services, as many pods that are asked for and 50,000 endpoints a shard holds one
// service, or two to three of the small rest. An empty table of 8,192 shards takes 64 KiB.
const ENTRY_SHARDS: usize = 8192;
const ADDRESS_SHARDS: usize = 4096;
const ENDPOINT_SHARDS: usize = 16_384;
/// For what most clusters have few of: imported services, addresses from outside, namespaces.
const FEW_SHARDS: usize = 256;

/// The zones that have serial numbers of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serial {
    Internal,
    External,
    Multicluster,
}

/// What is known of a cluster; only its [`Writer`] changes it.
pub(crate) struct Store {
    /// Services and endpoints by service and namespace.
    pub entries: Shards<Entry>,
    /// The same of what is imported from other clusters.
    pub imports: Shards<Entry>,
    /// Services by address.
    pub services_at: Shards<ServiceAt>,
    /// Endpoints by address.
    pub endpoints_at: Shards<EndpointAt>,
    /// Services by the addresses they have outside the cluster.
    pub external: Shards<ServiceAt>,
    /// Pods by address.
    pub pods_at: Shards<Arc<Pod>>,
    /// Names in lower case.
    pub namespaces: Shards<Arc<[u8]>>,
    /// Unix times of the last changes.
    serials: [AtomicU32; 3],
}

impl Store {
    pub fn new() -> Store {
        Store {
            entries: Shards::new(ENTRY_SHARDS),
            imports: Shards::new(FEW_SHARDS),
            services_at: Shards::new(ADDRESS_SHARDS),
            endpoints_at: Shards::new(ENDPOINT_SHARDS),
            external: Shards::new(FEW_SHARDS),
            pods_at: Shards::new(ADDRESS_SHARDS),
            namespaces: Shards::new(FEW_SHARDS),
            serials: [const { AtomicU32::new(0) }; 3],
        }
    }

    /// Shows `look` what has the name `key`.
    pub fn entry<R>(
        entries: &Shards<Entry>,
        key: &[u8],
        look: impl FnOnce(Option<&Entry>) -> R,
    ) -> R {
        entries.read(entries.hash(key), |entry| *entry.key == *key, look)
    }

    /// Shows `look` the first service with the address whose key `is` accepts.
    pub fn service_at<R>(
        &self,
        address: IpAddr,
        is: impl Fn(&[u8]) -> bool,
        look: impl FnOnce(Option<&[u8]>) -> R,
    ) -> R {
        let services = &self.services_at;
        let is = |at: &ServiceAt| at.address == address && is(&at.key);
        services.read(services.hash(&address), is, |at| {
            look(at.map(|at| &*at.key))
        })
    }

    /// Shows `see` every endpoint with the address, and the slice it is in.
    pub fn endpoints_at(&self, address: IpAddr, mut see: impl FnMut(&Arc<Slice>, &Endpoint)) {
        let hash = self.endpoints_at.hash(&address);
        self.endpoints_at.read_all(hash, |at| match at.endpoint() {
            Some(endpoint) if endpoint.address == address => see(&at.slice, endpoint),
            _ => {}
        });
    }

    /// Shows `see` the key of every service that has the address outside the cluster.
    pub fn external_at(&self, address: IpAddr, mut see: impl FnMut(&[u8])) {
        let hash = self.external.hash(&address);
        self.external.read_all(hash, |at| {
            if at.address == address {
                see(&at.key);
            }
        });
    }

    /// Shows `see` every pod with the address.
    pub fn pods_at(&self, address: IpAddr, mut see: impl FnMut(&Arc<Pod>)) {
        let hash = self.pods_at.hash(&address);
        self.pods_at.read_all(hash, |pod| {
            if pod.address == Some(address) {
                see(pod);
            }
        });
    }

    /// Whether there is a namespace of this name, in lower case.
    pub fn has_namespace(&self, name: &[u8]) -> bool {
        let hash = self.namespaces.hash(name);
        let is = |known: &Arc<[u8]>| **known == *name;
        self.namespaces.read(hash, is, |found| found.is_some())
    }

    /// The Unix time of the last change; 0 before any.
    pub fn serial(&self, which: Serial) -> u32 {
        self.serial_cell(which).load(Relaxed)
    }

    fn serial_cell(&self, which: Serial) -> &AtomicU32 {
        let [internal, external, multicluster] = &self.serials;
        match which {
            Serial::Internal => internal,
            Serial::External => external,
            Serial::Multicluster => multicluster,
        }
    }

    fn touch(&self, which: Serial) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seconds = now.map_or(0, |now| now.as_secs());
        let seconds = u32::try_from(seconds & u64::from(u32::MAX)).unwrap_or(0);
        self.serial_cell(which).store(seconds, Relaxed);
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod wire;
