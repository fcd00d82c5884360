//! What the plugin counts.

use catena_plugin::Query;
use catena_plugin::metrics::{CounterVec, Family};

static REJECTED: CounterVec = CounterVec::new(
    "coredns_tsig_rejected_total",
    "Counter of queries rejected for want of a good signature.",
    &["server", "reason"],
);

pub(crate) static ALL: &[&dyn Family] = &[&REJECTED];

/// Counts a rejected query; rare enough to look the counter up.
pub(crate) fn count_rejected(query: &Query<'_>, reason: &str) {
    REJECTED.with(&[&query.server().address, reason]).inc();
}
