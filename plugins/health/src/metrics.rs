//! How fast the process answers itself.

use catena_plugin::metrics::{CounterVec, Family, HistogramVec};

/// How long a request took.
pub(crate) static DURATION: HistogramVec = HistogramVec::new(
    "coredns_health_request_duration_seconds",
    "Histogram of the time (in seconds) each request took.",
    &[],
    &[0.00025, 0.0025, 0.025, 0.25, 2.5],
);
/// Requests that failed.
pub(crate) static FAILURES: CounterVec = CounterVec::new(
    "coredns_health_request_failures_total",
    "The number of times the health check failed.",
    &[],
);

pub(crate) static ALL: &[&dyn Family] = &[&DURATION, &FAILURES];
