//! Test tools: chain harness, scripted upstream, README runner.
//!
//! A plugin's tests build a server block from a Corefile ([`Block`]), put questions to it and
//! compare what comes back as text ([`check_chain`]). The last stage of such a block can be
//! `script`, a plugin whose answers stand in the Corefile too ([`Script`]); [`Upstream`] is the
//! same script behind real sockets, [`Etcd`] a real etcd, `Istiod` a control plane of Istio.
//! [`plugin_contract`] is the battery that every plugin should pass.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test tool panics to fail the test"
)]

mod block;
mod contract;
mod dialogue;
mod etcd;
#[cfg(feature = "istiod")]
mod istiod;
mod question;
pub mod readme;
pub mod record;
#[cfg(feature = "istiod")]
pub mod recording;
mod script;
mod stage;
mod transcript;
mod upstream;

pub use block::Block;
pub use contract::{plugin_contract, plugin_contract_beside};
pub use dialogue::{check_chain, check_diagnostics};
pub use etcd::Etcd;
pub use expect_test::{Expect, expect};
#[cfg(feature = "istiod")]
pub use istiod::{Call, Istiod};
pub use question::Question;
pub use script::Script;
pub use transcript::print_packet;
pub use upstream::Upstream;

#[cfg(test)]
mod tests;
