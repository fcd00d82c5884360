//! The store that keeps nothing: records live as long as the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use catena_dns::Name;

use super::{Batch, Loaded, Store, Work};

/// Records in memory only.
#[derive(Debug)]
pub struct MemoryStore {
    revision: AtomicU64,
}

impl MemoryStore {
    /// An empty store; its revisions are greater than those of a process before.
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = since.map_or(1, |since| since.as_micros());
        MemoryStore {
            revision: AtomicU64::new(u64::try_from(micros).unwrap_or(1)),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::new()
    }
}

impl Store for MemoryStore {
    fn load<'s>(&'s self, _: &'s [Name]) -> Work<'s, Loaded> {
        let revision = self.revision.load(Ordering::Relaxed);
        let loaded = Loaded {
            revision,
            since: revision,
            ..Loaded::default()
        };
        Box::pin(std::future::ready(Ok(loaded)))
    }

    fn commit(&self, _: Arc<Batch>) -> Work<'_, u64> {
        let revision = self.revision.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(std::future::ready(Ok(revision)))
    }
}
