//! Plugin metadata: turns metadata on for queries in some zones.

use std::sync::{Arc, OnceLock};

use catena_dns::Name;
use catena_plugin::{
    Flow, Next, Plugin, Query, Registration, Setup, SetupError, Stage, StartContext, StartError,
    zones,
};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "metadata",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    if let Some(property) = line.properties().next() {
        return Err(property.unknown());
    }
    let zones = cx.zones_or_server(&mut line.args());
    cx.add_stage(Metadata {
        zones,
        sources: OnceLock::new(),
        no_sources: Arc::from([]),
    });
    Ok(())
}

struct Metadata {
    zones: Vec<Name>,
    /// The parts of the server block that give metadata; known once it starts.
    sources: OnceLock<Arc<[Stage]>>,
    no_sources: Arc<[Stage]>,
}

impl Plugin for Metadata {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        // Outside the zones nobody is asked, but what plugins set themselves is still kept.
        let sources = match zones::longest(&self.zones, query.name()) {
            Some(_) => self.sources.get().unwrap_or(&self.no_sources),
            None => &self.no_sources,
        };
        query.enable_metadata(sources);
        next.serve(query)
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let _started_before = self.sources.set(context.parts.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
