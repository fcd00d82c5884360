//! Catena: a DNS server that chains plugins.
//!
//! [`run`] is all that a build with plugins of its own needs; see docs/PLUGIN-AUTHORS.md.

mod cli;
mod plugins;
mod signals;

pub use cli::run;
pub use plugins::{PLUGINS, with_before};
