//! Zones that are written while they are served: one ledger behind every door.
//!
//! A [`Ledger`] decides changes one after the other, has its [`Store`] make them durable, and
//! only then shows them: to answers as the next [`catena_index::Zone`], to watchers and
//! secondaries as the next [`Entry`] of the zone's journal. A change is a function of a
//! [`Draft`], so that what it depends on and what it writes cannot come apart.
//!
//! **Invariant.** What a client was told is written, is in the store; what is in the store is
//! shown. Readers hold a zone that never changes and wait for nobody.

mod draft;
mod journal;
mod leases;
mod ledger;
mod live;
mod set;
mod soa;
pub mod store;
mod tree;
mod update;
mod writer;

pub use draft::{Draft, Refusal, SET_MAX, SET_OCTETS_MAX};
pub use journal::Entry;
pub use leases::{LEASES_MAX, Leases, TTL_MAX as LEASE_TTL_MAX};
pub use ledger::{Ledger, NewZone, Written};
pub use live::{LiveZone, Mark};
pub use set::{Edit, LeaseId, RecordSet, SetKey};
pub use soa::{Soa, is_after, is_data_type, is_signing_type, next_serial, serial_of, with_serial};
pub use store::{Batch, Followed, Loaded, Store, StoreError, StoredSet, StoredSets};
pub use update::{Effect, Update};

#[cfg(test)]
mod tests;
