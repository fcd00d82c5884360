//! How each kind of object changes the tables.

use super::{
    Arc, BuildHasher, Edit, EndpointAt, Entry, Host, IpAddr, Key, Kind, Malformed, Pod, ReadSlice,
    Serial, Service, ServiceAt, ServiceKind, Shards, Slice, Writer, hash_of,
};

impl Writer {
    pub(super) fn put_service(&mut self, service: Service, kind: Kind) -> u64 {
        let seen = self.hasher.hash_one(&*service.key);
        let old = self.service(&service.key, kind);
        if old.as_deref() == Some(&service) {
            return seen;
        }
        let key = service.key.clone();
        let new = Arc::new(service);
        if kind == Kind::Services {
            self.move_addresses(&key, old.as_deref(), Some(&new));
        }
        self.note_service(kind, old.as_deref(), Some(&new));
        self.change_entry(&key, kind, |entry| entry.set_service(Some(new)));
        seen
    }

    pub(super) fn drop_service(&mut self, key: &Key, kind: Kind) {
        let Some(old) = self.service(key, kind) else {
            return;
        };
        if kind == Kind::Services {
            self.move_addresses(key, Some(&old), None);
        }
        self.note_service(kind, Some(&old), None);
        self.change_entry(key, kind, |entry| entry.set_service(None));
    }

    fn note_service(&self, kind: Kind, old: Option<&Service>, new: Option<&Service>) {
        let external = |service: Option<&Service>| service.map(|service| service.external.clone());
        if kind == Kind::Imports {
            self.store.touch(Serial::Multicluster);
            return;
        }
        self.store.touch(Serial::Internal);
        let (old, new) = (external(old), external(new));
        let had_any = [&old, &new].into_iter().flatten().any(|e| !e.is_empty());
        if had_any && old != new {
            self.store.touch(Serial::External);
        }
    }

    /// Enters the addresses of `new` in place of those of `old`.
    fn move_addresses(&mut self, key: &Key, old: Option<&Service>, new: Option<&Service>) {
        let (old, new) = (old.into_iter(), new.into_iter());
        let inside = (
            old.clone().flat_map(cluster_addresses),
            new.clone().flat_map(cluster_addresses),
        );
        let outside = (
            old.flat_map(external_addresses),
            new.flat_map(external_addresses),
        );
        swap_addresses(&self.store.services_at, &mut self.services_at, key, inside);
        swap_addresses(&self.store.external, &mut self.external, key, outside);
    }

    pub(super) fn put_slice(&mut self, bytes: &[u8], kind: Kind) -> Result<u64, Malformed> {
        let is_import = kind == Kind::ImportedSlices;
        let slice = Slice::read(bytes, is_import, self.reading, &mut self.pool);
        let (slice, changed) = match slice.ok_or(Malformed)? {
            ReadSlice::Of(slice, changed) => (slice, changed),
            ReadSlice::Loose { name, namespace } => {
                let seen = self.hash_of(namespace, name);
                self.drop_slice(seen, kind);
                return Ok(seen);
            }
        };
        let seen = self.hash_of(slice.namespace(), &slice.name);
        let is = |known: &Arc<Slice>| {
            *known.name == *slice.name && known.namespace() == slice.namespace()
        };
        let old = self.slices_of(kind).find(seen, is).cloned();
        if old.as_deref() == Some(&slice) {
            return Ok(seen);
        }
        if let Some(service) = self.service(&slice.key, kind) {
            self.latency
                .note(changed, service.kind == ServiceKind::Headless);
        }
        let new = Arc::new(slice);
        self.swap_slice(old.as_ref(), Some(&new), kind);
        let hasher = self.hasher.clone();
        let slices = self.slices_of(kind);
        if let Some(old) = &old
            && let Ok(found) = slices.find_entry(seen, |known| Arc::ptr_eq(known, old))
        {
            found.remove();
        }
        slices.insert_unique(seen, new, |slice| {
            hash_of(&hasher, slice.namespace(), &slice.name)
        });
        Ok(seen)
    }

    pub(super) fn drop_slice(&mut self, hash: u64, kind: Kind) {
        let hasher = self.hasher.clone();
        let is = |known: &Arc<Slice>| hash_of(&hasher, known.namespace(), &known.name) == hash;
        let Ok(found) = self.slices_of(kind).find_entry(hash, is) else {
            return;
        };
        let (old, _) = found.remove();
        self.swap_slice(Some(&old), None, kind);
    }

    fn slices_of(&mut self, kind: Kind) -> &mut hashbrown::HashTable<Arc<Slice>> {
        match kind {
            Kind::ImportedSlices => &mut self.imported_slices,
            _ => &mut self.slices,
        }
    }

