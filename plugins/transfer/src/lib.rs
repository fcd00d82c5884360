//! Plugin `transfer`: gives whole zones to others, and tells them of changes.

mod journey;
mod metrics;
mod notify;
mod rules;
mod serve;
mod setup;
mod slots;

use catena_plugin::Registration;

/// The row of this plugin in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "transfer",
    setup: setup::setup,
    properties: &["source", "to"],
    metrics: metrics::ALL,
    metadata: &[],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
