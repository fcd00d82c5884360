//! Plugin `rpcservice`: answers names of RPC interfaces in a Kubernetes cluster.

mod lend;
mod serve;
mod setup;
mod zone;

use catena_plugin::Registration;

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "rpcservice",
    setup: setup::setup,
    properties: setup::PROPERTIES,
    metrics: catena_rpc::METRICS,
    metadata: &[],
    readme: include_str!("../README.md"),
};

#[cfg(test)]
mod tests;
