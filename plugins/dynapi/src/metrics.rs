//! What the plugin counts.

use catena_plugin::metrics::{CounterVec, Family, GaugeVec};

pub(crate) static WRITES: CounterVec = CounterVec::new(
    "coredns_dynapi_writes_total",
    "Counter of changes that were made, by zone and by door: rest, legacy, update.",
    &["zone", "door"],
);
pub(crate) static REFUSALS: CounterVec = CounterVec::new(
    "coredns_dynapi_refusals_total",
    "Counter of requests that were refused, by door and by code.",
    &["door", "code"],
);
// What belongs to a store has all zones of the directive for its label.
pub(crate) static LEASES: GaugeVec = GaugeVec::new(
    "coredns_dynapi_leases",
    "Leases that are alive.",
    &["zones"],
);
pub(crate) static REVISION: GaugeVec = GaugeVec::new(
    "coredns_dynapi_revision",
    "Revision of the store that a zone shows.",
    &["zone"],
);
pub(crate) static RECORDS: GaugeVec =
    GaugeVec::new("coredns_dynapi_records", "Records of a zone.", &["zone"]);
pub(crate) static WAITING: GaugeVec = GaugeVec::new(
    "coredns_dynapi_waiting_changes",
    "Changes that wait to be written.",
    &["zones"],
);
pub(crate) static STORE_UP: GaugeVec = GaugeVec::new(
    "coredns_dynapi_store_up",
    "Whether changes can be written: 1, or 0 while the store takes none.",
    &["zones"],
);

pub(crate) static STORE_LAG: GaugeVec = GaugeVec::new(
    "coredns_dynapi_store_lag_seconds",
    "Seconds for which the store has not been reached or has taken no changes; 0 if it does.",
    &["zones"],
);

pub(crate) static ALL: &[&dyn Family] = &[
    &WRITES, &REFUSALS, &LEASES, &REVISION, &RECORDS, &WAITING, &STORE_LAG, &STORE_UP,
];
