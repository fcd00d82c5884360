//! Keys in order, as they are at one moment: readers hold it while the writer makes the next.
//!
//! It is cut into short rows that moments share: a change makes anew the row that it is in, and
//! the list of rows.

use std::sync::Arc;

use crate::service::Entry;

/// Keys of a row at most, and how many there are in it when it is made of a list.
const ROW_MAX: usize = 256;
const ROW_NEW: usize = 128;
/// Rows that may be short before all are made anew.
const ROWS_SPARE: usize = 64;

/// All keys there are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sorted {
    /// None of them is empty.
    rows: Vec<Arc<[Arc<Entry>]>>,
    len: usize,
}

impl Sorted {
    /// Those of `entries`, which are in order, each key once.
    pub fn new(entries: &[Arc<Entry>]) -> Sorted {
        Sorted {
            rows: entries.chunks(ROW_NEW).map(Arc::from).collect(),
            len: entries.len(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The entry of `key`.
    pub fn get(&self, key: &str) -> Option<&Arc<Entry>> {
        self.from(key).next().filter(|entry| &*entry.key == key)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.rows.iter().flat_map(|row| row.iter())
    }

    /// The entries from `key` on.
    pub fn from(&self, key: &str) -> impl Iterator<Item = &Arc<Entry>> {
        let at = self.row_of(key);
        let rows = self.rows.get(at..).unwrap_or_default().iter();
        let row = self.rows.get(at).map_or(&[][..], |row| row);
        let before = row.partition_point(|entry| &*entry.key < key);
        rows.flat_map(|row| row.iter()).skip(before)
    }

    /// Puts `entry`, or nothing, in the place of what `key` has; what that was.
    pub fn set(&mut self, key: &str, entry: Option<Arc<Entry>>) -> Option<Arc<Entry>> {
        let at = self.row_of(key);
        let mut row = self.rows.get(at).map_or_else(Vec::new, |row| row.to_vec());
        let place = row.binary_search_by(|known| (*known.key).cmp(key));
        let old = match (place, entry) {
            (Ok(place), Some(entry)) => {
                let known = row.get_mut(place);
                known.map(|known| std::mem::replace(known, entry))
            }
            (Ok(place), None) => Some(row.remove(place)),
            (Err(place), Some(entry)) => {
                row.insert(place, entry);
                None
            }
            (Err(_), None) => return None,
        };
        self.len = self.len + row.len() - self.rows.get(at).map_or(0, |row| row.len());
        let halves = match row.len() {
            0..=ROW_MAX => row.len().max(1),
            length => length.div_ceil(2),
        };
        let rows = row.chunks(halves).map(Arc::from);
        let end = self.rows.len().min(at + 1);
        self.rows.splice(at..end, rows);
        if self.rows.len() > ROWS_SPARE + 4 * self.len / ROW_NEW {
            *self = Sorted::new(&self.iter().cloned().collect::<Vec<_>>());
        }
        old
    }

    /// The row that has `key`, or would have it.
    fn row_of(&self, key: &str) -> usize {
        let begins = |row: &Arc<[Arc<Entry>]>| row.first().is_some_and(|first| &*first.key <= key);
        self.rows.partition_point(begins).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;
    use std::sync::Arc;

    use catena_etcd::KeyValue;

    use super::{Entry, Sorted};

    fn entry(key: &str, lease: i64) -> Arc<Entry> {
        let key = KeyValue {
            key: key.into(),
            lease,
            ..KeyValue::default()
        };
        Arc::new(Entry::new(&key).unwrap())
    }

    fn told(entries: &[&Arc<Entry>]) -> Vec<(String, i64)> {
        let told = entries
            .iter()
            .map(|entry| (entry.key.to_string(), entry.lease));
        told.collect()
    }

    #[test]
    fn it_is_what_a_map_is_after_each_of_many_changes() {
        let (mut sorted, mut map) = (Sorted::default(), BTreeMap::new());
        let mut number = 1u64;
        for step in 0..20_000 {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let key = format!("/{}", (number >> 33) % 2_000);
            // It grows, then all but vanishes.
            let stays = (number >> 20) % 8 < if step < 10_000 { 6 } else { 1 };
            let new = stays.then(|| entry(&key, step));
            let old = match &new {
                Some(new) => map.insert(key.clone(), Arc::clone(new)),
                None => map.remove(&key),
            };
            let was = sorted.set(&key, new);
            assert_eq!(was.map(|was| was.lease), old.map(|old| old.lease));
            assert_eq!(sorted.len(), map.len());
            let found = sorted.get(&key).map(|entry| entry.lease);
            assert_eq!(found, map.get(&key).map(|entry| entry.lease));
            if step % 97 == 0 {
                let wanted: Vec<_> = map.range(key.clone()..).map(|(_, entry)| entry).collect();
                let found: Vec<_> = sorted.from(&key).collect();
                assert_eq!(told(&found), told(&wanted));
            }
        }
        let listed: Vec<_> = map.into_values().collect();
        let listed = Sorted::new(&listed);
        assert_eq!(
            told(&listed.iter().collect::<Vec<_>>()),
            told(&sorted.iter().collect::<Vec<_>>())
        );
    }
}
