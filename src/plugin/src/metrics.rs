//! Metrics: families declared as statics, children found once at setup, counting without locks.

mod cells;
mod family;
mod per_server;
mod published;
mod queries;
pub mod server;
pub mod text;

pub use cells::{Counter, Gauge, Histogram};
pub use family::{
    CounterVec, DURATION_BUCKETS, Family, GaugeVec, HistogramVec, Kind, Sample, Value,
};
pub use per_server::PerServer;
pub use published::{publish, published};
pub use queries::QueryCounts;
