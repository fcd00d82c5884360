//! Metrics of `reload`, with CoreDNS's names.

use catena_plugin::metrics::{CounterVec, Family, GaugeVec};

/// Reloads that failed.
pub(crate) static FAILED: CounterVec = CounterVec::new(
    "coredns_reload_failed_total",
    "Counter of the number of failed reload attempts.",
    &[],
);
/// The hash of the Corefile that serves.
static VERSION: GaugeVec = GaugeVec::new(
    "coredns_reload_version_info",
    "A metric with a constant '1' value labeled by hash, and value which type of hash generated.",
    &["hash", "value"],
);

pub(crate) static ALL: &[&dyn Family] = &[&FAILED, &VERSION];

/// Makes `hash` the only one on the page.
pub(crate) fn note_running(hash: &str) {
    // Counts from the start, so that a rate can be taken of the first failure.
    FAILED.with(&[]);
    for sample in VERSION.samples() {
        let labels: Vec<&str> = sample.labels.iter().map(String::as_str).collect();
        VERSION.remove(&labels);
    }
    VERSION.with(&["sha512", hash]).set(1);
}
