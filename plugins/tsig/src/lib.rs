//! Plugin `tsig`: keys that queries are signed with, and what must be signed.

mod keyfile;
mod metrics;
mod serve;
mod setup;

use catena_plugin::Registration;

/// The row of this plugin in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "tsig",
    setup: setup::setup,
    properties: &["require", "require_opcode", "secret", "secrets"],
    metrics: metrics::ALL,
    metadata: &[],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