    fn swap_slice(&mut self, old: Option<&Arc<Slice>>, new: Option<&Arc<Slice>>, kind: Kind) {
        let stays = old.zip(new).is_some_and(|(old, new)| old.key == new.key);
        if let Some(old) = old {
            let new = new.filter(|_| stays);
            self.change_entry(&old.key, kind, |entry| entry.replace_slice(Some(old), new));
        }
        if let Some(new) = new.filter(|_| !stays) {
            self.change_entry(&new.key, kind, |entry| entry.replace_slice(None, Some(new)));
        }
        if kind == Kind::ImportedSlices {
            self.store.touch(Serial::Multicluster);
            return;
        }
        self.store.touch(Serial::Internal);
        let table = &self.store.endpoints_at;
        if let Some(old) = old {
            for endpoint in &old.endpoints {
                let hash = table.hash(&endpoint.address);
                let is = |at: &EndpointAt| Arc::ptr_eq(&at.slice, old);
                self.endpoints_at.remove(table, hash, is);
            }
        }
        let Some(new) = new else { return };
        for (address, at) in EndpointAt::all(new) {
            self.endpoints_at.add(table, table.hash(&address), at);
        }
    }

    pub(super) fn put_namespace(&mut self, name: &[u8]) -> u64 {
        let shards = &self.store.namespaces;
        let hash = shards.hash(name);
        let is = |known: &Arc<[u8]>| **known == *name;
        let is_known = self
            .namespaces
            .read(shards, hash, is, |found| found.is_some());
        if !is_known {
            self.namespaces.add(shards, hash, name.into());
        }
        self.hasher.hash_one(name)
    }

    pub(super) fn drop_namespace(&mut self, name: &[u8]) {
        let shards = &self.store.namespaces;
        let hash = shards.hash(name);
        let is = |known: &Arc<[u8]>| **known == *name;
        self.namespaces.remove(shards, hash, is);
    }

    pub(super) fn put_pod(&mut self, pod: Pod, hash: u64) {
        let is = |known: &Arc<Pod>| known.name == pod.name && known.namespace == pod.namespace;
        if self.pods.find(hash, is).is_some_and(|known| **known == pod) {
            return;
        }
        let old_address = self.drop_pod(hash);
        if old_address != Some(pod.address) {
            self.store.touch(Serial::Internal);
        }
        let pod = Arc::new(pod);
        if let Some(address) = pod.address {
            let table = &self.store.pods_at;
            self.pods_at
                .add(table, table.hash(&address), Arc::clone(&pod));
        }
        let hasher = &self.hasher;
        let rehash = |pod: &Arc<Pod>| hash_of(hasher, &pod.namespace, &pod.name);
        self.pods.insert_unique(hash, pod, rehash);
    }

    /// Takes a pod out; what comes back is the address it had, if it was there.
    pub(super) fn drop_pod(&mut self, hash: u64) -> Option<Option<IpAddr>> {
        let hasher = &self.hasher;
        let is = |pod: &Arc<Pod>| hash_of(hasher, &pod.namespace, &pod.name) == hash;
        let (old, _) = self.pods.find_entry(hash, is).ok()?.remove();
        if let Some(address) = old.address {
            let table = &self.store.pods_at;
            let is = |known: &Arc<Pod>| Arc::ptr_eq(known, &old);
            self.pods_at.remove(table, table.hash(&address), is);
        }
        Some(old.address)
    }

    fn tables(&mut self, kind: Kind) -> (&Shards<Entry>, &mut Edit<Entry>) {
        match kind {
            Kind::Imports | Kind::ImportedSlices => (&self.store.imports, &mut self.imports),
            _ => (&self.store.entries, &mut self.entries),
        }
    }

    fn service(&mut self, key: &[u8], kind: Kind) -> Option<Arc<Service>> {
        let (shards, edit) = self.tables(kind);
        let is = |entry: &Entry| *entry.key == *key;
        edit.read(shards, shards.hash(key), is, |entry| {
            entry.and_then(|entry| entry.service().cloned())
        })
    }

    fn change_entry(&mut self, key: &Key, kind: Kind, change: impl FnOnce(&mut Entry)) {
        let (shards, edit) = self.tables(kind);
        let is = |entry: &Entry| entry.key == *key;
        edit.change(shards, shards.hash(&**key), is, |found| {
            let entry = found.get_or_insert_with(|| Entry::new(key.clone()));
            change(entry);
            if entry.is_empty() {
                *found = None;
            }
        });
    }
}

/// Enters the second addresses of the service `key` in place of the first, unless they are equal.
fn swap_addresses(
    table: &Shards<ServiceAt>,
    edit: &mut Edit<ServiceAt>,
    key: &Key,
    (old, new): (
        impl Iterator<Item = IpAddr> + Clone,
        impl Iterator<Item = IpAddr> + Clone,
    ),
) {
    if old.clone().eq(new.clone()) {
        return;
    }
    for address in old {
        let is = |at: &ServiceAt| at.address == address && at.key == *key;
        edit.remove(table, table.hash(&address), is);
    }
    for address in new {
        let key = key.clone();
        edit.add(table, table.hash(&address), ServiceAt { address, key });
    }
}

fn cluster_addresses(service: &Service) -> impl Iterator<Item = IpAddr> + Clone {
    let addresses: &[IpAddr] = match &service.kind {
        ServiceKind::Cluster(addresses) => addresses,
        _ => &[],
    };
    addresses.iter().copied()
}

fn external_addresses(service: &Service) -> impl Iterator<Item = IpAddr> + Clone {
    service.external.iter().filter_map(|host| match host {
        Host::Address(address) => Some(*address),
        Host::Name(_) => None,
    })
}
