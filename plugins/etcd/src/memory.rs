//! The names of a watched zone, as etcd had them last.
//!
//! **Invariant.** Readers take no lock: they hold the keys of one moment while they look, and
//! leases are behind atomic pointers too. Writers take turns.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use catena_etcd::{Change, KeyValue};
use catena_index::shards::{Edit, Shards};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::service::{Entry, Found, KEYS_MAX, LeaseBounds, Place, Trouble};
use crate::sorted::Sorted;

/// Bad values that are shown of many.
const BAD_SHOWN: usize = 3;
/// Parts of the table of leases.
const LEASE_SHARDS: usize = 4096;

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

/// Names in memory.
pub(crate) struct Memory {
    names: ArcSwap<Sorted>,
    leases: Shards<Lease>,
    writing: Mutex<Writing>,
    bounds: LeaseBounds,
    is_synced: AtomicBool,
    synced: watch::Sender<bool>,
}

/// What a lease had left when a key of it was first seen, as a TTL.
#[derive(Clone, Copy)]
struct Lease {
    id: i64,
    ttl: u32,
}

/// What only writers need.
#[derive(Default)]
struct Writing {
    leases: Edit<Lease>,
    /// The leases that are known.
    known: HashSet<i64>,
    /// How many keys are no messages.
    bad: usize,
}

impl Memory {
    /// Nothing known yet.
    pub fn new(bounds: LeaseBounds) -> Memory {
        Memory {
            names: ArcSwap::default(),
            leases: Shards::new(LEASE_SHARDS),
            writing: Mutex::default(),
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
        let names = self.names.load();
        if let Some(below) = &place.below {
            let mut entries = names
                .from(below)
                .take_while(|entry| entry.key.starts_with(below.as_str()))
                .peekable();
            if entries.peek().is_some() {
                return self.found(entries.filter(|entry| place.takes(&entry.key)));
            }
        }
        match names.get(&place.key) {
            Some(entry) => {
                let taken = Some(entry).filter(|entry| place.takes(&entry.key));
                self.found(taken.into_iter())
            }
            None => Err(Trouble::NoSuchName),
        }
    }

    fn found<'e>(
        &self,
        entries: impl Iterator<Item = &'e Arc<Entry>>,
    ) -> Result<Arc<[Found]>, Trouble> {
        let found: Vec<Found> = entries
            .take(KEYS_MAX + 1)
            .map(|entry| Found {
                lease_ttl: (entry.lease != 0).then(|| self.lease_ttl(entry.lease)),
                entry: Arc::clone(entry),
            })
            .collect();
        match found.len() {
            ..=KEYS_MAX => Ok(found.into()),
            _ => Err(Trouble::Failed(format!("more than {KEYS_MAX} keys"))),
        }
    }

    fn lease_ttl(&self, id: i64) -> u32 {
        let is = |lease: &Lease| lease.id == id;
        let ttl = |lease: Option<&Lease>| lease.map_or(self.bounds.min, |lease| lease.ttl);
        self.leases.read(self.leases.hash(&id), is, ttl)
    }

    /// Takes a whole list.
    pub fn replace(&self, keys: &[KeyValue]) -> Taken {
        let entries = keys.iter().filter_map(Entry::new).map(Arc::new);
        let entries: BTreeMap<_, _> = entries.map(|entry| (entry.key.clone(), entry)).collect();
        let entries: Vec<Arc<Entry>> = entries.into_values().collect();
        let bad = entries.iter().filter(|entry| entry.message.is_err());
        let bad: Vec<_> = bad.cloned().collect();
        let used: HashSet<i64> = keys.iter().map(|key| key.lease).collect();
        let mut writing = self.writing.lock();
        writing.bad = bad.len();
        self.forget_leases(&mut writing, &used);
        let names = Sorted::new(&entries);
        let taken = writing.taken(names.len(), used, bad);
        self.names.store(Arc::new(names));
        drop(writing);
        self.is_synced.store(true, Ordering::Release);
        self.synced.send_replace(true);
        taken
    }

    /// Takes changes, in order.
    pub fn change(&self, changes: &[Change]) -> Taken {
        let (mut leases, mut bad) = (HashSet::new(), Vec::new());
        let mut writing = self.writing.lock();
        let mut names = Sorted::clone(&self.names.load());
        let is_bad = |entry: &Arc<Entry>| entry.message.is_err();
        for change in changes {
            let Ok(key) = std::str::from_utf8(change.key()) else {
                continue;
            };
            let entry = match change {
                Change::Put(key) => Entry::new(key).map(Arc::new),
                Change::Delete { .. } => None,
            };
            if let Some(entry) = &entry {
                leases.insert(entry.lease);
                if is_bad(entry) {
                    writing.bad += 1;
                    bad.push(Arc::clone(entry));
                }
            }
            let old = names.set(key, entry);
            writing.bad -= usize::from(old.as_ref().is_some_and(is_bad));
        }
        if writing.known.len() > 2 * names.len() + 1024 {
            let used = names.iter().map(|entry| entry.lease).collect();
            self.forget_leases(&mut writing, &used);
        }
        let taken = writing.taken(names.len(), leases, bad);
        self.names.store(Arc::new(names));
        taken
    }

    /// Notes what is left of a lease.
    pub fn learn_lease(&self, id: i64, left: i64) {
        let ttl = self.bounds.ttl(left).unwrap_or(self.bounds.min);
        let mut writing = self.writing.lock();
        writing.known.insert(id);
        self.set_lease(&mut writing, id, Some(ttl));
        writing.leases.publish(&self.leases);
    }

    /// Forgets leases that no key has any more.
    fn forget_leases(&self, writing: &mut Writing, used: &HashSet<i64>) {
        let gone: Vec<i64> = writing.known.difference(used).copied().collect();
        for id in gone {
            writing.known.remove(&id);
            self.set_lease(writing, id, None);
        }
        writing.leases.publish(&self.leases);
    }

    fn set_lease(&self, writing: &mut Writing, id: i64, ttl: Option<u32>) {
        let hash = self.leases.hash(&id);
        let is = |lease: &Lease| lease.id == id;
        let set = |lease: &mut Option<Lease>| *lease = ttl.map(|ttl| Lease { id, ttl });
        writing.leases.change(&self.leases, hash, is, set);
    }
}

impl Writing {
    fn taken(&self, keys: usize, leases: HashSet<i64>, mut bad: Vec<Arc<Entry>>) -> Taken {
        let unknown = |lease: &i64| *lease != 0 && !self.known.contains(lease);
        bad.truncate(BAD_SHOWN);
        Taken {
            new_leases: leases.into_iter().filter(unknown).collect(),
            keys,
            bad_keys: self.bad,
            bad,
        }
    }
}
