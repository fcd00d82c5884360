//! The table of answers: 256 shards, each behind its own lock, bounded by count and by octets.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use catena_dns::{NameBuf, NameRef, flag};
use catena_plugin::Query;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::RwLock;

use crate::entry::Entry;

const SHARDS: usize = 256;
/// Entries a shard holds at least.
const SHARD_ENTRIES_MIN: usize = 4;
/// Octets an entry may take on average before octets bound the table rather than entries.
const ENTRY_OCTETS: usize = 1024;
/// Octets a shard may hold at least: one message of the greatest size.
const SHARD_OCTETS_MIN: usize = 72 * 1024;
/// Entries looked at to find one to evict.
const SAMPLES: usize = 4;

/// The two kinds of answers, each with room of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There is data.
    Success,
    /// There is none, or it could not be had.
    Denial,
}

impl Kind {
    /// As the `type` label says.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Success => "success",
            Kind::Denial => "denial",
        }
    }
}

/// A value for each [`Kind`].
#[derive(Clone, Debug, Default)]
pub(crate) struct PerKind<T> {
    /// For [`Kind::Success`].
    pub success: T,
    /// For [`Kind::Denial`].
    pub denial: T,
}

impl<T> PerKind<T> {
    /// The value for `kind`.
    pub fn of(&self, kind: Kind) -> &T {
        match kind {
            Kind::Success => &self.success,
            Kind::Denial => &self.denial,
        }
    }

    /// The value for `kind`, to change it.
    pub fn of_mut(&mut self, kind: Kind) -> &mut T {
        match kind {
            Kind::Success => &mut self.success,
            Kind::Denial => &mut self.denial,
        }
    }
}

/// Which of the answers to one question an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variant(u8);

impl Variant {
    /// The client wants DNSSEC records.
    const DO: u8 = 1;
    /// The client checks signatures itself.
    const CD: u8 = 2;
    /// A reply that does not answer the question, kept beside one that does.
    const BESIDE: u8 = 4;

    fn of(query: &Query<'_>) -> Variant {
        let mut bits = 0;
        if query.dnssec_ok() {
            bits |= Variant::DO;
        }
        if query.header().has(flag::CD) {
            bits |= Variant::CD;
        }
        Variant(bits)
    }
}

/// What an entry is found by.
#[derive(Clone, Copy)]
pub(crate) struct Key<'q> {
    /// The name in lower case, in wire form.
    pub name: &'q [u8],
    /// As in the question.
    pub type_and_class: [u8; 4],
    /// Which of the answers to the question.
    pub variant: Variant,
    hash: u64,
}

impl Key<'_> {
    /// The same key for a reply that is kept beside the one that answers.
    pub fn beside(self) -> Self {
        self.with(Variant(self.variant.0 | Variant::BESIDE))
    }

    /// The key of another answer to the same question.
    pub fn with(self, variant: Variant) -> Self {
        Key { variant, ..self }
    }

    fn is_beside(&self) -> bool {
        self.variant.0 & Variant::BESIDE != 0
    }
}

/// How much one kind may hold in each shard.
#[derive(Clone, Copy)]
struct Limit {
    entries: usize,
    octets: usize,
}

impl Limit {
    fn new(capacity: usize) -> Limit {
        let entries = (capacity / SHARDS).max(SHARD_ENTRIES_MIN);
        Limit {
            entries,
            octets: entries.saturating_mul(ENTRY_OCTETS).max(SHARD_OCTETS_MIN),
        }
    }
}

/// The table.
pub(crate) struct Table {
    shards: Box<[RwLock<Shard>]>,
    state: RandomState,
    limits: PerKind<Limit>,
    counts: PerKind<AtomicUsize>,
}

impl Table {
    /// An empty table for as many entries of each kind.
    pub fn new(capacity: &PerKind<usize>) -> Table {
        Table {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            state: RandomState::default(),
            limits: PerKind {
                success: Limit::new(capacity.success),
                denial: Limit::new(capacity.denial),
            },
            counts: PerKind::default(),
        }
    }

    /// The key of `query`.
    #[inline]
    pub fn key<'q>(&self, query: &'q Query<'_>) -> Key<'q> {
        let name = query.name().wire();
        let ([a, b], [c, d]) = (
            query.qtype().0.to_be_bytes(),
            query.qclass().0.to_be_bytes(),
        );
        let (type_and_class, variant) = ([a, b, c, d], Variant::of(query));
        Key {
            name,
            type_and_class,
            variant,
            hash: hash(&self.state, name, type_and_class, variant),
        }
    }

    /// Looks at the shard that holds what `key` finds.
    #[inline]
    pub fn read<T>(&self, key: &Key<'_>, look: impl FnOnce(&Shard) -> T) -> Option<T> {
        self.shard(key).map(|shard| look(&shard.read()))
    }

