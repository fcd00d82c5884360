//! Decides which host of which entry has which address: Istio's rules, without I/O.
//!
//! Each host has one address of each range, the next free one. An address that two entries hold
//! stays with the older one, unless somebody wrote it into an entry by hand: then all others
//! have to move. What is decided is a [`Step`], to be written into an entry's status; it counts
//! once the entry comes back with it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use catena_kube::Id;

use crate::entry::{Entry, Held};
use crate::range::{Pool, Range};

/// The addresses that an entry's status is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which entry.
    pub id: Id,
    /// The version of it that this was decided for.
    pub version: Box<str>,
    /// All addresses.
    pub held: Vec<Held>,
    /// Those of them that are new.
    pub taken: Vec<IpAddr>,
    /// Those that may be handed out again.
    pub freed: Vec<IpAddr>,
    /// Those that the entry gives up because of others.
    pub conflicts: Vec<IpAddr>,
    /// Hosts for which a range had no address left.
    pub wanting: usize,
}

/// All entries, and what of the ranges is in use.
#[derive(Debug)]
pub struct Allocator {
    entries: BTreeMap<Id, Entry>,
    /// Entries whose status holds an address.
    holders: HashMap<IpAddr, BTreeSet<Id>>,
    /// Entries that were given an address by hand.
    owners: HashMap<IpAddr, BTreeSet<Id>>,
    pools: Vec<Pool>,
    /// Entries to look at.
    due: BTreeSet<Id>,
    /// Entries with a step under way, and the addresses it takes.
    under_way: HashMap<Id, Vec<IpAddr>>,
}

impl Allocator {
    /// Hands out addresses of `ranges`, one of each to a host.
    pub fn new(ranges: &[Range]) -> Allocator {
        Allocator {
            entries: BTreeMap::new(),
            holders: HashMap::new(),
            owners: HashMap::new(),
            pools: ranges.iter().copied().map(Pool::new).collect(),
            due: BTreeSet::new(),
            under_way: HashMap::new(),
        }
    }

    /// The entry is there, new or changed.
    pub fn apply(&mut self, entry: Entry) {
        let id = entry.id.clone();
        self.unlink(&id);
        for held in &entry.held {
            self.mark(held.address);
            let holders = self.holders.entry(held.address).or_default();
            holders.insert(id.clone());
            if holders.len() > 1 {
                self.due.extend(holders.iter().cloned());
            }
        }
        for address in &entry.given {
            self.mark(*address);
            let owners = self.owners.entry(*address).or_default();
            owners.insert(id.clone());
            let holders = self.holders.get(address);
            self.due.extend(holders.into_iter().flatten().cloned());
        }
        self.due.insert(id.clone());
        self.entries.insert(id, entry);
    }

    /// The entry is gone. Its addresses stay in use: caches may still have them.
    pub fn delete(&mut self, id: &Id) {
        self.unlink(id);
        self.entries.remove(id);
        self.due.remove(id);
    }

    /// Only these entries are there.
    pub fn keep(&mut self, named: &HashSet<Id>) {
        let gone = self.entries.keys().filter(|id| !named.contains(id));
        for id in gone.cloned().collect::<Vec<_>>() {
            self.delete(&id);
        }
    }

    /// Looks at all entries again.
    pub fn review(&mut self) {
        self.due.extend(self.entries.keys().cloned());
    }

    /// What is to be written next.
    pub fn next_step(&mut self) -> Option<Step> {
        loop {
            let mut due = self.due.iter();
            let id = due.find(|id| !self.under_way.contains_key(*id))?.clone();
            self.due.remove(&id);
            if let Some(step) = self.step(&id) {
                self.under_way.insert(id, step.taken.clone());
                return Some(step);
            }
        }
    }

    /// The step was taken, and this is what the entry is now.
    pub fn done(&mut self, step: &Step, entry: Entry) {
        self.under_way.remove(&step.id);
        // Not one that is gone meanwhile.
        if self.entries.contains_key(&step.id) {
            self.apply(entry);
        }
        self.free(&step.freed);
    }

    /// The step was not taken; the entry is to be looked at again.
    pub fn failed(&mut self, step: &Step) {
        self.under_way.remove(&step.id);
        self.free(&step.taken);
        if self.entries.contains_key(&step.id) {
            self.due.insert(step.id.clone());
        }
    }

    /// All entries with an automatic address.
    pub fn holding(&self) -> impl Iterator<Item = &Entry> {
        let entries = self.entries.values();
        entries.filter(|entry| !entry.held.is_empty())
    }

    /// Addresses that more than one entry has.
    pub fn contested(&self) -> usize {
        let all = self.holders.iter();
        all.filter(|(address, holders)| holders.len() > 1 || self.owners.contains_key(*address))
            .count()
    }

