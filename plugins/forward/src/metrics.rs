//! The metrics of forwarding, with CoreDNS's names and labels.

use std::sync::OnceLock;

use catena_dns::Rcode;
use catena_plugin::metrics::{
    Counter, CounterVec, DURATION_BUCKETS, Family, Histogram, HistogramVec,
};

/// The value of the label `proxy_name`.
const PROXY: &str = "forward";

static BROKEN: CounterVec = CounterVec::new(
    "coredns_forward_healthcheck_broken_total",
    "Counter of the number of complete failures of the healthchecks.",
    &[],
);
static REJECTS: CounterVec = CounterVec::new(
    "coredns_forward_max_concurrent_rejects_total",
    "Counter of the number of queries rejected because the concurrent queries were at maximum.",
    &[],
);
static DURATION: HistogramVec = HistogramVec::new(
    "coredns_proxy_request_duration_seconds",
    "Histogram of the time each request took.",
    &["proxy_name", "to", "rcode"],
    DURATION_BUCKETS,
);
static CHECK_FAILURES: CounterVec = CounterVec::new(
    "coredns_proxy_healthcheck_failures_total",
    "Counter of the number of failed healthchecks.",
    &["proxy_name", "to"],
);
static HITS: CounterVec = CounterVec::new(
    "coredns_proxy_conn_cache_hits_total",
    "Counter of connection cache hits per upstream and protocol.",
    &["proxy_name", "to", "proto"],
);
static MISSES: CounterVec = CounterVec::new(
    "coredns_proxy_conn_cache_misses_total",
    "Counter of connection cache misses per upstream and protocol.",
    &["proxy_name", "to", "proto"],
);

/// All of them.
pub(crate) static ALL: &[&dyn Family] = &[
    &BROKEN,
    &REJECTS,
    &DURATION,
    &CHECK_FAILURES,
    &HITS,
    &MISSES,
];

/// The counters that all forwards of the process share.
pub(crate) struct Totals {
    /// Queries for which all upstreams were down.
    pub broken: Counter,
    /// Queries above `max_concurrent`.
    pub rejects: Counter,
}

impl Totals {
    /// The counters; shown as 0 from now on.
    pub fn new() -> Self {
        Totals {
            broken: BROKEN.with(&[]),
            rejects: REJECTS.with(&[]),
        }
    }
}

/// Response codes that have a slot; rarer ones are looked up.
const RCODES: usize = 16;

/// The counters of one upstream, found once.
pub(crate) struct PerUpstream {
    to: String,
    by_rcode: [OnceLock<Histogram>; RCODES],
    ways: [OnceLock<(Counter, Counter)>; 4],
}

impl PerUpstream {
    /// Those of the upstream with this label.
    pub fn new(to: &str) -> Self {
        PerUpstream {
            to: to.to_owned(),
            by_rcode: std::array::from_fn(|_| OnceLock::new()),
            ways: std::array::from_fn(|_| OnceLock::new()),
        }
    }

    /// Counts a reply that took so many seconds.
    pub fn replied(&self, rcode: Rcode, seconds: f64) {
        let find = || {
            let number;
            let text = match rcode.name() {
                Some(name) => name,
                None => {
                    number = rcode.0.to_string();
                    &number
                }
            };
            DURATION.with(&[PROXY, &self.to, text])
        };
        match self.by_rcode.get(usize::from(rcode.0)) {
            Some(slot) => slot.get_or_init(find).observe(seconds),
            None => find().observe(seconds),
        }
    }

    /// Counts a query over `way`, on a socket that had been used before or not.
    pub fn connected(&self, way: ProtocolLabel, reused: bool) {
        let (place, proto) = way;
        let Some(slot) = self.ways.get(place) else {
            return;
        };
        let labels = [PROXY, &self.to, proto];
        let (hits, misses) = slot.get_or_init(|| (HITS.with(&labels), MISSES.with(&labels)));
        if reused { hits.inc() } else { misses.inc() }
    }

    /// Counts a health check that failed.
    pub fn check_failed(&self) {
        CHECK_FAILURES.with(&[PROXY, &self.to]).inc();
    }
}

/// A slot and the value of the label `proto`.
pub(crate) type ProtocolLabel = (usize, &'static str);
/// Datagrams.
pub(crate) const UDP: ProtocolLabel = (0, "udp");
/// Plain streams.
pub(crate) const TCP: ProtocolLabel = (1, "tcp");
/// Encrypted streams.
pub(crate) const TLS: ProtocolLabel = (2, "tcp-tls");
/// Encrypted streams with HTTP.
pub(crate) const HTTPS: ProtocolLabel = (3, "https");
