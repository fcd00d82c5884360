//! Plugin `file`: authoritative answers from master files.

mod lend;
mod load;
mod reload;
mod serve;
mod setup;

use catena_plugin::Registration;

/// The row of this plugin in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "file",
    setup: setup::setup,
    properties: &["fallthrough", "reload", "reload_by_mtime", "upstream"],
    metrics: &[],
    metadata: &["zone/wildcard"],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
