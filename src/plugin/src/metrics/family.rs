//! Metric families: statics that know their name, help and labels, and hold their children.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::{Counter, Gauge, Histogram};

/// CoreDNS's bounds for durations in seconds: 0.25 ms doubled 15 times.
pub const DURATION_BUCKETS: &[f64] = &[
    0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024,
    2.048, 4.096, 8.192,
];

/// What kind of numbers a family holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Counter`].
    Counter,
    /// [`Gauge`].
    Gauge,
    /// [`Histogram`].
    Histogram,
}

/// One child of a family, as the metrics page shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The values of the labels, in the order of their names.
    pub labels: Vec<String>,
    /// The number or numbers.
    pub value: Value,
}

/// The number or numbers of a sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter or gauge.
    Number(f64),
    /// Of a histogram: the sum, and cumulative counts by upper bound.
    Spread(f64, Vec<(f64, u64)>),
}

/// A family of metrics, whatever its kind.
pub trait Family: Sync {
    /// Its name, such as `coredns_cache_hits_total`.
    fn name(&self) -> &'static str;
    /// Its help text.
    fn help(&self) -> &'static str;
    /// Its label names.
    fn labels(&self) -> &'static [&'static str];
    /// What it holds.
    fn kind(&self) -> Kind;
    /// Its children now; a family without labels always has its one child.
    fn samples(&self) -> Vec<Sample>;
}

macro_rules! family {
    ($(#[$doc:meta])* $name:ident $(($bounds:ident))?, $child:ident, $make:expr, $sample:expr) => {
        $(#[$doc])*
        pub struct $name {
            name: &'static str,
            help: &'static str,
            labels: &'static [&'static str],
            $($bounds: &'static [f64],)?
            children: Mutex<BTreeMap<Vec<String>, $child>>,
        }

        impl $name {
            /// A family without children.
            pub const fn new(
                name: &'static str,
                help: &'static str,
                labels: &'static [&'static str],
                $($bounds: &'static [f64],)?
            ) -> Self {
                $name {
                    name,
                    help,
                    labels,
                    $($bounds,)?
                    children: Mutex::new(BTreeMap::new()),
                }
            }

            /// The child with these label values; made when first asked for. Keep it.
            pub fn with(&self, values: &[&str]) -> $child {
                let key: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
                let make: fn(&$name) -> $child = $make;
                let mut children = self.children.lock();
                children.entry(key).or_insert_with(|| make(self)).clone()
            }

            /// Forgets the child with these label values.
            pub fn remove(&self, values: &[&str]) {
                let key: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
                self.children.lock().remove(&key);
            }
        }

        impl Family for $name {
            fn name(&self) -> &'static str {
                self.name
            }
            fn help(&self) -> &'static str {
                self.help
            }
            fn labels(&self) -> &'static [&'static str] {
                self.labels
            }
            fn kind(&self) -> Kind {
                Kind::$child
            }
            fn samples(&self) -> Vec<Sample> {
                let sample: fn(&$child) -> Value = $sample;
                if self.labels.is_empty() {
                    self.with(&[]);
                }
                let children = self.children.lock();
                let sample = |(labels, child): (&Vec<String>, &$child)| Sample {
                    labels: labels.clone(),
                    value: sample(child),
                };
                children.iter().map(sample).collect()
            }
        }
    };
}

family!(
    /// A family of [`Counter`]s.
    CounterVec, Counter, |_| Counter::default(), |child| Value::Number(child.get() as f64)
);
family!(
    /// A family of [`Gauge`]s.
    GaugeVec, Gauge, |_| Gauge::default(), |child| Value::Number(child.get() as f64)
);
family!(
    /// A family of [`Histogram`]s; `bounds` are the upper ends of their buckets, ascending.
    HistogramVec(bounds), Histogram, |family| Histogram::new(family.bounds), |child| {
        let (sum, buckets) = child.get();
        Value::Spread(sum, buckets)
    }
);
