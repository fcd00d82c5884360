//! Plugin `dynapi`: zones that are written while they are served.

mod access;
mod etcd;
mod metrics;
mod open;
mod rest;
mod serve;
mod setup;
mod text;
mod tls;
mod transfers;
mod update;

use catena_plugin::Registration;

/// The row of this plugin in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "dynapi",
    setup: setup::setup,
    properties: &[
        "allow",
        "certificate",
        "etcd",
        "etcd_credentials",
        "etcd_path",
        "etcd_tls",
        "fallthrough",
        "file",
        "listen",
        "max_records",
        "memory",
        "ns",
        "soa",
        "tls",
        "token",
        "ttl",
    ],
    metrics: metrics::ALL,
    metadata: &["zone/wildcard"],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
