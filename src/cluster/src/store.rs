//! What is known of a cluster, as queries look it up.

mod entry;
mod owner;
mod writer;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub(crate) use entry::Entry;
pub(crate) use owner::{ExternalOwner, Owner, PodsAt};
pub(crate) use writer::{Kind, Seen, Writer};

use catena_index::shards::Shards;

const ENTRY_SHARDS: usize = 4096;
const ADDRESS_SHARDS: usize = 16_384;
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
    pub entries: Shards<Arc<Entry>>,
    /// The same of what is imported from other clusters.
    pub imports: Shards<Arc<Entry>>,
    /// Services and endpoints by address.
    pub addresses: Shards<Owner>,
    /// Services by the addresses they have outside the cluster.
    pub external: Shards<ExternalOwner>,
    pub pods: Shards<PodsAt>,
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
            addresses: Shards::new(ADDRESS_SHARDS),
            external: Shards::new(FEW_SHARDS),
            pods: Shards::new(ENTRY_SHARDS),
            namespaces: Shards::new(FEW_SHARDS),
            serials: [const { AtomicU32::new(0) }; 3],
        }
    }

    /// Shows `look` what has the name `key`.
    pub fn entry<R>(
        entries: &Shards<Arc<Entry>>,
        key: &[u8],
        look: impl FnOnce(Option<&Entry>) -> R,
    ) -> R {
        let hash = entries.hash(key);
        let is = |entry: &Arc<Entry>| *entry.key == *key;
        entries.read(hash, is, |entry| look(entry.map(Arc::as_ref)))
    }

    /// Shows `look` what has the address.
    pub fn owner<R>(&self, address: IpAddr, look: impl FnOnce(Option<&Owner>) -> R) -> R {
        let hash = self.addresses.hash(&address);
        let is = |owner: &Owner| owner.address() == Some(address);
        self.addresses.read(hash, is, look)
    }

    /// Shows `look` the services that have the address outside the cluster.
    pub fn external_owner<R>(
        &self,
        address: IpAddr,
        look: impl FnOnce(Option<&ExternalOwner>) -> R,
    ) -> R {
        let hash = self.external.hash(&address);
        self.external
            .read(hash, |owner| owner.address == address, look)
    }

    /// Shows `look` the pods that have the address.
    pub fn pods_at<R>(&self, address: IpAddr, look: impl FnOnce(Option<&PodsAt>) -> R) -> R {
        let hash = self.pods.hash(&address);
        self.pods.read(hash, |pods| pods.address == address, look)
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
