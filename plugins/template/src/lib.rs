//! Plugin template: answers made of the query by templates.

mod data;
mod gotext;
mod metrics;
mod serve;
mod setup;

use catena_plugin::Registration;

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "template",
    setup: setup::setup,
    properties: &[
        "additional",
        "answer",
        "authority",
        "ederror",
        "expr",
        "fallthrough",
        "match",
        "rcode",
        "var",
    ],
    metrics: metrics::ALL,
    metadata: &[],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
