//! Where records are kept: what a store promises to the ledger, and the one that keeps nothing.

mod file;
mod memory;
mod stored;

pub use file::FileStore;
pub use memory::MemoryStore;
pub use stored::{StoredSet, StoredSets};

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use catena_dns::Name;
use tokio::sync::mpsc;

use crate::{Edit, LeaseId, RecordSet, SetKey};

/// A future that a store gives back.
pub type Work<'s, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 's>>;

/// Changes that become durable together, in any number of zones.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The sets that change; a zone's SOA is among them unless the store makes the serials.
    pub edits: Vec<Edit>,
    /// Leases that begin, with their seconds.
    pub begun: Vec<(LeaseId, u32)>,
    /// Leases that end; the removal of their sets is among the edits.
    pub ended: Vec<LeaseId>,
}

/// All that a store holds of some zones.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The revision it is the state of.
    pub revision: u64,
    /// The sets.
    pub sets: StoredSets,
    /// The leases, with their seconds.
    pub leases: Vec<(LeaseId, u32)>,
    /// The latest commits up to the revision, one after the other, as far as they are kept.
    pub history: Vec<(u64, Vec<Edit>)>,
    /// All commits after this revision are in the history.
    pub since: u64,
}

/// A change of the shared state that another process made, or this one.
#[derive(Clone, Debug)]
pub enum Followed {
    /// Sets as they are since `revision`; `None` for one that is gone.
    Changed {
        /// The revision.
        revision: u64,
        /// The sets.
        sets: Vec<(SetKey, Option<RecordSet>)>,
    },
    /// The whole state, after changes were missed.
    Reset(Loaded),
    /// Whether the state is known to be current; `false` while the store cannot be reached.
    InStep(bool),
}

/// Why a store did not take or give something; nothing is changed in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process was faster: the change has to be decided anew on what it wrote.
    #[error("another change came in between")]
    Conflict,
    /// It cannot be reached or written now.
    #[error("{0}")]
    Unavailable(String),
    /// The batch is more than the store takes at once.
    #[error("{0}")]
    TooLarge(String),
    /// What it holds makes no sense.
    #[error("{0}")]
    Broken(String),
}

/// Keeps records: an ordered log of atomic batches, each with a revision.
///
/// The ledger is the only caller. It loads the zones, then commits one batch at a time and goes
/// on when it is durable. It answers from its own memory, whatever becomes of the store.
pub trait Store: Send + Sync + 'static {
    /// Reads all sets of `zones`, and all leases.
    ///
    /// Called again for zones that are added later; may wait for a store that is far away.
    fn load<'s>(&'s self, zones: &'s [Name]) -> Work<'s, Loaded>;

    /// Makes `batch` durable and gives its revision, which is greater than all before.
    ///
    /// A shared store compares [`Edit::before`] with what it has: [`StoreError::Conflict`].
    fn commit(&self, batch: Arc<Batch>) -> Work<'_, u64>;

    /// The changes from the loaded revision on, those of this process too, if others write.
    ///
    /// Called once after the first load. Applying a change twice does no harm.
    fn follow(&self) -> Option<mpsc::Receiver<Followed>> {
        None
    }

    /// The serial of a zone at `revision`, if the store makes serials rather than keep them.
    fn serial_at(&self, revision: u64) -> Option<u32> {
        let _kept_with_the_zone = revision;
        None
    }

    /// Whether the store itself ends leases, and takes their sets away.
    fn ends_leases(&self) -> bool {
        false
    }

    /// Whether what is committed is shown when it is followed, in the order of all changes.
    ///
    /// So a shared store gives all its servers the same states, and serials that mean the same.
    fn is_shown_as_followed(&self) -> bool {
        false
    }

    /// Requests that may be committed together at most.
    fn group_max(&self) -> usize {
        usize::MAX
    }

    /// Renews a lease of a store that ends leases itself.
    fn renew(&self, lease: LeaseId) -> Work<'_, ()> {
        let _by_the_ledger = lease;
        Box::pin(std::future::ready(Ok(())))
    }
}
