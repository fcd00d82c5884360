//! What the plugin counts.

use catena_plugin::metrics::{Family, GaugeVec};

/// Addresses and reverse entries, those of the Corefile included.
pub(crate) static ENTRIES: GaugeVec = GaugeVec::new(
    "coredns_hosts_entries",
    "The combined number of entries in hosts and Corefile.",
    &["hostsfile"],
);
/// The modification time of the file that was read last.
pub(crate) static RELOAD_TIME: GaugeVec = GaugeVec::new(
    "coredns_hosts_reload_timestamp_seconds",
    "The timestamp of the last reload of hosts file.",
    &[],
);

pub(crate) static ALL: &[&dyn Family] = &[&ENTRIES, &RELOAD_TIME];