    /// Entries that are to be looked at, or written.
    pub fn pending(&self) -> usize {
        self.due.len() + self.under_way.len()
    }

    /// The ranges, and how many addresses of each are in use.
    pub fn used(&self) -> impl Iterator<Item = (Range, usize)> {
        self.pools.iter().map(|pool| (pool.range(), pool.used()))
    }

    fn step(&mut self, id: &Id) -> Option<Step> {
        let entry = self.entries.get(id)?.clone();
        let mut step = Step {
            id: id.clone(),
            version: entry.version.clone(),
            held: Vec::new(),
            taken: Vec::new(),
            freed: Vec::new(),
            conflicts: Vec::new(),
            wanting: 0,
        };
        let (kept, lost) = self.part(&entry);
        for host in &entry.wanted {
            let of_host = |held: &&Held| held.host == *host;
            let own: Vec<&Held> = kept.iter().filter(of_host).collect();
            let lost: Vec<&Held> = lost.iter().filter(of_host).collect();
            step.held.extend(own.iter().copied().cloned());
            for place in 0..self.pools.len() {
                let fits = |held: &&&Held| self.is_of(place, held.address);
                let is_due = own.is_empty() || lost.iter().any(|held| fits(&held));
                if is_due && !own.iter().any(|held| fits(&held)) {
                    self.add(place, host, &mut step);
                }
            }
        }
        step.conflicts = lost.iter().map(|held| held.address).collect();
        if step.held.is_empty() {
            step.freed = kept.iter().map(|held| held.address).collect();
        }
        let is_cleared = step.held.is_empty() && entry.has_list;
        (is_cleared || !is_same(&step.held, &entry.held)).then_some(step)
    }

    /// What `entry` may keep of what it holds, and what others have a better right to.
    fn part(&self, entry: &Entry) -> (Vec<Held>, Vec<Held>) {
        let mut seen = HashSet::new();
        let held = entry.held.iter().cloned();
        held.partition(|held| seen.insert(held.address) && self.is_rightful(held.address, entry))
    }

    fn add(&mut self, place: usize, host: &Arc<str>, step: &mut Step) {
        match self.take(place, &step.taken) {
            None => step.wanting += 1,
            Some(address) => {
                step.taken.push(address);
                let host = Arc::clone(host);
                step.held.push(Held { host, address });
            }
        }
    }

    /// The next address of a range. When there is none, those of entries that are gone are
    /// handed out again; `besides` are in use though nobody holds them yet.
    fn take(&mut self, place: usize, besides: &[IpAddr]) -> Option<IpAddr> {
        let pool = self.pools.get_mut(place)?;
        if let Some(address) = pool.take() {
            return Some(address);
        }
        pool.clear();
        let under_way = self.under_way.values().flatten();
        let in_use = self.holders.keys().chain(self.owners.keys());
        for address in in_use.chain(under_way).chain(besides) {
            pool.mark(*address);
        }
        pool.take()
    }

    /// Whether `entry` is the one that keeps an address which it holds.
    fn is_rightful(&self, address: IpAddr, entry: &Entry) -> bool {
        let holders = self.holders.get(&address);
        let age = |id: &&Id| self.entries.get(*id).map(|entry| entry.created);
        let oldest = holders.and_then(|holders| holders.iter().min_by_key(age));
        !self.owners.contains_key(&address) && oldest == Some(&entry.id)
    }

    fn is_of(&self, place: usize, address: IpAddr) -> bool {
        let pool = self.pools.get(place);
        pool.is_some_and(|pool| pool.is_v4() == address.is_ipv4())
    }

    fn mark(&mut self, address: IpAddr) {
        for pool in &mut self.pools {
            pool.mark(address);
        }
    }

    /// Gives back those of `addresses` that nobody has.
    fn free(&mut self, addresses: &[IpAddr]) {
        for address in addresses {
            let is_held = self.holders.contains_key(address);
            if is_held || self.owners.contains_key(address) {
                continue;
            }
            for pool in &mut self.pools {
                pool.free(*address);
            }
        }
    }

    /// Takes what is known of an entry's addresses away.
    fn unlink(&mut self, id: &Id) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        let held = entry.held.iter().map(|held| held.address);
        let links = [
            (&mut self.holders, held.collect::<Vec<_>>()),
            (&mut self.owners, entry.given.clone()),
        ];
        for (known, addresses) in links {
            for address in addresses {
                let Some(ids) = known.get_mut(&address) else {
                    continue;
                };
                ids.remove(id);
                if ids.is_empty() {
                    known.remove(&address);
                }
            }
        }
    }
}

fn is_same(some: &[Held], others: &[Held]) -> bool {
    some.len() == others.len() && some.iter().all(|held| others.contains(held))
}

#[cfg(test)]
mod tests;
