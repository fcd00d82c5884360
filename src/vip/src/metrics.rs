//! What is counted of automatic addresses.

use catena_kube::Exchange;
use catena_plugin::metrics::{CounterVec, Family, GaugeVec};

static REQUESTS: CounterVec = CounterVec::new(
    "catena_vip_rest_client_requests_total",
    "Requests to the API server, by status code and host.",
    &["code", "host"],
);
pub(crate) static WRITES: CounterVec = CounterVec::new(
    "catena_vip_writes_total",
    "Statuses that were written, by result: written, outdated, failed.",
    &["result"],
);
pub(crate) static CONFLICTS: CounterVec = CounterVec::new(
    "catena_vip_conflicts_total",
    "Addresses that an entry gave up because another has a better right to them.",
    &[],
);
pub(crate) static LEADING: GaugeVec = GaugeVec::new(
    "catena_vip_leading",
    "Whether this is the one that writes.",
    &[],
);
pub(crate) static PENDING: GaugeVec = GaugeVec::new(
    "catena_vip_pending_entries",
    "Entries that are to be looked at or written.",
    &[],
);
pub(crate) static CONTESTED: GaugeVec = GaugeVec::new(
    "catena_vip_contested_addresses",
    "Automatic addresses that more than one entry has.",
    &[],
);
pub(crate) static USED: GaugeVec = GaugeVec::new(
    "catena_vip_used_addresses",
    "Addresses of a range that are in use.",
    &["range"],
);

/// All of them.
pub(crate) static ALL: &[&dyn Family] = &[
    &REQUESTS, &WRITES, &CONFLICTS, &LEADING, &PENDING, &CONTESTED, &USED,
];

/// Counts a request to an API server.
pub(crate) fn observe(exchange: &Exchange<'_>) {
    REQUESTS
        .with(&[&exchange.code_label(), exchange.host])
        .inc();
}

/// A count as a gauge takes it.
pub(crate) fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
