//! Applies what the API server tells to the store; what stays the same is shared, not replaced.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use catena_kube::Object;
use foldhash::fast::RandomState;
use hashbrown::{HashSet, HashTable};

use super::{EndpointAt, Entry, Serial, ServiceAt, Store};
use crate::metrics::Latency;
use crate::object::{
    Host, Key, Pod, Pool, ReadSlice, Reading, Service, ServiceKind, Slice, namespace, pod,
};
use catena_index::shards::{Edit, Shards};

/// The kinds of objects that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Services,
    Slices,
    Namespaces,
    Pods,
    Imports,
    ImportedSlices,
}

/// Something that is not an object of its kind.
#[derive(Debug)]
pub(crate) struct Malformed;

/// The one who changes a store.
pub(crate) struct Writer {
    store: Arc<Store>,
    reading: Reading,
    pool: Pool,
    hasher: RandomState,
    entries: Edit<Entry>,
    imports: Edit<Entry>,
    services_at: Edit<ServiceAt>,
    endpoints_at: Edit<EndpointAt>,
    external: Edit<ServiceAt>,
    pods_at: Edit<Arc<Pod>>,
    namespaces: Edit<Arc<[u8]>>,
    /// By namespace and name.
    slices: HashTable<Arc<Slice>>,
    imported_slices: HashTable<Arc<Slice>>,
    pods: HashTable<Arc<Pod>>,
    latency: Latency,
}

/// The objects that a list has named so far, by their hashes.
pub(crate) type Seen = HashSet<u64, RandomState>;

impl Writer {
    pub fn new(store: Arc<Store>, reading: Reading) -> Writer {
        Writer {
            reading,
            pool: Pool::default(),
            hasher: RandomState::default(),
            entries: Edit::default(),
            imports: Edit::default(),
            services_at: Edit::default(),
            endpoints_at: Edit::default(),
            external: Edit::default(),
            pods_at: Edit::default(),
            namespaces: Edit::default(),
            slices: HashTable::new(),
            imported_slices: HashTable::new(),
            pods: HashTable::new(),
            latency: Latency::default(),
            store,
        }
    }

    /// Takes a new or changed object in; returns its hash for [`Writer::sweep`].
    pub fn apply(&mut self, kind: Kind, object: &Object<'_>) -> Result<u64, Malformed> {
        if object.is_protobuf() == (kind == Kind::Imports) {
            return Err(Malformed);
        }
        let bytes = object.bytes;
        match kind {
            Kind::Services => {
                let service = Service::read(bytes, &mut self.pool).ok_or(Malformed)?;
                Ok(self.put_service(service, Kind::Services))
            }
            Kind::Imports => {
                let service = Service::read_import(object, &mut self.pool).ok_or(Malformed)?;
                Ok(self.put_service(service, Kind::Imports))
            }
            Kind::Slices | Kind::ImportedSlices => self.put_slice(bytes, kind),
            Kind::Namespaces => {
                let name = namespace(bytes).ok_or(Malformed)?;
                Ok(self.put_namespace(&name))
            }
            Kind::Pods => {
                let (pod, is_ending) = pod(bytes).ok_or(Malformed)?;
                let hash = self.hash_of(&pod.namespace, &pod.name);
                // One that ends keeps what it has until it is gone, and gets nothing new.
                if !is_ending {
                    self.put_pod(pod, hash);
                }
                Ok(hash)
            }
        }
    }

