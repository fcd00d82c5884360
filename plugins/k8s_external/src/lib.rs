//! Plugin `k8s_external`: answers for addresses that services have outside their cluster.

mod apex;
mod lend;
mod serve;
mod setup;

use std::sync::{Arc, OnceLock};

use catena_dns::{Name, NameRef};
use catena_plugin::zones::{Fallthrough, longest};
use catena_plugin::{
    ExternalNames, Flow, Headless, Next, Plugin, Query, Registration, Stage, StartContext,
    StartError, Transfers,
};

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "k8s_external",
    setup: setup::setup,
    properties: &["apex", "ttl", "headless", "fallthrough"],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

/// What the directive says, and who knows the services.
struct External {
    zones: Vec<Name>,
    /// Labels between a zone and its name server, in wire form.
    apex: Vec<u8>,
    ttl: u32,
    headless: Headless,
    fallthrough: Fallthrough,
    /// Found at the start.
    cluster: OnceLock<Stage>,
}

struct K8sExternal(Arc<External>);

impl External {
    fn cluster(&self) -> Option<&dyn ExternalNames> {
        self.cluster.get()?.plugin.external_names()
    }

    /// The labels of `name` below `zone` in wire form, with the root label at the end.
    fn below(name: NameRef<'_>, zone: &Name) -> Vec<u8> {
        let length = name.wire().len().saturating_sub(zone.wire().len());
        let mut labels = name.wire().get(..length).unwrap_or(&[]).to_vec();
        labels.push(0);
        labels
    }
}

impl Plugin for K8sExternal {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let external = &self.0;
        let zone = longest(&external.zones, query.name());
        match (zone, external.cluster()) {
            (Some(zone), Some(cluster)) => {
                if let Some(outcome) = external.serve_apex(query, zone, cluster) {
                    return outcome.into();
                }
                external.serve_name(query, zone, cluster, next)
            }
            _ => next.serve(query),
        }
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let mut parts = context.parts.iter();
        let cluster = parts.find(|stage| stage.plugin.external_names().is_some());
        let Some(cluster) = cluster else {
            let message = "plugin/k8s_external: kubernetes plugin not loaded";
            return Err(StartError::new(message));
        };
        let _first = self.0.cluster.set(cluster.clone());
        Ok(())
    }

    fn transfers(&self) -> Option<&dyn Transfers> {
        Some(self)
    }
}

#[cfg(test)]
mod tests;
