//! Authoritative answers from a zone of the index, whatever source feeds it.
//!
//! **Invariant.** All that an answer says comes from one [`catena_index::Zone`], which never
//! changes: a zone that is replaced or written meanwhile shows whole in the next answer.

mod alias;
mod answer;
mod lend;

pub use answer::{Answered, Negative, answer};
pub use lend::{Snapshot, ZoneRecords};
