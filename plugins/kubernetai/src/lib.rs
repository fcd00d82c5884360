//! Plugin `kubernetai`: answers names of several Kubernetes clusters.

use catena_cluster::setup;
use catena_plugin::Registration;

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "kubernetai",
    setup: setup::kubernetai,
    properties: setup::KUBERNETAI_PROPERTIES,
    metrics: catena_cluster::METRICS,
    metadata: catena_cluster::METADATA,
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
