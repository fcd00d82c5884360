//! What etcd is known to hold: keys with their revisions, and the sets that they make up.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use catena_etcd::skydns::Prefix;
use catena_etcd::{Change, KeyValue};
use catena_records::{Edit, LeaseId, RecordSet, SetKey};

use super::form::{self, Part};

/// One key.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub revision: i64,
    pub lease: i64,
    pub part: Part,
}

/// All keys of the zones.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    keys: BTreeMap<String, Held>,
    /// The keys of each set.
    sets: HashMap<SetKey, BTreeSet<String>>,
    /// Up to which revision all is known of the keys that begin with a scope.
    reached: BTreeMap<String, i64>,
    /// Up to which revision the ledger was told of the same.
    told: BTreeMap<String, i64>,
    /// Sets that have changed since they were last told.
    dirty: HashSet<SetKey>,
}

impl Shadow {
    /// The revision up to which all is known of `key` and those beside it.
    pub fn reached(&self, key: &str) -> i64 {
        let scopes = self.reached.iter();
        let scopes = scopes.filter(|(scope, _)| key.starts_with(scope.as_str()));
        scopes.map(|(_, revision)| *revision).max().unwrap_or(0)
    }

    /// The greatest revision that anything is known of.
    pub fn revision(&self) -> i64 {
        self.reached.values().copied().max().unwrap_or(0)
    }

    fn reach(&mut self, scope: &str, revision: i64) {
        let reached = self.reached.entry(scope.to_owned()).or_default();
        *reached = (*reached).max(revision);
    }

    /// Says that the ledger knows all that is known here.
    pub fn tell_all(&mut self) {
        self.dirty.clear();
        self.told.clone_from(&self.reached);
    }

