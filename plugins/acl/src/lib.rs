//! Plugin acl: says who may ask for what.

mod metrics;
mod serve;
mod setup;

use catena_plugin::Registration;

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "acl",
    setup: setup::setup,
    properties: &["allow", "block", "drop", "filter"],
    metrics: metrics::ALL,
    metadata: &[],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
