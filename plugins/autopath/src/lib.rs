//! Plugin `autopath`: searches for clients, so that they need to ask only once.

mod serve;
mod setup;

use std::sync::{Arc, OnceLock};

use catena_dns::Name;
use catena_plugin::metrics::{Counter, CounterVec, Family, PerServer};
use catena_plugin::zones::longest;
use catena_plugin::{Flow, Next, Plugin, Query, Registration, Stage, StartContext, StartError};

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "autopath",
    setup: setup::setup,
    properties: &[],
    metrics: METRICS,
    metadata: &[],
    readme: include_str!("../README.md"),
};

static SUCCESSES: CounterVec = CounterVec::new(
    "coredns_autopath_success_total",
    "Counter of requests that did autopath.",
    &["server"],
);
static METRICS: &[&dyn Family] = &[&SUCCESSES];

/// Where search paths come from.
enum Source {
    /// The same for all.
    File(Vec<Name>),
    /// Plugins of this name in the same block know.
    Plugin {
        name: String,
        /// Found at the start.
        stages: OnceLock<Vec<Stage>>,
    },
}

struct Autopath {
    zones: Vec<Name>,
    source: Source,
    successes: Arc<PerServer<Counter>>,
}

impl Autopath {
    /// The search path of the client of `query`.
    fn path(&self, query: &Query<'_>) -> Option<Vec<Name>> {
        match &self.source {
            Source::File(path) => Some(path.clone()),
            Source::Plugin { stages, .. } => stages.get()?.iter().find_map(|stage| {
                let paths = stage.plugin.search_paths()?;
                paths.search_path(query)
            }),
        }
    }
}

impl Plugin for Autopath {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        if longest(&self.zones, query.name()).is_none() {
            return next.serve(query);
        }
        match self.path(query) {
            Some(path) => serve::search(path, &self.successes, query, next),
            None => next.serve(query),
        }
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let Source::Plugin { name, stages } = &self.source else {
            return Ok(());
        };
        let named = context.parts.iter().filter(|stage| stage.name == name);
        let named: Vec<Stage> = named.cloned().collect();
        if named.iter().any(|s| s.plugin.search_paths().is_none()) {
            return Err(StartError::new(format!(
                "plugin/autopath: {name} does not implement the AutoPather interface"
            )));
        }
        let _first = stages.set(named);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
