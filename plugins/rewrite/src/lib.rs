//! Plugin rewrite: changes queries on their way in and replies on their way out.

mod arguments;
mod draft;
mod edns;
mod follow;
mod matcher;
mod restore;
mod rule;
mod serve;
mod setup;

use catena_plugin::Registration;

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "rewrite",
    setup: setup::setup,
    // Its block holds the words of one rule.
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
