//! Answers names of a Kubernetes cluster: what the plugins kubernetes and kubernetai share.
//!
//! A `cluster::Cluster` watches an API server and writes what it learns into a
//! `store::Store`; a `names::Stage` answers queries from the store, without locks and without
//! looking anywhere else. A cluster outlives the generations that use it: a reload takes its
//! watches on where they are, and lists nothing again.

mod cluster;
mod metrics;
mod names;
mod object;
mod question;
mod selector;
pub mod setup;
mod store;

pub use metrics::METRICS;
pub use names::{METADATA, local_addresses};
