//! What is counted of names, agents and the API server.

use catena_kube::Exchange;
use catena_plugin::metrics::{CounterVec, Family, GaugeVec};

static REQUESTS: CounterVec = CounterVec::new(
    "catena_rpcservice_rest_client_requests_total",
    "Requests to the API server, by status code and host.",
    &["code", "host"],
);
pub(crate) static LAST_CONTACT: GaugeVec = GaugeVec::new(
    "catena_rpcservice_last_contact_timestamp_seconds",
    "When the API server was heard last.",
    &["cluster"],
);
pub(crate) static NAMES: GaugeVec = GaugeVec::new(
    "catena_rpcservice_names",
    "Names of RPC interfaces that are known.",
    &["cluster"],
);
pub(crate) static CONFLICTS: GaugeVec = GaugeVec::new(
    "catena_rpcservice_conflicts",
    "Claims to names that another Service has.",
    &["cluster"],
);
pub(crate) static AGENTS: CounterVec = CounterVec::new(
    "catena_rpcservice_agent_requests_total",
    "Rounds of questions to the register agents of a Service, by result: told, unknown, failed.",
    &["result"],
);

/// All of them.
pub static METRICS: &[&dyn Family] = &[&REQUESTS, &LAST_CONTACT, &NAMES, &CONFLICTS, &AGENTS];

/// Counts a request to an API server.
pub(crate) fn observe(exchange: &Exchange<'_>) {
    REQUESTS
        .with(&[&exchange.code_label(), exchange.host])
        .inc();
}

/// Shows a cluster that was not heard yet as one that was never heard.
pub(crate) fn show(cluster: &str) {
    LAST_CONTACT.with(&[cluster]);
}
