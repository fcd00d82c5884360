//! Plugin `prometheus`: counts queries, and shows all metrics of the process over HTTP.

mod counts;
mod enabled;
mod page;
mod process;
mod setup;
mod tls;

use std::path::PathBuf;
use std::sync::Arc;

use catena_http::{Address, Lease, Opening};
use catena_plugin::metrics::{Family, GaugeVec, server};
use catena_plugin::{Flow, Next, Plugin, Query, Registration, StartContext, StartError};
use parking_lot::Mutex;

use counts::Counts;
use enabled::Enabled;

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "prometheus",
    setup: setup::setup,
    properties: &["runtime_metrics", "tls"],
    metrics: METRICS,
    metadata: &[],
    readme: include_str!("../README.md"),
};

/// What was built.
static BUILD_INFO: GaugeVec = GaugeVec::new(
    "coredns_build_info",
    "A metric with a constant '1' value labeled by version, revision, and goversion.",
    &["version", "revision", "goversion"],
);

static METRICS: &[&dyn Family] = &[
    &BUILD_INFO,
    &server::REQUESTS,
    &server::REQUEST_DURATION,
    &server::REQUEST_SIZE,
    &server::REQUEST_DO,
    &server::RESPONSE_SIZE,
    &server::RESPONSES,
    &server::PANICS,
    &server::PLUGIN_ENABLED,
    &server::OVERLOADED,
    &server::LOG_LINES_DROPPED,
];

struct Prometheus {
    address: Address,
    /// The web configuration that `tls` names.
    tls: Option<PathBuf>,
    counts: Arc<Counts>,
    running: Mutex<Option<Running>>,
}

/// What lives as long as the generation.
struct Running {
    _lease: Option<Lease>,
    _enabled: Enabled,
}

impl Plugin for Prometheus {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        next.serve(query).then(&self.counts, query, Counts::count)
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let revision = option_env!("CATENA_REVISION").unwrap_or("");
        // There is no Go in it; the label stays for the queries that name it.
        let build = BUILD_INFO.with(&[env!("CARGO_PKG_VERSION"), revision, ""]);
        build.set(1);
        // As in CoreDNS the server serves on without the endpoint.
        let lease = self.open(context);
        if let Err(error) = &lease {
            tracing::error!("Failed to start metrics handler: {error}");
        }
        *self.running.lock() = Some(Running {
            _lease: lease.ok(),
            _enabled: Enabled::of(context),
        });
        Ok(())
    }

    fn stop(&self) {
        *self.running.lock() = None;
    }
}

impl Prometheus {
    fn open(&self, context: &StartContext<'_>) -> Result<Lease, String> {
        let tls = self.tls.as_deref().map(tls::read).transpose()?.flatten();
        let opening = Opening {
            address: &self.address,
            tls,
            pages: Arc::new(page::answer),
            background: context.background,
        };
        opening.open().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests;
