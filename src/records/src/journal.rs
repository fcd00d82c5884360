//! The latest changes of a zone, for those who follow it: watchers and secondaries.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::Edit;

/// What a journal keeps at most: changes, and octets.
const ENTRIES_MAX: usize = 20_000;
const OCTETS_MAX: usize = 32 << 20;

/// One commit as one zone saw it.
#[derive(Debug)]
pub struct Entry {
    /// The revision of the store.
    pub revision: u64,
    /// The serial before.
    pub from: u32,
    /// The serial after.
    pub to: u32,
    /// What changed, the SOA record left out unless more than its serial did.
    pub edits: Vec<Edit>,
}

impl Entry {
    fn size(&self) -> usize {
        let sides = self
            .edits
            .iter()
            .flat_map(|edit| [&edit.before, &edit.after]);
        let sets = sides.flatten().map(|set| set.size());
        64 + 96 * self.edits.len() + sets.sum::<usize>()
    }
}

/// The changes of a zone since a revision.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<Arc<Entry>>,
    octets: usize,
    /// All that came later is here.
    since: u64,
}

impl Journal {
    pub fn new(since: u64) -> Self {
        Journal {
            since,
            ..Journal::default()
        }
    }

    /// The serial that the last change made; `None` without one.
    pub fn serial(&self) -> Option<u32> {
        self.entries.back().map(|entry| entry.to)
    }

    pub fn push(&mut self, entry: Entry) {
        self.octets += entry.size();
        self.entries.push_back(Arc::new(entry));
        while self.entries.len() > ENTRIES_MAX || self.octets > OCTETS_MAX {
            let Some(gone) = self.entries.pop_front() else {
                break;
            };
            self.octets -= gone.size().min(self.octets);
            self.since = gone.revision;
        }
    }

    /// Up to `limit` changes after `revision`; `None` if some are not known any more.
    pub fn after(&self, revision: u64, limit: usize) -> Option<Vec<Arc<Entry>>> {
        if revision < self.since {
            return None;
        }
        let first = self
            .entries
            .partition_point(|entry| entry.revision <= revision);
        Some(
            self.entries
                .iter()
                .skip(first)
                .take(limit)
                .cloned()
                .collect(),
        )
    }

    /// All changes from `serial` on; `None` if the journal does not reach back to it.
    pub fn since_serial(&self, serial: u32) -> Option<Vec<Arc<Entry>>> {
        let first = self
            .entries
            .iter()
            .rposition(|entry| entry.from == serial)?;
        Some(self.entries.iter().skip(first).cloned().collect())
    }
}
