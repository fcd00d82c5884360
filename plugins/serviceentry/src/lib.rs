//! Plugin `serviceentry`: answers names of Istio ServiceEntries, and of the mesh around them.

mod answer;
mod client;
mod cluster;
mod metrics;
mod object;
mod planes;
mod serve;
mod setup;
mod soa;
mod source;
mod strict;
mod vips;
mod why;

use catena_plugin::Registration;

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "serviceentry",
    setup: setup::setup,
    properties: setup::PROPERTIES,
    metrics: metrics::METRICS,
    metadata: &[],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
