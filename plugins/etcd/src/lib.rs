//! Plugin `etcd`: names that SkyDNS messages in etcd give.

mod answer;
mod facts;
mod fetch;
mod memory;
mod metrics;
mod scope;
mod serve;
mod service;
mod setup;
mod sorted;
mod targets;

use catena_plugin::Registration;

/// The row of this plugin in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "etcd",
    setup: setup::setup,
    properties: &[
        "credentials",
        "debug",
        "endpoint",
        "fallthrough",
        "max-lease-ttl",
        "min-lease-ttl",
        "path",
        "stubzones",
        "tls",
        "upstream",
        "watch",
    ],
    metrics: metrics::ALL,
    metadata: &[],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
