//! Entries whose automatic addresses come from a hash.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use catena_kube::Id;
use catena_mesh::{HostName, Without};
use catena_vip::hash::{Key, assign};

use crate::object::{Entry, EntryPlace};

/// Entries without addresses of their own; one that comes may move another's.
#[derive(Default)]
pub(super) struct Hashed {
    entries: BTreeMap<Id, Entry>,
    /// Entries that came or changed since addresses were given.
    changed: BTreeSet<Id>,
    is_due: bool,
}

/// Whether an entry has addresses by hash. The older allocation knows no label against them.
fn is_hashed(entry: &Entry) -> bool {
    matches!(
        entry.place,
        EntryPlace::Automatic(_) | EntryPlace::Nowhere(Without::OptedOut)
    )
}

impl Hashed {
    /// Takes an entry in if it has addresses by hash, else gives it back.
    pub fn apply(&mut self, entry: Entry) -> Option<Entry> {
        if !is_hashed(&entry) {
            self.delete(&entry.id);
            return Some(entry);
        }
        self.is_due = true;
        self.changed.insert(entry.id.clone());
        self.entries.insert(entry.id.clone(), entry);
        None
    }

    /// Forgets an entry.
    pub fn delete(&mut self, id: &Id) {
        self.is_due |= self.entries.remove(id).is_some();
    }

    /// Gives all addresses anew; the entries that have others than before.
    pub fn give(&mut self) -> Vec<Entry> {
        if !std::mem::take(&mut self.is_due) {
            return Vec::new();
        }
        let mut order: Vec<&Entry> = self.entries.values().collect();
        order.sort_by_key(|entry| (entry.created, &entry.id.name, &entry.id.namespace));
        let hosts = order.iter().flat_map(|entry| {
            let hosts = entry.hosts.iter().filter(|host| !host.is_wildcard());
            hosts.map(|host| (&entry.id, host, host.to_string()))
        });
        let hosts: Vec<(&Id, &HostName, String)> = hosts.collect();
        let keys = hosts.iter().map(|(id, _, host)| Key {
            namespace: &id.namespace,
            host,
        });
        let pairs = assign(&keys.collect::<Vec<_>>());
        let mut given: BTreeMap<Id, Vec<(HostName, IpAddr)>> = BTreeMap::new();
        for ((id, host, _), pair) in hosts.iter().zip(pairs) {
            let own = given.entry((*id).clone()).or_default();
            let pair = pair.map(|pair| [IpAddr::V4(pair.v4), IpAddr::V6(pair.v6)]);
            own.extend(
                pair.into_iter()
                    .flatten()
                    .map(|address| ((*host).clone(), address)),
            );
        }
        let changed = std::mem::take(&mut self.changed);
        let mut others = Vec::new();
        for (id, entry) in &mut self.entries {
            let own = given.remove(id).unwrap_or_default();
            let place = EntryPlace::Automatic(own.into());
            if entry.place != place || changed.contains(id) {
                entry.place = place;
                others.push(entry.clone());
            }
        }
        others
    }
}
