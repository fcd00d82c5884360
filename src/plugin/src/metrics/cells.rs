//! Numbers that workers add to without sharing a cache line.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Copies of each number; a worker adds to its own.
const SHARDS: usize = 4;

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}
static NEXT_SHARD: AtomicUsize = AtomicUsize::new(0);

fn shard() -> usize {
    match SHARD.get() {
        usize::MAX => {
            let shard = NEXT_SHARD.fetch_add(1, Relaxed) % SHARDS;
            SHARD.set(shard);
            shard
        }
        shard => shard,
    }
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Cellful(AtomicU64);

/// A number that only grows.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<[Cellful; SHARDS]>);

impl Counter {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `count`.
    #[inline]
    pub fn add(&self, count: u64) {
        if let Some(cell) = self.0.get(shard()) {
            cell.0.fetch_add(count, Relaxed);
        }
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.iter().map(|cell| cell.0.load(Relaxed)).sum()
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Relaxed);
    }

    /// Adds `change`, which may be negative.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Relaxed);
    }

    /// What it is now.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

#[derive(Debug)]
#[repr(align(64))]
struct Spread {
    /// One for each bound, and one for what is above all bounds.
    counts: Box<[AtomicU64]>,
    /// The sum of the values as the bits of an `f64`.
    sum: AtomicU64,
}

#[derive(Debug)]
struct Histograms {
    bounds: &'static [f64],
    shards: [Spread; SHARDS],
}

/// How often values fell between bounds.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Histograms>);

impl Histogram {
    /// An empty one; `bounds` are the upper ends, ascending.
    pub fn new(bounds: &'static [f64]) -> Self {
        let shards = std::array::from_fn(|_| Spread {
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        });
        Histogram(Arc::new(Histograms { bounds, shards }))
    }

    /// Counts `value`.
    #[inline]
    pub fn observe(&self, value: f64) {
        let Some(spread) = self.0.shards.get(shard()) else {
            return;
        };
        let place = self.0.bounds.iter().position(|bound| value <= *bound);
        if let Some(count) = spread.counts.get(place.unwrap_or(self.0.bounds.len())) {
            count.fetch_add(1, Relaxed);
        }
        // A worker adds to its own shard, so another try is rare.
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        let _added = spread.sum.fetch_update(Relaxed, Relaxed, add);
    }

    /// The sum of values, and for each bound how many were at most that; the last is for all.
    pub fn get(&self) -> (f64, Vec<(f64, u64)>) {
        let sum = self
            .0
            .shards
            .iter()
            .map(|s| f64::from_bits(s.sum.load(Relaxed)))
            .sum();
        let mut total = 0;
        let bounds = self.0.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets = bounds.enumerate().map(|(place, bound)| {
            let counts = self.0.shards.iter().filter_map(|s| s.counts.get(place));
            total += counts.map(|count| count.load(Relaxed)).sum::<u64>();
            (bound, total)
        });
        (sum, buckets.collect())
    }
}
