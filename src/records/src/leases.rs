//! Leases: sets that go away when whoever registered them no longer says that it lives.

use std::time::Duration;

use catena_plugin::clock::{Instant, now};
use hashbrown::{HashMap, HashSet};

use crate::{Edit, LeaseId, SetKey};

/// Leases at most.
pub const LEASES_MAX: usize = 100_000;
/// The longest lease, in seconds.
pub const TTL_MAX: u32 = 7 * 24 * 3600;

/// A lease.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub ttl: u32,
    pub ends: Instant,
    pub sets: HashSet<SetKey>,
}

/// The leases of a ledger and the sets they hold.
#[derive(Default)]
pub struct Leases {
    leases: HashMap<LeaseId, Lease>,
    of: HashMap<SetKey, LeaseId>,
}

impl Leases {
    /// The lease of a set.
    pub fn of(&self, key: &SetKey) -> Option<LeaseId> {
        if self.of.is_empty() {
            return None;
        }
        self.of.get(key).copied()
    }

    /// Whether there is such a lease.
    pub fn has(&self, id: LeaseId) -> bool {
        self.leases.contains_key(&id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// Seconds that a lease was given, seconds that are left, and its sets.
    pub fn look(&self, id: LeaseId) -> Option<(u32, u64, Vec<SetKey>)> {
        let lease = self.leases.get(&id)?;
        let left = lease.ends.saturating_duration_since(now()).as_secs();
        Some((lease.ttl, left, lease.sets.iter().cloned().collect()))
    }

    /// Begins or renews a lease of `ttl` seconds.
    pub(crate) fn begin(&mut self, id: LeaseId, ttl: u32) {
        let ends = now() + Duration::from_secs(ttl.into());
        let sets = HashSet::new();
        let lease = self.leases.entry(id);
        let lease = lease.or_insert(Lease { ttl, ends, sets });
        lease.ends = ends;
    }

    /// Renews a lease; its seconds, or `None` if there is no such lease.
    pub(crate) fn renew(&mut self, id: LeaseId) -> Option<u32> {
        let lease = self.leases.get_mut(&id)?;
        lease.ends = now() + Duration::from_secs(lease.ttl.into());
        Some(lease.ttl)
    }

    pub(crate) fn end(&mut self, id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&id)?;
        for key in &lease.sets {
            self.of.remove(key);
        }
        Some(lease)
    }

    /// The sets of a lease.
    pub(crate) fn sets(&self, id: LeaseId) -> Vec<SetKey> {
        let lease = self.leases.get(&id);
        lease.map_or_else(Vec::new, |lease| lease.sets.iter().cloned().collect())
    }

    /// Leases that have ended.
    pub(crate) fn ended(&self) -> Vec<LeaseId> {
        let now = now();
        let ended = self.leases.iter().filter(|(_, lease)| lease.ends <= now);
        ended.map(|(id, _)| *id).collect()
    }

    /// When the next one ends.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.leases.values().map(|lease| lease.ends).min()
    }

    /// Notes which lease a written set is of.
    pub(crate) fn note(&mut self, edit: &Edit) {
        let lease = edit.after.as_ref().and_then(|set| set.lease);
        if let Some(old) = self.of.remove(&edit.key)
            && let Some(old) = self.leases.get_mut(&old)
        {
            old.sets.remove(&edit.key);
        }
        if let Some(id) = lease
            && let Some(lease) = self.leases.get_mut(&id)
        {
            lease.sets.insert(edit.key.clone());
            self.of.insert(edit.key.clone(), id);
        }
    }
}
