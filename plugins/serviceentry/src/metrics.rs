//! What is counted of hosts, answers and the API server.

use catena_kube::Exchange;
use catena_plugin::metrics::{Counter, CounterVec, Family, Gauge, GaugeVec};

static REQUESTS: CounterVec = CounterVec::new(
    "catena_serviceentry_rest_client_requests_total",
    "Requests to the API server, by status code and host.",
    &["code", "host"],
);
pub(crate) static LAST_CONTACT: GaugeVec = GaugeVec::new(
    "catena_serviceentry_last_contact_timestamp_seconds",
    "When the source was heard last.",
    &["source"],
);
pub(crate) static HOSTS: GaugeVec = GaugeVec::new(
    "catena_serviceentry_hosts",
    "Hosts that are known, wildcards counted once.",
    &["source"],
);
static CONTESTED: GaugeVec = GaugeVec::new(
    "catena_serviceentry_contested_addresses",
    "Automatic addresses that more than one host has; one of them is told it.",
    &["source"],
);
static LOOKUPS: CounterVec = CounterVec::new(
    "catena_serviceentry_lookups_total",
    "Queries, by what became of the name: found, missing, passed on, or unsynced.",
    &["server", "result"],
);

pub(crate) static TABLES: CounterVec = CounterVec::new(
    "catena_serviceentry_tables_total",
    "Tables that a control plane told, by what became of them: taken, empty, refused.",
    &["source", "result"],
);
pub(crate) static CONNECTED: GaugeVec = GaugeVec::new(
    "catena_serviceentry_connected",
    "Whether a control plane is connected.",
    &["source"],
);

/// All of them.
pub(crate) static METRICS: &[&dyn Family] = &[
    &REQUESTS,
    &LAST_CONTACT,
    &HOSTS,
    &CONTESTED,
    &LOOKUPS,
    &TABLES,
    &CONNECTED,
];

/// How much is known of a cluster.
pub(crate) struct Sizes {
    pub hosts: Gauge,
    pub contested: Gauge,
}

impl Sizes {
    pub fn of(source: &str) -> Sizes {
        Sizes {
            hosts: HOSTS.with(&[source]),
            contested: CONTESTED.with(&[source]),
        }
    }
}

/// A size as a gauge takes it.
pub(crate) fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The counters of one server.
pub(crate) struct Lookups {
    pub found: Counter,
    pub missing: Counter,
    pub passed: Counter,
    pub unsynced: Counter,
}

impl Lookups {
    pub fn of(server: &str) -> Lookups {
        let result = |result| LOOKUPS.with(&[server, result]);
        Lookups {
            found: result("found"),
            missing: result("missing"),
            passed: result("passed"),
            unsynced: result("unsynced"),
        }
    }
}

/// Counts a request to an API server.
pub(crate) fn observe(exchange: &Exchange<'_>) {
    REQUESTS
        .with(&[&exchange.code_label(), exchange.host])
        .inc();
}

/// Shows a source that was not heard yet as one that was never heard.
pub(crate) fn show(source: &str) {
    LAST_CONTACT.with(&[source]);
}
