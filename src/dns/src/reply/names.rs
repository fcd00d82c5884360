//! Where a reply has names that later ones may point at, found in a step however many they are.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use crate::{NameBuf, NameRef};

/// Pointers reach this far, and so no name is remembered beyond.
pub(super) const POINTER_MAX: usize = 0x3fff;
/// So many are looked through one by one; more are found by their hash.
const FEW: usize = 24;
/// Room for all the labels before `POINTER_MAX`, two octets each at least, twice over.
const SLOTS: usize = 1 << 14;

/// Names in hostile answers must not be able to meet in one slot.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The offsets of names in a packet, in the order they were written.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    offsets: Vec<u16>,
    /// Offsets by the hash of their names, 0 for none; empty while there are few.
    slots: Vec<u16>,
}

impl Names {
    pub const fn new() -> Names {
        Names {
            offsets: Vec::new(),
            slots: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Forgets all; keeps the room for a few.
    pub fn clear(&mut self) {
        self.offsets.clear();
        self.slots = Vec::new();
    }

    /// Forgets the names from offset `end` on.
    pub fn truncate(&mut self, end: usize) {
        let kept = self.offsets.partition_point(|at| usize::from(*at) < end);
        if kept < self.offsets.len() {
            self.offsets.truncate(kept);
            self.slots = Vec::new();
        }
    }

    /// Remembers that `name` stands at `at`, or is about to, if pointers reach it.
    pub fn add(&mut self, at: usize, name: NameRef<'_>) {
        let reached = Some(at).filter(|at| (1..=POINTER_MAX).contains(at));
        let Some(at) = reached.and_then(|at| u16::try_from(at).ok()) else {
            return;
        };
        self.offsets.push(at);
        if !self.slots.is_empty() {
            self.occupy(at, name);
        }
    }

    /// Where `name` stands in `packet`, letter case included.
    pub fn find(&self, packet: &[u8], name: NameRef<'_>) -> Option<u16> {
        if self.slots.is_empty() {
            let mut known = self.offsets.iter().copied();
            return known.find(|at| stands_at(packet, usize::from(*at), name));
        }
        self.probe(name)
            .take_while(|at| *at != 0)
            .find(|at| stands_at(packet, usize::from(*at), name))
    }

    /// Builds the table if there are more than a few names; those in `packet` must be whole.
    pub fn index(&mut self, packet: &[u8]) {
        if self.offsets.len() <= FEW || !self.slots.is_empty() {
            return;
        }
        self.slots = vec![0; SLOTS];
        for at in std::mem::take(&mut self.offsets) {
            let mut name = NameBuf::new();
            if name.read(packet, usize::from(at)).is_ok() {
                self.offsets.push(at);
                self.occupy(at, name.view());
            }
        }
    }

    fn occupy(&mut self, at: u16, name: NameRef<'_>) {
        let free = self.probe(name).position(|taken| taken == 0);
        let place = free.map(|step| (first_slot(name) + step) % SLOTS);
        if let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) {
            *slot = at;
        }
    }

    /// What stands in the slots where `name` may be, nearest first.
    fn probe(&self, name: NameRef<'_>) -> impl Iterator<Item = u16> {
        let (before, after) = self
            .slots
            .split_at_checked(first_slot(name))
            .unwrap_or((&[], &[]));
        after.iter().chain(before).copied()
    }
}

fn first_slot(name: NameRef<'_>) -> usize {
    let hash = HASHER.hash_one(name.wire());
    usize::try_from(hash >> 40).unwrap_or(0) % SLOTS
}

/// Whether the name at `at` in `packet` is `name`, letter case included.
fn stands_at(packet: &[u8], at: usize, name: NameRef<'_>) -> bool {
    let wire = name.wire();
    if packet.get(at..at + wire.len()) == Some(wire) {
        return true;
    }
    let first = 1 + usize::from(wire.first().copied().unwrap_or(0));
    if packet.get(at..at + first) != wire.get(..first) {
        return false;
    }
    let mut found = NameBuf::new();
    found.read(packet, at).is_ok() && found.view().eq_exact(name)
}
