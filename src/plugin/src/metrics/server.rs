//! The metrics of the server itself, with CoreDNS's names: `prometheus` and the server count here.

use super::{CounterVec, DURATION_BUCKETS, Family, GaugeVec, HistogramVec};

/// CoreDNS's bounds for sizes in octets.
const SIZE_BUCKETS: &[f64] = &[
    0.0, 100.0, 200.0, 300.0, 400.0, 511.0, 1023.0, 2047.0, 4095.0, 8291.0, 16000.0, 32000.0,
    48000.0, 64000.0,
];

/// Queries by zone, protocol, address family and type.
pub static REQUESTS: CounterVec = CounterVec::new(
    "coredns_dns_requests_total",
    "Counter of DNS requests made per zone, protocol and family.",
    &["server", "zone", "view", "proto", "family", "type"],
);
/// Seconds from query to reply.
pub static REQUEST_DURATION: HistogramVec = HistogramVec::new(
    "coredns_dns_request_duration_seconds",
    "Histogram of the time (in seconds) each request took per zone.",
    &["server", "zone", "view"],
    DURATION_BUCKETS,
);
/// Octets of queries.
pub static REQUEST_SIZE: HistogramVec = HistogramVec::new(
    "coredns_dns_request_size_bytes",
    "Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol.",
    &["server", "zone", "view", "proto"],
    SIZE_BUCKETS,
);
/// Queries with the DO bit.
pub static REQUEST_DO: CounterVec = CounterVec::new(
    "coredns_dns_do_requests_total",
    "Counter of DNS requests with DO bit set per zone.",
    &["server", "zone", "view"],
);
/// Octets of replies.
pub static RESPONSE_SIZE: HistogramVec = HistogramVec::new(
    "coredns_dns_response_size_bytes",
    "Size of the returned response in bytes.",
    &["server", "zone", "view", "proto"],
    SIZE_BUCKETS,
);
/// Replies by response code and the plugin that wrote them.
pub static RESPONSES: CounterVec = CounterVec::new(
    "coredns_dns_responses_total",
    "Counter of response status codes.",
    &["server", "zone", "view", "rcode", "plugin"],
);
/// Panics that were contained.
pub static PANICS: CounterVec = CounterVec::new(
    "coredns_panics_total",
    "A metrics that counts the number of panics.",
    &[],
);
/// The plugins of each server block.
pub static PLUGIN_ENABLED: GaugeVec = GaugeVec::new(
    "coredns_plugin_enabled",
    "A metric that indicates whether a plugin is enabled on per server and zone basis.",
    &["server", "zone", "view", "name"],
);
/// Queries for which no plugin could wait, because too many did.
pub static OVERLOADED: CounterVec = CounterVec::new(
    "catena_waiting_queries_refused_total",
    "Queries answered SERVFAIL because too many were waiting already.",
    &[],
);
/// Lines that standard output was too slow to take.
pub static LOG_LINES_DROPPED: CounterVec = CounterVec::new(
    "catena_log_lines_dropped_total",
    "Log lines dropped because standard output did not take them in time.",
    &[],
);

/// All of them.
pub static ALL: &[&dyn Family] = &[
    &REQUESTS,
    &REQUEST_DURATION,
    &REQUEST_SIZE,
    &REQUEST_DO,
    &RESPONSE_SIZE,
    &RESPONSES,
    &PANICS,
    &PLUGIN_ENABLED,
    &OVERLOADED,
    &LOG_LINES_DROPPED,
];
