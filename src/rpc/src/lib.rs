//! RPC interface names of a cluster: who offers which interface, and where.
//!
//! An `RPCService` object selects a Service by its labels. The register agents beside that
//! Service's pods tell which interfaces they offer ([`interfaces`]), or an annotation of the
//! Service does. Each interface is a name: its own in lower case and the object's suffix, with
//! the addresses of the Service, or of its endpoints if it is headless.
//!
//! A [`Registry`] watches all that and publishes [`Names`], a table that is whole at any time.
//! The plugin `rpcservice` answers from it; `catena controller rpcservice` writes it elsewhere.
//!
//! **Invariant.** What is known stays known while whoever told it is away: a name goes only
//! because its object, its Service or its interface is gone.

pub mod interfaces;
mod metrics;
mod names;
mod object;
mod poll;
mod registry;
mod store;

pub use metrics::METRICS;
pub use names::{Names, Target};
pub use object::Id;
pub use registry::{Registry, Watched};