    /// Stores `entry` under `key`; returns how many others had to go.
    ///
    /// A reply that answers is the newest word: it takes the place of a denial, and of a reply
    /// that was kept beside it.
    pub fn store(&self, key: &Key<'_>, kind: Kind, entry: Entry) -> u64 {
        let Some(shard) = self.shard(key) else {
            return 0;
        };
        let mut shard = shard.write();
        let limit = *self.limits.of(kind);
        let (added, evicted) = shard.of_mut(kind).put(key, entry, limit, &self.state);
        let overruled = if kind == Kind::Success && !key.is_beside() {
            let beside = shard.success.remove(&key.beside());
            self.counts.success.fetch_sub(usize::from(beside), Relaxed);
            shard.denial.remove(key)
        } else {
            false
        };
        drop(shard);
        self.counts
            .denial
            .fetch_sub(usize::from(overruled), Relaxed);
        let count = self.counts.of(kind);
        count.fetch_add(usize::from(added), Relaxed);
        count.fetch_sub(evicted, Relaxed);
        u64::try_from(evicted).unwrap_or(u64::MAX)
    }

    /// How many entries of `kind` there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.counts.of(kind).load(Relaxed)
    }

    fn shard(&self, key: &Key<'_>) -> Option<&RwLock<Shard>> {
        // The table inside a shard uses the lowest and the highest bits.
        let place = usize::try_from(key.hash >> 40 & 0xff).unwrap_or(0);
        self.shards.get(place)
    }
}

/// The entries of one shard.
pub(crate) type Shard = PerKind<Store>;

impl Shard {
    /// The entry of `kind` that answers `key`.
    #[inline]
    pub fn find(&self, kind: Kind, key: &Key<'_>) -> Option<&Entry> {
        let entries = &self.of(kind).entries;
        entries.find(key.hash, |entry| entry.answers(key))
    }
}

/// The entries of one kind in one shard.
#[derive(Default)]
pub(crate) struct Store {
    entries: HashTable<Entry>,
    octets: usize,
    dice: u64,
}

impl Store {
    /// Puts `entry` in; says whether there was none for `key`, and how many had to go.
    fn put(
        &mut self,
        key: &Key<'_>,
        entry: Entry,
        limit: Limit,
        state: &RandomState,
    ) -> (bool, usize) {
        let added = !self.remove(key);
        let (size, mut evicted) = (entry.size(), 0);
        while self.is_full(size, limit) && self.evict(key.hash) {
            evicted += 1;
        }
        self.octets += size;
        self.entries.insert_unique(key.hash, entry, |entry| {
            let (name, type_and_class, variant) = entry.question();
            let name = NameBuf::lower(NameRef::from_wire(name).unwrap_or(NameRef::ROOT));
            hash(state, name.view().wire(), type_and_class, variant)
        });
        (added, evicted)
    }

    fn is_full(&self, size: usize, limit: Limit) -> bool {
        self.entries.len() >= limit.entries || self.octets + size > limit.octets
    }

    fn remove(&mut self, key: &Key<'_>) -> bool {
        let found = self
            .entries
            .find_entry(key.hash, |entry| entry.answers(key));
        let Ok(found) = found else { return false };
        let (entry, _vacant) = found.remove();
        self.octets -= entry.size();
        true
    }

    /// Removes the one of a few random entries that expires first; false if there is none.
    fn evict(&mut self, seed: u64) -> bool {
        const MULTIPLIER: u64 = 0x5851_f42d_4c95_7f2d;
        self.dice = self.dice.wrapping_mul(MULTIPLIER).wrapping_add(seed | 1);
        let buckets = self.entries.num_buckets();
        let start = usize::try_from(self.dice >> 32).unwrap_or(0);
        let victim = (0..buckets)
            .map(|step| (start + step) & (buckets - 1))
            .filter_map(|bucket| Some((bucket, self.entries.get_bucket(bucket)?.expires())))
            .take(SAMPLES)
            .min_by_key(|(_, expires)| *expires);
        let Some((bucket, _)) = victim else {
            return false;
        };
        let Ok(found) = self.entries.get_bucket_entry(bucket) else {
            return false;
        };
        let (entry, _vacant) = found.remove();
        self.octets -= entry.size();
        true
    }
}

#[inline]
fn hash(state: &RandomState, name: &[u8], type_and_class: [u8; 4], variant: Variant) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(name);
    let rest = u64::from(u32::from_be_bytes(type_and_class)) << 8;
    hasher.write_u64(rest | u64::from(variant.0 & !Variant::BESIDE));
    hasher.finish()
}

#[cfg(test)]
mod tests;
