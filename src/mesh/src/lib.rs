//! The hosts of a service mesh, and which of them a client sees; no I/O.
//!
//! A source (a cluster's API server, a control plane's name table) tells a [`Writer`] in
//! [`Row`]s what it knows: one row says where one host is, by the word of one owner. Queries
//! look hosts up in the [`Table`] that it writes, without locks, as a [`Viewer`] sees them:
//! exact hosts, wildcards, short names of Services, and all of these behind a search domain.
//!
//! An automatic address is of one host: [`Dispute`] says who has it where several claim it.
//!
//! **Invariant.** What a viewer is told depends on the rows alone, never on the order in which
//! they came.

mod above;
mod choice;
mod client;
mod find;
mod host;
mod owner;
mod row;
mod sidecar;
mod table;
mod why;
mod writer;

pub use choice::{Choice, Families, Viewer};
pub use client::Client;
pub use find::{Found, Looked, Search};
pub use host::HostName;
pub use owner::Owner;
pub use row::{Addresses, Exports, Origin, Port, Reach, Row, Without};
pub use sidecar::{Egress, Labels, Sidecar};
pub use table::{Host, Table};
pub use why::{Considered, Verdict};
pub use writer::{Dispute, Writer};

#[cfg(test)]
mod tests;