    /// Takes an object out.
    pub fn delete(&mut self, kind: Kind, object: &Object<'_>) -> Result<(), Malformed> {
        let bytes = object.bytes;
        match kind {
            Kind::Services => {
                let service = Service::read(bytes, &mut self.pool).ok_or(Malformed)?;
                self.drop_service(&service.key, kind);
            }
            Kind::Imports => {
                let service = Service::read_import(object, &mut self.pool).ok_or(Malformed)?;
                self.drop_service(&service.key, kind);
            }
            Kind::Slices | Kind::ImportedSlices => {
                let is_import = kind == Kind::ImportedSlices;
                let slice = Slice::read(bytes, is_import, self.reading, &mut self.pool);
                let hash = match slice.ok_or(Malformed)? {
                    ReadSlice::Of(slice, _) => self.hash_of(slice.namespace(), &slice.name),
                    ReadSlice::Loose { name, namespace } => self.hash_of(namespace, name),
                };
                self.drop_slice(hash, kind);
            }
            Kind::Namespaces => {
                let name = namespace(bytes).ok_or(Malformed)?;
                self.drop_namespace(&name);
            }
            Kind::Pods => {
                let (pod, _) = pod(bytes).ok_or(Malformed)?;
                let hash = self.hash_of(&pod.namespace, &pod.name);
                self.drop_pod(hash);
            }
        }
        Ok(())
    }

    /// Takes out what a complete list did not name.
    pub fn sweep(&mut self, kind: Kind, seen: &Seen) {
        match kind {
            Kind::Services | Kind::Imports => {
                let mut gone: Vec<Key> = Vec::new();
                let hasher = &self.hasher;
                let see = |entry: &Entry| {
                    if entry.service().is_some() && !seen.contains(&hasher.hash_one(&*entry.key)) {
                        gone.push(entry.key.clone());
                    }
                };
                let (shards, edit) = match kind {
                    Kind::Imports => (&self.store.imports, &self.imports),
                    _ => (&self.store.entries, &self.entries),
                };
                edit.each(shards, see);
                for key in gone {
                    self.drop_service(&key, kind);
                }
            }
            Kind::Slices | Kind::ImportedSlices => {
                let known = match kind {
                    Kind::Slices => &self.slices,
                    _ => &self.imported_slices,
                };
                let hashes = known.iter().map(|s| self.hash_of(s.namespace(), &s.name));
                for hash in unseen(hashes, seen) {
                    self.drop_slice(hash, kind);
                }
            }
            Kind::Namespaces => {
                let mut gone: Vec<Arc<[u8]>> = Vec::new();
                let hasher = &self.hasher;
                self.namespaces.each(&self.store.namespaces, |name| {
                    if !seen.contains(&hasher.hash_one(&**name)) {
                        gone.push(Arc::clone(name));
                    }
                });
                for name in gone {
                    self.drop_namespace(&name);
                }
            }
            Kind::Pods => {
                let known = self.pods.iter();
                let hashes = known.map(|pod| self.hash_of(&pod.namespace, &pod.name));
                for hash in unseen(hashes, seen) {
                    self.drop_pod(hash);
                }
            }
        }
    }

    /// Shows readers all that was changed.
    pub fn publish(&mut self) {
        // Addresses first: an entry's reverse name is there when the entry is.
        self.services_at.publish(&self.store.services_at);
        self.endpoints_at.publish(&self.store.endpoints_at);
        self.external.publish(&self.store.external);
        self.pods_at.publish(&self.store.pods_at);
        self.namespaces.publish(&self.store.namespaces);
        self.entries.publish(&self.store.entries);
        self.imports.publish(&self.store.imports);
        self.latency.observe();
    }

    /// Makes memory that was needed for a list free again.
    pub fn shrink(&mut self) {
        let hasher = &self.hasher;
        let slice = |slice: &Arc<Slice>| hash_of(hasher, slice.namespace(), &slice.name);
        self.slices.shrink_to_fit(slice);
        self.imported_slices.shrink_to_fit(slice);
        let pod = |pod: &Arc<Pod>| hash_of(hasher, &pod.namespace, &pod.name);
        self.pods.shrink_to_fit(pod);
    }

    fn hash_of(&self, namespace: &str, name: &str) -> u64 {
        hash_of(&self.hasher, namespace, name)
    }
}

fn hash_of(hasher: &RandomState, namespace: &str, name: &str) -> u64 {
    hasher.hash_one((namespace, name))
}

fn unseen(hashes: impl Iterator<Item = u64>, seen: &Seen) -> Vec<u64> {
    hashes.filter(|hash| !seen.contains(hash)).collect()
}

mod apply;
