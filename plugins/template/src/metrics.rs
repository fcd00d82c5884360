//! What the plugin counts.

use catena_plugin::metrics::{CounterVec, Family};

/// Queries that a template answered.
pub(crate) static MATCHES: CounterVec = CounterVec::new(
    "coredns_template_matches_total",
    "Counter of template regex matches.",
    &["server", "zone", "view", "class", "type"],
);

const BY_TEMPLATE: &[&str] = &[
    "server", "zone", "view", "class", "type", "section", "template",
];

/// Templates that could not be run.
pub(crate) static TEMPLATE_FAILURES: CounterVec = CounterVec::new(
    "coredns_template_template_failures_total",
    "Counter of go template failures.",
    BY_TEMPLATE,
);

/// Templates that made no record.
pub(crate) static RECORD_FAILURES: CounterVec = CounterVec::new(
    "coredns_template_rr_failures_total",
    "Counter of mis-templated RRs.",
    BY_TEMPLATE,
);

pub(crate) static ALL: &[&dyn Family] = &[&MATCHES, &TEMPLATE_FAILURES, &RECORD_FAILURES];
