//! What the controller counts.

use catena_plugin::metrics::{CounterVec, Family, GaugeVec};

pub(crate) static WRITES: CounterVec = CounterVec::new(
    "catena_controller_writes_total",
    "Names that were written or removed, by verb and result.",
    &["verb", "result"],
);
pub(crate) static WRITTEN: GaugeVec = GaugeVec::new(
    "catena_controller_names",
    "Names that are written as they should be.",
    &[],
);
pub(crate) static PENDING: GaugeVec = GaugeVec::new(
    "catena_controller_pending_names",
    "Names that are still to be written or removed.",
    &[],
);

/// All of them.
pub(crate) static ALL: &[&dyn Family] = &[&WRITES, &WRITTEN, &PENDING];
