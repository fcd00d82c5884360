//! A hash table that readers read without locks while one writer changes it.
//!
//! It is cut into shards, each an immutable table behind an atomic pointer. The writer copies the
//! shards it changes, changes the copies as often as it likes, and publishes them.

use std::hash::BuildHasher;
use std::sync::Arc;

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// A value that knows its own key.
pub trait Keyed {
    /// The hash of its key; the same as that of an equal key by itself.
    fn hash_key(&self, hasher: &RandomState) -> u64;
}

impl Keyed for [u8] {
    fn hash_key(&self, hasher: &RandomState) -> u64 {
        hasher.hash_one(self)
    }
}

impl<T: Keyed + ?Sized> Keyed for Arc<T> {
    fn hash_key(&self, hasher: &RandomState) -> u64 {
        (**self).hash_key(hasher)
    }
}

/// The table as readers see it.
pub struct Shards<T> {
    shards: Box<[ArcSwap<HashTable<T>>]>,
    hasher: RandomState,
}

impl<T: Keyed + Clone> Shards<T> {
    /// An empty table of `count` shards, a power of two.
    pub fn new(count: usize) -> Self {
        Shards {
            shards: (0..count.next_power_of_two())
                .map(|_| ArcSwap::default())
                .collect(),
            hasher: RandomState::default(),
        }
    }

    /// Hashes a key.
    pub fn hash(&self, key: &(impl std::hash::Hash + ?Sized)) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The shard of a hash; its upper bits choose, as the table uses the lower and uppermost.
    fn place(&self, hash: u64) -> usize {
        usize::try_from(hash >> 40).unwrap_or(0) & (self.shards.len() - 1)
    }

    /// Shows `look` the value with `hash` that `is` accepts.
    pub fn read<R>(
        &self,
        hash: u64,
        is: impl FnMut(&T) -> bool,
        look: impl FnOnce(Option<&T>) -> R,
    ) -> R {
        let shard = self.shards.get(self.place(hash));
        match shard {
            Some(shard) => look(shard.load().find(hash, is)),
            None => look(None),
        }
    }

    /// Shows `see` every value; each shard as it is when its turn comes.
    pub fn each(&self, mut see: impl FnMut(&T)) {
        for shard in &self.shards {
            shard.load().iter().for_each(&mut see);
        }
    }
}

/// The writer's side: shards that are changed and not published yet.
pub struct Edit<T> {
    open: Vec<Option<HashTable<T>>>,
    touched: Vec<usize>,
}

impl<T: Keyed + Clone> Edit<T> {
    /// Nothing changed yet.
    pub fn new(shards: &Shards<T>) -> Self {
        Edit {
            open: (0..shards.shards.len()).map(|_| None).collect(),
            touched: Vec::new(),
        }
    }

    /// The writer's copy of the shard of `hash`.
    fn shard<'e>(&'e mut self, shards: &Shards<T>, hash: u64) -> Option<&'e mut HashTable<T>> {
        let place = shards.place(hash);
        let open = self.open.get_mut(place)?;
        if open.is_none() {
            self.touched.push(place);
            let published = shards.shards.get(place)?.load();
            *open = Some(HashTable::clone(&published));
        }
        open.as_mut()
    }

    /// The value with `hash` that `is` accepts, as the writer left it.
    pub fn find(&self, shards: &Shards<T>, hash: u64, is: impl FnMut(&T) -> bool) -> Option<T> {
        let place = shards.place(hash);
        match self.open.get(place)? {
            Some(table) => table.find(hash, is).cloned(),
            None => shards.shards.get(place)?.load().find(hash, is).cloned(),
        }
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
        let Some(table) = self.shard(shards, hash) else {
            return;
        };
        let mut value = match table.find_entry(hash, is) {
            Ok(found) => Some(found.remove().0),
            Err(_) => None,
        };
        change(&mut value);
        if let Some(value) = value {
            table.insert_unique(hash, value, |other| other.hash_key(&shards.hasher));
        }
    }

    /// Shows `see` every value as the writer left it.
    pub fn each(&self, shards: &Shards<T>, mut see: impl FnMut(&T)) {
        for (open, shard) in self.open.iter().zip(&shards.shards) {
            match open {
                Some(table) => table.iter().for_each(&mut see),
                None => shard.load().iter().for_each(&mut see),
            }
        }
    }

    /// Shows readers what was changed.
    pub fn publish(&mut self, shards: &Shards<T>) {
        for place in self.touched.drain(..) {
            let table = self.open.get_mut(place).and_then(Option::take);
            if let (Some(mut table), Some(shard)) = (table, shards.shards.get(place)) {
                table.shrink_to_fit(|value| value.hash_key(&shards.hasher));
                shard.store(Arc::new(table));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use foldhash::fast::RandomState;

    use super::{Edit, Keyed, Shards};

    impl Keyed for (u32, char) {
        fn hash_key(&self, hasher: &RandomState) -> u64 {
            std::hash::BuildHasher::hash_one(hasher, self.0)
        }
    }

    fn read(shards: &Shards<(u32, char)>, key: u32) -> Option<char> {
        let hash = shards.hash(&key);
        shards.read(hash, |pair| pair.0 == key, |pair| pair.map(|pair| pair.1))
    }

    #[test]
    fn changes_are_seen_when_published() {
        let shards: Shards<(u32, char)> = Shards::new(4);
        let mut edit = Edit::new(&shards);
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
        assert_eq!(edit.find(&shards, hash, |pair| pair.0 == 7), None);
        edit.publish(&shards);
        assert_eq!(read(&shards, 7), None);
        let mut count = 0;
        edit.each(&shards, |_| count += 1);
        assert_eq!(count, 99);
    }
}
