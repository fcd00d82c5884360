//! The names of a watched zone, as etcd had them last.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use catena_etcd::{Change, KeyValue};
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::service::{Entry, Found, KEYS_MAX, LeaseBounds, Place, Trouble};

/// Bad values that are shown of many.
const BAD_SHOWN: usize = 3;

/// What came of keys that were taken in.
pub(crate) struct Taken {
    /// Leases that were not known.
    pub new_leases: Vec<i64>,
    /// How many keys there are now.
    pub keys: usize,
    /// How many of them are no messages.
    pub bad_keys: usize,
    /// Those of them that have come, or some of them.
    pub bad: Vec<Arc<Entry>>,
}

/// Names in memory; one task writes, workers read.
pub(crate) struct Memory {
    names: RwLock<Names>,
    bounds: LeaseBounds,
    is_synced: AtomicBool,
    synced: watch::Sender<bool>,
}

#[derive(Default)]
struct Names {
    entries: BTreeMap<Box<str>, Arc<Entry>>,
    /// How many of them are no messages.
    bad: usize,
    /// What the lease of a key had left when the key was first seen, as a TTL.
    leases: HashMap<i64, u32>,
}

impl Memory {
    /// Nothing known yet.
    pub fn new(bounds: LeaseBounds) -> Memory {
        Memory {
            names: RwLock::default(),
            bounds,
            is_synced: AtomicBool::new(false),
            synced: watch::Sender::new(false),
        }
    }

    /// Whether a first list is complete.
    pub fn is_synced(&self) -> bool {
        self.is_synced.load(Ordering::Acquire)
    }

    /// Waits for the first list.
    pub async fn wait(&self) {
        let mut synced = self.synced.subscribe();
        let _sender_is_ours = synced.wait_for(|synced| *synced).await;
    }

    /// What is found at `place`.
    pub fn find(&self, place: &Place) -> Result<Arc<[Found]>, Trouble> {
        if !self.is_synced() {
            return Err(Trouble::Failed("etcd was not heard yet".to_owned()));
        }
        let names = self.names.read();
        if let Some(below) = &place.below {
            let range = (Bound::Included(below.as_str()), Bound::Unbounded);
            let entries = names.entries.range::<str, _>(range);
            let mut entries = entries
                .take_while(|(key, _)| key.starts_with(below.as_str()))
                .peekable();
            if entries.peek().is_some() {
                let entries = entries.map(|(_, entry)| entry);
                let taken = entries.filter(|entry| place.takes(&entry.key));
                return self.found(&names, taken);
            }
        }
        match names.entries.get(place.key.as_str()) {
            Some(entry) => {
                let taken = Some(entry).filter(|entry| place.takes(&entry.key));
                self.found(&names, taken.into_iter())
            }
            None => Err(Trouble::NoSuchName),
        }
    }

    fn found<'e>(
        &self,
        names: &Names,
        entries: impl Iterator<Item = &'e Arc<Entry>>,
    ) -> Result<Arc<[Found]>, Trouble> {
        let found: Vec<Found> = entries
            .take(KEYS_MAX + 1)
            .map(|entry| Found {
                lease_ttl: match entry.lease {
                    0 => None,
                    lease => Some(names.leases.get(&lease).copied().unwrap_or(self.bounds.min)),
                },
                entry: Arc::clone(entry),
            })
            .collect();
        match found.len() {
            ..=KEYS_MAX => Ok(found.into()),
            _ => Err(Trouble::Failed(format!("more than {KEYS_MAX} keys"))),
        }
    }

    /// Takes a whole list.
    pub fn replace(&self, keys: &[KeyValue]) -> Taken {
        let entries = keys.iter().filter_map(Entry::new).map(Arc::new);
        let entries: BTreeMap<_, _> = entries.map(|entry| (entry.key.clone(), entry)).collect();
        let bad: Vec<_> = entries.values().filter(|e| e.message.is_err()).collect();
        let (bad_count, bad) = (
            bad.len(),
            bad.into_iter().take(BAD_SHOWN).cloned().collect(),
        );
        let used: HashSet<i64> = keys.iter().map(|key| key.lease).collect();
        let mut names = self.names.write();
        let old = std::mem::replace(&mut names.entries, entries);
        names.bad = bad_count;
        names.leases.retain(|lease, _| used.contains(lease));
        let taken = names.taken(used, bad);
        drop(names);
        // Outside the lock: it may be long.
        drop(old);
        self.is_synced.store(true, Ordering::Release);
        self.synced.send_replace(true);
        taken
    }

    /// Takes changes, in order.
    pub fn change(&self, changes: &[Change]) -> Taken {
        let entries = changes.iter().map(|change| match change {
            Change::Put(key) => Entry::new(key).map(Arc::new),
            Change::Delete { .. } => None,
        });
        let entries: Vec<Option<Arc<Entry>>> = entries.collect();
        let (mut leases, mut bad) = (HashSet::new(), Vec::new());
        let mut names = self.names.write();
        for (change, entry) in changes.iter().zip(entries) {
            let Ok(key) = std::str::from_utf8(change.key()) else {
                continue;
            };
            let is_bad = |entry: &Arc<Entry>| entry.message.is_err();
            if let Some(entry) = entry.as_ref().filter(|entry| is_bad(entry)) {
                names.bad += 1;
                bad.push(Arc::clone(entry));
            }
            let old = match entry {
                Some(entry) => {
                    leases.insert(entry.lease);
                    names.entries.insert(key.into(), entry)
                }
                None => names.entries.remove(key),
            };
            names.bad -= usize::from(old.as_ref().is_some_and(is_bad));
        }
        if names.leases.len() > 2 * names.entries.len() + 1024 {
            let used = names.entries.values().map(|entry| entry.lease);
            let used: HashSet<i64> = used.collect();
            names.leases.retain(|lease, _| used.contains(lease));
        }
        bad.truncate(BAD_SHOWN);
        names.taken(leases, bad)
    }

    /// Notes what is left of a lease.
    pub fn learn_lease(&self, lease: i64, left: i64) {
        let ttl = self.bounds.ttl(left).unwrap_or(self.bounds.min);
        self.names.write().leases.insert(lease, ttl);
    }
}

impl Names {
    fn taken(&self, leases: HashSet<i64>, bad: Vec<Arc<Entry>>) -> Taken {
        let unknown = |lease: &i64| *lease != 0 && !self.leases.contains_key(lease);
        Taken {
            new_leases: leases.into_iter().filter(unknown).collect(),
            keys: self.entries.len(),
            bad_keys: self.bad,
            bad,
        }
    }
}
