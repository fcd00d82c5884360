//! Plugin `cache`: answers again what was answered before.
//!
//! A hit is a look-up under a shared lock and a copy of the stored packet into a pooled buffer,
//! patched in place; nothing is allocated or decoded.

mod classify;
mod entry;
mod metrics;
mod refresh;
mod serve;
mod setup;
mod store;
mod table;

use std::sync::{Arc, OnceLock};

use catena_dns::Name;
use catena_plugin::clock::Instant;
use catena_plugin::{Background, Registration};

use metrics::Counters;
use refresh::InFlight;
use setup::Config;
use table::Table;

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "cache",
    setup: setup::setup,
    properties: &[
        "success",
        "denial",
        "prefetch",
        "serve_stale",
        "serve_stale_policy",
        "servfail",
        "disable",
        "keepttl",
    ],
    metrics: metrics::ALL,
    metadata: &["zone/wildcard"],
    readme: include_str!("../README.md"),
};

/// The stage: a handle to what background tasks share with it.
struct Cache(Arc<Shared>);

/// What the stage and its tasks share.
struct Shared {
    config: Config,
    zones: Vec<Name>,
    table: Table,
    counters: Counters,
    /// When this cache was made; times in entries count from here.
    epoch: Instant,
    /// Where refreshes run, once started.
    background: OnceLock<Background>,
    in_flight: InFlight,
}

#[cfg(test)]
mod tests;
