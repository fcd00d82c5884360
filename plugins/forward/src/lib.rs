//! Plugin `forward`: asks upstream servers.

mod attempts;
mod check;
mod config;
mod health;
mod merge;
mod metrics;
mod policy;
mod resolve;
mod serve;
mod setup;
mod target;
mod upstream;

use catena_plugin::Registration;

pub(crate) use serve::Forward;

/// The plugin's row.
pub static PLUGIN: Registration = Registration {
    name: "forward",
    setup: setup::setup,
    properties: &[
        "doh_method",
        "except",
        "expire",
        "failfast_all_unhealthy_upstreams",
        "failover",
        "force_tcp",
        "health_check",
        "max_age",
        "max_concurrent",
        "max_connect_attempts",
        "max_fails",
        "max_idle_conns",
        "next",
        "next_on_nodata",
        "policy",
        "prefer_udp",
        "read_timeout",
        "resolver",
        "source_address",
        "tls",
        "tls_servername",
    ],
    metrics: metrics::ALL,
    metadata: &["forward/upstream"],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