    /// The keys of a set, in order.
    pub fn keys_of<'s>(&'s self, set: &SetKey) -> impl Iterator<Item = (&'s str, &'s Held)> {
        let keys = self.sets.get(set).into_iter().flatten();
        keys.filter_map(|key| Some((key.as_str(), self.keys.get(key)?)))
    }

    /// A set as its keys make it up; `None` if there is none.
    pub fn set(&self, key: &SetKey) -> Option<RecordSet> {
        let (mut ttl, mut lease, mut data) = (u32::MAX, 0, Vec::new());
        for (_, held) in self.keys_of(key) {
            ttl = ttl.min(held.part.ttl);
            lease = if lease == 0 { held.lease } else { lease };
            data.extend(held.part.data.iter().cloned());
            if matches!(key.rtype.0, 5 | 6) {
                // One alias and one SOA record, whatever others have written.
                break;
            }
        }
        let mut set = RecordSet::new(key.rtype, ttl, data)?;
        set.lease = u64::try_from(lease).ok().filter(|id| *id != 0).map(LeaseId);
        Some(set)
    }

    /// All sets.
    pub fn sets(&self) -> impl Iterator<Item = (SetKey, RecordSet)> {
        let keys = self.sets.keys();
        keys.filter_map(|key| Some((key.clone(), self.set(key)?)))
    }

    /// All leases that keys have.
    pub fn leases(&self) -> BTreeSet<i64> {
        let leases = self.keys.values().map(|held| held.lease);
        leases.filter(|lease| *lease != 0).collect()
    }

    /// Takes a whole list of the keys that begin with `scope`.
    pub fn replace(&mut self, prefix: &Prefix, scope: &str, keys: &[KeyValue], revision: i64) {
        let new: BTreeSet<&[u8]> = keys.iter().map(|key| key.key.as_slice()).collect();
        let old = self.keys.range(scope.to_owned()..);
        let old = old.take_while(|(key, _)| key.starts_with(scope));
        let gone =
            old.filter(|(key, held)| held.revision <= revision && !new.contains(key.as_bytes()));
        let gone: Vec<String> = gone.map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.remove(&key);
        }
        for key in keys {
            self.put(prefix, key);
        }
        self.reach(scope, revision);
    }

    /// Takes changes of keys that begin with `scope`, in order, up to `revision`.
    pub fn change(&mut self, prefix: &Prefix, scope: &str, changes: &[Change], revision: i64) {
        for change in changes {
            match change {
                Change::Put(key) => self.put(prefix, key),
                Change::Delete { key, revision } => {
                    let Ok(key) = std::str::from_utf8(key) else {
                        continue;
                    };
                    if self
                        .keys
                        .get(key)
                        .is_some_and(|held| held.revision < *revision)
                    {
                        self.remove(key);
                    }
                }
            }
        }
        self.reach(scope, revision);
    }

    /// Takes changes that all were made at `revision`, and says what they came to.
    pub fn replay(
        &mut self,
        prefix: &Prefix,
        scope: &str,
        (revision, changes): (i64, &[Change]),
    ) -> Vec<Edit> {
        let touched: HashSet<SetKey> = changes
            .iter()
            .flat_map(|change| self.sets_touched(prefix, change))
            .collect();
        let touched = touched.into_iter();
        let before: Vec<_> = touched.map(|key| (self.set(&key), key)).collect();
        self.change(prefix, scope, changes, revision);
        let edits = before.into_iter().map(|(before, key)| Edit {
            before,
            after: self.set(&key),
            key,
        });
        edits.filter(|edit| edit.before != edit.after).collect()
    }

    /// The sets that lose a key by `change`, or gain it.
    fn sets_touched(&self, prefix: &Prefix, change: &Change) -> Vec<SetKey> {
        let Ok(key) = std::str::from_utf8(change.key()) else {
            return Vec::new();
        };
        let old = self.keys.get(key).map(|held| held.part.set.clone());
        let new = match change {
            Change::Put(kv) => form::read(prefix, key, &kv.value).map(|part| part.set),
            Change::Delete { .. } => None,
        };
        old.into_iter().chain(new).collect()
    }

    /// Takes one key as it is now.
    pub fn put(&mut self, prefix: &Prefix, key: &KeyValue) {
        let Ok(text) = std::str::from_utf8(&key.key) else {
            return;
        };
        if let Some(held) = self.keys.get(text) {
            if held.revision >= key.mod_revision {
                return;
            }
            self.remove(text);
        }
        let Some(part) = form::read(prefix, text, &key.value) else {
            return;
        };
        self.dirty.insert(part.set.clone());
        let keys = self.sets.entry(part.set.clone()).or_default();
        keys.insert(text.to_owned());
        let held = Held {
            revision: key.mod_revision,
            lease: key.lease,
            part,
        };
        self.keys.insert(text.to_owned(), held);
    }

    fn remove(&mut self, key: &str) {
        let Some(held) = self.keys.remove(key) else {
            return;
        };
        if let Some(keys) = self.sets.get_mut(&held.part.set) {
            keys.remove(key);
            if keys.is_empty() {
                self.sets.remove(&held.part.set);
            }
        }
        self.dirty.insert(held.part.set);
    }

    /// What has changed since the last call: the sets below a scope, and the revision they hold at.
    ///
    /// Scopes in which only the revision has moved are among them.
    pub fn take_dirty(&mut self, prefix: &Prefix) -> Vec<(i64, Vec<Told>)> {
        let mut dirty = std::mem::take(&mut self.dirty);
        let mut told = Vec::new();
        for (scope, revision) in &self.reached {
            if self.told.get(scope) == Some(revision) {
                continue;
            }
            let zone = prefix.name(scope);
            let is_within = |set: &SetKey| {
                let zone = zone.as_ref();
                zone.is_some_and(|zone| set.name.view().is_within(zone.view()))
            };
            let sets: Vec<SetKey> = dirty.extract_if(is_within).collect();
            let sets = sets.into_iter().map(|key| {
                let set = self.set(&key);
                (key, set)
            });
            told.push((*revision, sets.collect()));
        }
        self.told.clone_from(&self.reached);
        told
    }
}

/// A set as it is now.
type Told = (SetKey, Option<RecordSet>);
