//! Finds nodes by the hash of their name: entries in order of hash, each near where it belongs.
//!
//! Made in one go from all entries, so that a million names cost a sort and one pass in order,
//! not a million cache misses.

use crate::Octets;

/// Hash in the upper half, node in the lower.
pub(crate) type Entry = u64;

/// No entry; greater than all others.
const EMPTY: Entry = Entry::MAX;

/// Room behind the last place; more is made if ever it is needed.
const SPARE: usize = 64;

/// The table; see the module.
#[derive(Default)]
pub(crate) struct Table {
    /// Entries, end to end.
    octets: Octets,
    /// Places an entry may belong to; some more follow for what does not fit.
    places: u64,
    count: usize,
}

/// The entry of a node.
pub(crate) fn entry(hash: u32, node: u32) -> Entry {
    u64::from(hash) << 32 | u64::from(node)
}

/// The node of an entry.
pub(crate) fn node_of(entry: Entry) -> u32 {
    let [_, _, _, _, node @ ..] = entry.to_be_bytes();
    u32::from_be_bytes(node)
}

impl Table {
    /// A table of `entries`, which must be sorted.
    pub fn new(entries: &[Entry]) -> Self {
        let count = entries.len();
        let places = count + count / 3 + 1;
        let mut table = Table {
            octets: Octets::with_capacity((places + SPARE) * size_of::<Entry>()),
            places: u64::try_from(places).unwrap_or(u64::MAX),
            count,
        };
        let mut free = 0;
        for entry in entries {
            let at = table.place(*entry >> 32).max(free);
            for _ in free..at {
                table.push(EMPTY);
            }
            table.push(*entry);
            free = at + 1;
        }
        table
    }

    fn push(&mut self, entry: Entry) {
        self.octets.extend_from_slice(&entry.to_le_bytes());
    }

    /// What is in the places from `place` on.
    #[inline]
    fn entries_from(&self, place: usize) -> impl Iterator<Item = Entry> + '_ {
        let (entries, _) = self.octets.as_chunks();
        let entries = entries.get(place..).unwrap_or_default();
        entries.iter().map(|entry| Entry::from_le_bytes(*entry))
    }

    /// Where an entry with `hash` belongs.
    #[inline]
    fn place(&self, hash: u64) -> usize {
        usize::try_from((hash * self.places) >> 32).unwrap_or(usize::MAX)
    }

    /// The nodes whose names have `hash`, and perhaps no more than it in common.
    #[inline]
    pub fn candidates(&self, hash: u32) -> impl Iterator<Item = u32> + '_ {
        let hash = u64::from(hash);
        self.entries_from(self.place(hash))
            .take_while(move |entry| *entry >> 32 <= hash && *entry != EMPTY)
            .filter(move |entry| *entry >> 32 == hash)
            .map(node_of)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// All nodes, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = u32> + '_ {
        let used = self.entries_from(0).filter(|entry| *entry != EMPTY);
        used.map(node_of)
    }

    /// Octets of memory.
    pub fn memory(&self) -> usize {
        self.octets.len()
    }
}
