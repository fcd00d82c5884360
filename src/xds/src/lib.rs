//! Asks Istio's control plane for its table of names, and follows its changes.
//!
//! [`follow`](fn@follow) holds one stream to one [`ControlPlane`], says there who it is
//! ([`Node`]), takes each table and acknowledges it, and connects again when the stream ends.
//! What it learns it tells a [`Sink`]: whole tables, sorted by host, never half of one.
//!
//! **Invariant.** What makes no sense is refused and what was told before stays. So does it when
//! a table comes empty that was not ([`Guard`] says when that is believed).

mod error;
mod follow;
mod node;
pub mod proto;
mod stream;
mod table;

pub use error::Error;
pub use follow::{Guard, Position, Sink, follow};
pub use node::Node;
pub use stream::{ControlPlane, Protocol, endpoint};
pub use table::{Registry, Row};

#[cfg(test)]
mod tests;
