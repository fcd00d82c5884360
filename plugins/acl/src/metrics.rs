//! What the plugin counts.

use catena_plugin::Query;
use catena_plugin::metrics::{Counter, CounterVec, Family, PerServer};

use crate::serve::Action;

const BY_ZONE: &[&str] = &["server", "zone", "view"];

static BLOCKED: CounterVec = CounterVec::new(
    "coredns_acl_blocked_requests_total",
    "Counter of DNS requests being blocked.",
    BY_ZONE,
);
static FILTERED: CounterVec = CounterVec::new(
    "coredns_acl_filtered_requests_total",
    "Counter of DNS requests being filtered.",
    BY_ZONE,
);
static DROPPED: CounterVec = CounterVec::new(
    "coredns_acl_dropped_requests_total",
    "Counter of DNS requests being dropped.",
    BY_ZONE,
);
static ALLOWED: CounterVec = CounterVec::new(
    "coredns_acl_allowed_requests_total",
    "Counter of DNS requests being allowed.",
    &["server", "view"],
);

pub(crate) static ALL: &[&dyn Family] = &[&ALLOWED, &BLOCKED, &DROPPED, &FILTERED];

/// Counts what is allowed.
pub(crate) fn count_allowed(query: &Query<'_>, view: &str, slots: &PerServer<Counter>) {
    let make = |server: &str| ALLOWED.with(&[server, view]);
    if let Some(counter) = slots.get(query.server(), make) {
        counter.inc();
    }
}

/// Counts what is not allowed in one zone.
#[derive(Default)]
pub(crate) struct Refusals {
    blocked: PerServer<Counter>,
    filtered: PerServer<Counter>,
    dropped: PerServer<Counter>,
}

impl Refusals {
    pub(crate) fn count(&self, query: &Query<'_>, action: Action, labels: (&str, &str)) {
        let (slots, family) = match action {
            Action::Allow => return,
            Action::Block => (&self.blocked, &BLOCKED),
            Action::Filter => (&self.filtered, &FILTERED),
            Action::Drop => (&self.dropped, &DROPPED),
        };
        let (zone, view) = labels;
        let make = |server: &str| family.with(&[server, zone, view]);
        if let Some(counter) = slots.get(query.server(), make) {
            counter.inc();
        }
    }
}
