//! What a plugin is: its row in the list of plugins, and what a stage can do.

use crate::metrics::Family;
use crate::{
    ExternalNames, Flow, Next, Query, SearchPaths, Setup, SetupError, StartContext, StartError,
    Transfers,
};

/// One row of the list of plugins.
pub struct Registration {
    /// The directive, as in the Corefile.
    pub name: &'static str,
    /// Reads the directive of one server block and adds stages.
    pub setup: fn(&mut Setup<'_>) -> Result<(), SetupError>,
    /// The properties it knows; a test compares them with the README.
    pub properties: &'static [&'static str],
    /// The metrics it exports.
    pub metrics: &'static [&'static dyn Family],
    /// The metadata labels it gives.
    pub metadata: &'static [&'static str],
    /// Its README.
    pub readme: &'static str,
}

/// A stage of the chain, or a part of the server that only starts and stops.
pub trait Plugin: Send + Sync + 'static {
    /// Answers `query`, or passes it to `next` and may change what comes back.
    ///
    /// Must not block: no file or network I/O, no lock held longer than a map lookup.
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        next.serve(query)
    }

    /// Binds sockets, spawns tasks. Not called until every plugin of the new Corefile is set up.
    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let _nothing_to_do = context;
        Ok(())
    }

    /// Waits until the plugin can answer, within a time of its own; called after `start`.
    fn started(&self) -> Option<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> {
        None
    }

    /// Called when the process is about to end, before the listeners close; may wait (lameduck).
    fn shutting_down(&self) -> Option<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> {
        None
    }

    /// Ends this generation; the tasks it spawned are already cancelled.
    fn stop(&self) {}

    /// Whether the `ready` endpoint may say OK.
    fn ready(&self) -> Readiness {
        Readiness::Always
    }

    /// The value of the metadata `label`, if this plugin gives it.
    fn metadata(&self, label: &str, query: &Query<'_>) -> Option<String> {
        let _no_label = (label, query);
        None
    }

    /// The search paths of clients, if this plugin knows them.
    fn search_paths(&self) -> Option<&dyn SearchPaths> {
        None
    }

    /// The addresses of services outside their cluster, if this plugin knows them.
    fn external_names(&self) -> Option<&dyn ExternalNames> {
        None
    }

    /// The zones that can be transferred, if this plugin has any.
    fn transfers(&self) -> Option<&dyn Transfers> {
        None
    }
}

/// What a plugin says of its readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It has nothing to wait for.
    Always,
    /// It can answer now.
    Ready,
    /// It cannot answer yet, or not any more.
    NotReady,
}
