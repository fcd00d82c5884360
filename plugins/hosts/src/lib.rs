//! Plugin hosts: answers from a file in the form of `/etc/hosts`.

mod builder;
mod file;
mod index;
mod lines;
mod metrics;
mod nodes;
mod serve;
mod setup;

use catena_plugin::Registration;

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "hosts",
    setup: setup::setup,
    properties: &[
        "fallthrough",
        "fallthrough_unsupported",
        "no_reverse",
        "reload",
        "ttl",
    ],
    metrics: metrics::ALL,
    metadata: &[],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
