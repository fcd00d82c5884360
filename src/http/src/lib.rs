//! The HTTP endpoints of health, ready, prometheus and pprof; and a small client.
//!
//! An endpoint is opened by address. All who open the same address share one listener, and it
//! stays open as long as one of them does: so several server blocks may name one address, and a
//! reload, where the new generation opens before the old one closes, loses no request.

mod address;
pub mod client;
mod connection;
mod listener;
mod page;
mod service;

pub use address::{Address, AddressError};
pub use listener::{Lease, OpenError, Opening};
pub use page::{Answer, Asked, Page, Pages};
pub use service::{Body, Peer, Service};

#[cfg(test)]
mod tests;
