//! Plugin `kubernetes`: answers names of a Kubernetes cluster.

use catena_cluster::setup;
use catena_plugin::Registration;

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "kubernetes",
    setup: setup::kubernetes,
    properties: setup::PROPERTIES,
    metrics: catena_cluster::METRICS,
    metadata: catena_cluster::METADATA,
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
