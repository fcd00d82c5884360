//! A hash table that readers read without locks while one writer changes it.
//!
//! It is cut into shards of a few values each, every one an immutable run of memory behind an
//! atomic pointer: a reader follows that pointer and finds hashes and values side by side, with
//! no other pointer to follow. So values hold what answers are made of, not pointers to it. The
//! writer copies the shards it changes, changes the copies as often as it likes, and publishes
//! them.

use std::hash::BuildHasher;

use arc_swap::ArcSwapAny;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use triomphe::ThinArc;

/// A value and the lower half of its key's hash.
#[derive(Clone)]
struct Slot<T> {
    hash: u32,
    value: T,
}

/// The lower half of a hash, which a slot keeps; the upper half chooses the shard.
fn lower(hash: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the half that is meant")]
    let lower = hash as u32;
    lower
}

/// A run of values as readers see it.
type Shard<T> = ThinArc<(), Slot<T>>;

/// The table as readers see it.
pub struct Shards<T> {
    shards: Box<[ArcSwapAny<Shard<T>>]>,
    hasher: RandomState,
}

impl<T: Clone> Shards<T> {
    /// An empty table of `count` shards, a power of two: as many as there will be large values,
    /// or a quarter of that for small ones.
    pub fn new(count: usize) -> Self {
        let empty = Shard::from_header_and_iter((), std::iter::empty());
        Shards {
            shards: (0..count.next_power_of_two())
                .map(|_| ArcSwapAny::new(empty.clone()))
                .collect(),
            hasher: RandomState::default(),
        }
    }

    /// Hashes a key.
    pub fn hash(&self, key: &(impl std::hash::Hash + ?Sized)) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The shard of a hash.
    fn place(&self, hash: u64) -> usize {
        usize::try_from(hash >> 32).unwrap_or(0) & (self.shards.len() - 1)
    }

    /// Shows `look` the value with `hash` that `is` accepts.
    pub fn read<R>(
        &self,
        hash: u64,
        is: impl FnMut(&T) -> bool,
        look: impl FnOnce(Option<&T>) -> R,
    ) -> R {
        match self.shards.get(self.place(hash)) {
            Some(shard) => look(find(&shard.load().slice, hash, is)),
            None => look(None),
        }
    }

    /// Shows `see` each value with `hash`, in the order in which they were added.
    pub fn read_all(&self, hash: u64, see: impl FnMut(&T)) {
        if let Some(shard) = self.shards.get(self.place(hash)) {
            alike(&shard.load().slice, hash).for_each(see);
        }
    }

    /// Shows `see` every value; each shard as it is when its turn comes.
    pub fn each(&self, mut see: impl FnMut(&T)) {
        for shard in &self.shards {
            shard.load().slice.iter().for_each(|slot| see(&slot.value));
        }
    }
}

/// The value among `slots` that has this hash and that `is` accepts.
fn find<T>(slots: &[Slot<T>], hash: u64, mut is: impl FnMut(&T) -> bool) -> Option<&T> {
    alike(slots, hash).find(|value| is(value))
}

/// The values among `slots` that have this hash.
fn alike<T>(slots: &[Slot<T>], hash: u64) -> impl Iterator<Item = &T> {
    let hash = lower(hash);
    let alike = slots.iter().filter(move |slot| slot.hash == hash);
    alike.map(|slot| &slot.value)
}

/// The writer's side: shards that are changed and not published yet.
pub struct Edit<T> {
    open: HashMap<usize, Vec<Slot<T>>>,
}

impl<T> Default for Edit<T> {
    fn default() -> Self {
        Edit {
            open: HashMap::new(),
        }
    }
}

impl<T: Clone> Edit<T> {
    /// Shows `look` the value with `hash` that `is` accepts, as the writer left it.
    pub fn read<R>(
        &self,
        shards: &Shards<T>,
        hash: u64,
        is: impl FnMut(&T) -> bool,
        look: impl FnOnce(Option<&T>) -> R,
    ) -> R {
        match self.open.get(&shards.place(hash)) {
            Some(slots) => look(find(slots, hash, is)),
            None => shards.read(hash, is, look),
        }
    }

