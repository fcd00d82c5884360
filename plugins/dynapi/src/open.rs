//! The ledgers of the process, which outlive a reload of the Corefile.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use catena_records::store::{FileStore, MemoryStore, Store};
use catena_records::{Ledger, StoreError};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::etcd::Cluster;

/// Where records are kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// In memory, for the server block with these keys.
    Memory(String),
    /// In a file.
    File(PathBuf),
    /// In etcd, shared with other servers.
    Etcd(Cluster),
}

/// A ledger, and its store, which lives a little longer: until its writer has seen the end.
type Opened = (Weak<Ledger>, Weak<dyn Store>);

static OPEN: Mutex<BTreeMap<Place, Opened>> = Mutex::new(BTreeMap::new());

/// The ledger over `place`: the one that is open, or a new one.
pub(crate) fn open(place: &Place, runtime: &Handle) -> Result<Arc<Ledger>, StoreError> {
    let mut open = OPEN.lock();
    open.retain(|_, (_, store)| store.strong_count() > 0);
    let (ledger, store) = open.get(place).cloned().unzip();
    if let Some(ledger) = ledger.as_ref().and_then(Weak::upgrade) {
        return Ok(ledger);
    }
    let store: Arc<dyn Store> = match (store.as_ref().and_then(Weak::upgrade), place) {
        (Some(store), _) => store,
        (None, Place::Memory(_)) => Arc::new(MemoryStore::new()),
        (None, Place::File(path)) => Arc::new(FileStore::open(path)?),
        (None, Place::Etcd(cluster)) => Arc::new(cluster.open(runtime)?),
    };
    let ledger = Ledger::open(Arc::clone(&store), runtime);
    let opened = (Arc::downgrade(&ledger), Arc::downgrade(&store));
    open.insert(place.clone(), opened);
    Ok(ledger)
}
