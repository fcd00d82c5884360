//! What is counted of API servers and of changes.

use std::time::SystemTime;

use catena_kube::Exchange;
use catena_plugin::metrics::{CounterVec, Family, GaugeVec, HistogramVec};

/// The client library's usual bounds.
const REQUEST_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// From 1 ms, doubled 19 times.
const LATENCY_BUCKETS: &[f64] = &[
    0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096,
    8.192, 16.384, 32.768, 65.536, 131.072, 262.144, 524.288,
];
/// Changes whose latency waits to be counted.
const WAITING_MAX: usize = 4096;

static LATENCY: HistogramVec = HistogramVec::new(
    "coredns_kubernetes_dns_programming_duration_seconds",
    "Histogram of the time (in seconds) it took to program a dns instance.",
    &["service_kind"],
    LATENCY_BUCKETS,
);
static REQUEST_DURATION: HistogramVec = HistogramVec::new(
    "coredns_kubernetes_rest_client_request_duration_seconds",
    "Request latency in seconds. Broken down by verb and host.",
    &["verb", "host"],
    REQUEST_BUCKETS,
);
static HELD_BACK: HistogramVec = HistogramVec::new(
    "coredns_kubernetes_rest_client_rate_limiter_duration_seconds",
    "Client side rate limiter latency in seconds. Broken down by verb and host.",
    &["verb", "host"],
    REQUEST_BUCKETS,
);
static REQUESTS: CounterVec = CounterVec::new(
    "coredns_kubernetes_rest_client_requests_total",
    "Number of HTTP requests, partitioned by status code, method, and host.",
    &["code", "method", "host"],
);
/// Its age is the age of the answers, while the API server is lost.
pub(crate) static LAST_CONTACT: GaugeVec = GaugeVec::new(
    "coredns_kubernetes_last_contact_timestamp_seconds",
    "When the API server was heard last.",
    &["cluster"],
);

/// All of them.
pub static METRICS: &[&dyn Family] = &[
    &LATENCY,
    &REQUEST_DURATION,
    &HELD_BACK,
    &REQUESTS,
    &LAST_CONTACT,
];

/// Counts a request to an API server.
pub(crate) fn observe(exchange: &Exchange<'_>) {
    let labels = ["GET", exchange.host];
    let seconds = exchange.took.as_secs_f64();
    REQUEST_DURATION.with(&labels).observe(seconds);
    HELD_BACK
        .with(&labels)
        .observe(exchange.held_back.as_secs_f64());
    let code = exchange.code_label();
    REQUESTS.with(&[&code, "GET", exchange.host]).inc();
}

/// Shows a cluster that was not heard yet as one that was never heard.
pub(crate) fn show(cluster: &str) {
    LAST_CONTACT.with(&[cluster]);
}

/// Changes of endpoints that readers do not see yet.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    waiting: Vec<(SystemTime, &'static str)>,
}

impl Latency {
    /// Notes a change of endpoints made at `time`, an RFC 3339 text or none.
    pub fn note(&mut self, time: &str, is_headless: bool) {
        if time.is_empty() || self.waiting.len() >= WAITING_MAX {
            return;
        }
        let Ok(time) = time.parse::<jiff::Timestamp>() else {
            tracing::warn!(
                target: "plugin/kubernetes",
                "DnsProgrammingLatency cannot be calculated; invalid RFC3339 value of {time:?}"
            );
            return;
        };
        let kind = match is_headless {
            true => "headless_with_selector",
            false => "cluster_ip",
        };
        self.waiting.push((time.into(), kind));
    }

    /// Counts what was noted: readers see it now.
    pub fn observe(&mut self) {
        let now = SystemTime::now();
        for (time, kind) in self.waiting.drain(..) {
            let passed = now.duration_since(time).unwrap_or_default();
            LATENCY.with(&[kind]).observe(passed.as_secs_f64());
        }
    }
}
