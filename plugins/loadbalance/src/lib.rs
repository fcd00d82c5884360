//! Plugin loadbalance: shuffles the addresses of answers.

mod arrange;
mod serve;
mod setup;
mod weights;

use catena_plugin::Registration;

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "loadbalance",
    setup: setup::setup,
    properties: &["prefer", "reload"],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