    /// Adds a value, also beside others that are equal to it.
    pub fn add(&mut self, shards: &Shards<T>, hash: u64, value: T) {
        let slots = self.open(shards, hash);
        let hash = lower(hash);
        slots.push(Slot { hash, value });
    }

    /// Takes the first value with `hash` that `is` accepts out.
    pub fn remove(
        &mut self,
        shards: &Shards<T>,
        hash: u64,
        mut is: impl FnMut(&T) -> bool,
    ) -> Option<T> {
        let slots = self.open(shards, hash);
        let hash = lower(hash);
        let mut known = slots.iter();
        let place = known.position(|slot| slot.hash == hash && is(&slot.value))?;
        Some(slots.remove(place).value)
    }

    /// Changes the value with `hash` that `is` accepts, or makes one of nothing.
    ///
    /// `change` gets what there is and leaves what there is to be.
    pub fn change(
        &mut self,
        shards: &Shards<T>,
        hash: u64,
        is: impl FnMut(&T) -> bool,
        change: impl FnOnce(&mut Option<T>),
    ) {
        let mut value = self.remove(shards, hash, is);
        change(&mut value);
        if let Some(value) = value {
            self.add(shards, hash, value);
        }
    }

    /// The shard of a hash, as the writer left it.
    fn open(&mut self, shards: &Shards<T>, hash: u64) -> &mut Vec<Slot<T>> {
        let place = shards.place(hash);
        self.open.entry(place).or_insert_with(|| {
            let shard = shards.shards.get(place);
            shard.map_or_else(Vec::new, |shard| shard.load().slice.to_vec())
        })
    }

    /// Shows `see` every value as the writer left it.
    pub fn each(&self, shards: &Shards<T>, mut see: impl FnMut(&T)) {
        for (place, shard) in shards.shards.iter().enumerate() {
            match self.open.get(&place) {
                Some(slots) => slots.iter().for_each(|slot| see(&slot.value)),
                None => shard.load().slice.iter().for_each(|slot| see(&slot.value)),
            }
        }
    }

    /// Shows readers what was changed.
    pub fn publish(&mut self, shards: &Shards<T>) {
        for (place, slots) in std::mem::take(&mut self.open) {
            if let Some(shard) = shards.shards.get(place) {
                shard.store(Shard::from_header_and_iter((), slots.into_iter()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Edit, Shards};

    fn read(shards: &Shards<(u32, char)>, key: u32) -> Option<char> {
        let hash = shards.hash(&key);
        shards.read(hash, |pair| pair.0 == key, |pair| pair.map(|pair| pair.1))
    }

    #[test]
    fn changes_are_seen_when_published() {
        let shards: Shards<(u32, char)> = Shards::new(4);
        let mut edit = Edit::default();
        for key in 0..100u32 {
            let hash = shards.hash(&key);
            edit.change(
                &shards,
                hash,
                |pair| pair.0 == key,
                |pair| {
                    *pair = Some((key, 'a'));
                },
            );
        }
        assert_eq!(read(&shards, 7), None);
        edit.publish(&shards);
        assert_eq!(read(&shards, 7), Some('a'));
        let hash = shards.hash(&7u32);
        edit.change(&shards, hash, |pair| pair.0 == 7, |pair| *pair = None);
        assert_eq!(read(&shards, 7), Some('a'));
        assert!(edit.read(&shards, hash, |pair| pair.0 == 7, |pair| pair.is_none()));
        edit.publish(&shards);
        assert_eq!(read(&shards, 7), None);
        let mut count = 0;
        edit.each(&shards, |_| count += 1);
        assert_eq!(count, 99);
    }

    #[test]
    fn values_of_one_key_stay_in_the_order_of_their_coming() {
        let shards: Shards<(u32, char)> = Shards::new(4);
        let mut edit = Edit::default();
        let hash = shards.hash(&7u32);
        for value in ['a', 'b', 'c', 'd'] {
            edit.add(&shards, hash, (7, value));
        }
        edit.publish(&shards);
        let removed = edit.remove(&shards, hash, |pair| pair.1 == 'b');
        assert_eq!(removed, Some((7, 'b')));
        edit.publish(&shards);
        let mut seen = String::new();
        shards.read_all(hash, |pair| seen.push(pair.1));
        assert_eq!(seen, "acd");
    }
}
