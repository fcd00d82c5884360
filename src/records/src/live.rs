//! A zone as all see it who read: the latest snapshot, its journal, and word of changes.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use catena_dns::{Name, NameRef};
use catena_index::Zone;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::journal::{Entry, Journal};

/// How far a zone has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The revision of the store.
    pub revision: u64,
    /// The serial of the zone.
    pub serial: u32,
}

/// A zone that is written while it is read.
pub struct LiveZone {
    origin: Name,
    zone: ArcSwapOption<Zone>,
    journal: RwLock<Journal>,
    mark: watch::Sender<Mark>,
}

impl LiveZone {
    pub(crate) fn new(origin: Name) -> Self {
        LiveZone {
            origin,
            zone: ArcSwapOption::empty(),
            journal: RwLock::default(),
            mark: watch::Sender::default(),
        }
    }

    /// The name of the zone.
    pub fn origin(&self) -> NameRef<'_> {
        self.origin.view()
    }

    /// The zone as it is now; `None` until it was loaded.
    #[inline]
    pub fn zone(&self) -> Guard<Option<Arc<Zone>>> {
        self.zone.load()
    }

    /// How far the zone has come.
    pub fn mark(&self) -> Mark {
        *self.mark.borrow()
    }

    /// Tells when it has come further.
    pub fn marks(&self) -> watch::Receiver<Mark> {
        self.mark.subscribe()
    }

    /// Up to `limit` changes after `revision`; `None` if some are not known any more.
    pub fn changes_after(&self, revision: u64, limit: usize) -> Option<Vec<Arc<Entry>>> {
        self.journal.read().after(revision, limit)
    }

    /// All changes since `serial`; `None` if they are not known.
    pub fn changes_from(&self, serial: u32) -> Option<Vec<Arc<Entry>>> {
        self.journal.read().since_serial(serial)
    }

    /// Begins anew with `zone`: who follows goes on if `journal` reaches back far enough.
    pub(crate) fn reset(&self, zone: Zone, mark: Mark, journal: Journal) {
        *self.journal.write() = journal;
        self.zone.store(Some(Arc::new(zone)));
        self.mark.send_replace(mark);
    }

    pub(crate) fn advance(&self, zone: Zone, entry: Entry) {
        let mark = Mark {
            revision: entry.revision,
            serial: entry.to,
        };
        self.journal.write().push(entry);
        self.zone.store(Some(Arc::new(zone)));
        self.mark.send_replace(mark);
    }
}
