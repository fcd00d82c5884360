//! What the plugin counts.

use catena_dns::Name;
use catena_plugin::metrics::{CounterVec, Family};

static TRANSFERS: CounterVec = CounterVec::new(
    "coredns_transfer_outgoing_total",
    "Counter of zone transfers, by what the client got: axfr, ixfr, noop, or cut off half-way.",
    &["zone", "kind"],
);
static RECORDS: CounterVec = CounterVec::new(
    "coredns_transfer_outgoing_records_total",
    "Counter of records sent in zone transfers.",
    &["zone"],
);
static NOTIFIES: CounterVec = CounterVec::new(
    "coredns_transfer_notifies_total",
    "Counter of secondaries told of a zone, by result: accepted or failed.",
    &["zone", "result"],
);

pub(crate) static ALL: &[&dyn Family] = &[&NOTIFIES, &RECORDS, &TRANSFERS];

/// Counts a transfer that has ended.
pub(crate) fn count_transfer(zone: &Name, kind: &str, records: u64) {
    let zone = zone.to_string();
    TRANSFERS.with(&[&zone, kind]).inc();
    RECORDS.with(&[&zone]).add(records);
}

/// Counts a secondary that was told, or could not be.
pub(crate) fn count_notify(zone: &Name, result: &str) {
    NOTIFIES.with(&[&zone.to_string(), result]).inc();
}
