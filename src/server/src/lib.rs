//! Server blocks, routing, generations: start, reload, drain, stop.
//!
//! **Invariant.** A generation is immutable once it serves; listeners outlive generations and
//! find the current one with a single atomic load. Nothing here knows a plugin by name, except
//! for the two whose presence opens other classes than IN.

mod answer;
mod assemble;
mod certificate;
mod exit;
mod generation;
pub mod keys;
pub mod legacy;
mod listeners;
mod process;
mod router;
mod seal;
mod worker;

pub use assemble::{Assembly, Block, Endpoint, Plan, assemble, assemble_text};
pub use process::{Event, Failure, Process, Settings, Signal, Source, warn};
