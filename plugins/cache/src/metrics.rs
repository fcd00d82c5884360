//! The metrics of the cache, with CoreDNS's names and labels.

use catena_plugin::Query;
use catena_plugin::metrics::{Counter, CounterVec, Family, Gauge, GaugeVec, PerServer};

use crate::table::{Kind, PerKind};

const BY_TYPE: &[&str] = &["server", "type", "zones", "view"];
const BY_SERVER: &[&str] = &["server", "zones", "view"];

static ENTRIES: GaugeVec = GaugeVec::new(
    "coredns_cache_entries",
    "The number of elements in the cache.",
    BY_TYPE,
);
static REQUESTS: CounterVec = CounterVec::new(
    "coredns_cache_requests_total",
    "The count of cache requests.",
    BY_SERVER,
);
static HITS: CounterVec = CounterVec::new(
    "coredns_cache_hits_total",
    "The count of cache hits.",
    BY_TYPE,
);
static MISSES: CounterVec = CounterVec::new(
    "coredns_cache_misses_total",
    "The count of cache misses. Deprecated, derive misses from cache hits/requests counters.",
    BY_SERVER,
);
static PREFETCHES: CounterVec = CounterVec::new(
    "coredns_cache_prefetch_total",
    "The number of times the cache has prefetched a cached item.",
    BY_SERVER,
);
static DROPS: CounterVec = CounterVec::new(
    "coredns_cache_drops_total",
    "The number responses that are not cached, because the reply is malformed.",
    BY_SERVER,
);
static SERVED_STALE: CounterVec = CounterVec::new(
    "coredns_cache_served_stale_total",
    "The number of requests served from stale cache entries.",
    BY_SERVER,
);
static EVICTIONS: CounterVec = CounterVec::new(
    "coredns_cache_evictions_total",
    "The count of cache evictions.",
    BY_TYPE,
);

/// All of them.
pub(crate) static ALL: &[&dyn Family] = &[
    &ENTRIES,
    &REQUESTS,
    &HITS,
    &MISSES,
    &PREFETCHES,
    &DROPS,
    &SERVED_STALE,
    &EVICTIONS,
];

/// The children of one cache; each appears on the metrics page once it has counted.
pub(crate) struct Counters {
    zones: Box<str>,
    view: Box<str>,
    requests: PerServer<Counter>,
    misses: PerServer<Counter>,
    prefetches: PerServer<Counter>,
    drops: PerServer<Counter>,
    served_stale: PerServer<Counter>,
    hits: PerKind<PerServer<Counter>>,
    evictions: PerKind<PerServer<Counter>>,
    entries: PerKind<PerServer<Gauge>>,
}

impl Counters {
    /// Nothing counted yet; `zones` and `view` are labels.
    pub fn new(zones: &str, view: &str) -> Self {
        Counters {
            zones: zones.into(),
            view: view.into(),
            requests: PerServer::new(),
            misses: PerServer::new(),
            prefetches: PerServer::new(),
            drops: PerServer::new(),
            served_stale: PerServer::new(),
            hits: PerKind::default(),
            evictions: PerKind::default(),
            entries: PerKind::default(),
        }
    }

    /// A query that the cache looked at.
    pub fn request(&self, query: &Query<'_>) {
        self.count(query, &self.requests, &REQUESTS);
    }

    /// A query it could answer.
    pub fn hit(&self, query: &Query<'_>, kind: Kind) {
        self.count_kind(query, kind, (&self.hits, &HITS), 1);
    }

    /// A query it could not answer.
    pub fn miss(&self, query: &Query<'_>) {
        self.count(query, &self.misses, &MISSES);
    }

    /// A background fetch that begins.
    pub fn prefetch(&self, query: &Query<'_>) {
        self.count(query, &self.prefetches, &PREFETCHES);
    }

    /// A reply to another question.
    pub fn drop(&self, query: &Query<'_>) {
        self.count(query, &self.drops, &DROPS);
    }

    /// An expired answer that was given.
    pub fn served_stale(&self, query: &Query<'_>) {
        self.count(query, &self.served_stale, &SERVED_STALE);
    }

    /// Entries that had to make room.
    pub fn evictions(&self, query: &Query<'_>, kind: Kind, evicted: u64) {
        if evicted > 0 {
            self.count_kind(query, kind, (&self.evictions, &EVICTIONS), evicted);
        }
    }

    /// How many entries of `kind` there are now.
    pub fn entries(&self, query: &Query<'_>, kind: Kind, count: usize) {
        let make = |server: &str| ENTRIES.with(&[server, kind.name(), &self.zones, &self.view]);
        if let Some(gauge) = self.entries.of(kind).get(query.server(), make) {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    fn count(&self, query: &Query<'_>, slots: &PerServer<Counter>, family: &CounterVec) {
        let make = |server: &str| family.with(&[server, &self.zones, &self.view]);
        if let Some(counter) = slots.get(query.server(), make) {
            counter.inc();
        }
    }

    fn count_kind(
        &self,
        query: &Query<'_>,
        kind: Kind,
        (slots, family): (&PerKind<PerServer<Counter>>, &CounterVec),
        count: u64,
    ) {
        let make = |server: &str| family.with(&[server, kind.name(), &self.zones, &self.view]);
        if let Some(counter) = slots.of(kind).get(query.server(), make) {
            counter.add(count);
        }
    }
}
