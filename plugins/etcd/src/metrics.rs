//! What is counted of watched prefixes.

use catena_plugin::metrics::{CounterVec, Family, GaugeVec};

/// Its age is the age of the answers, while etcd is lost.
pub(crate) static LAST_CONTACT: GaugeVec = GaugeVec::new(
    "coredns_etcd_last_contact_timestamp_seconds",
    "When etcd was heard last.",
    &["prefix"],
);
pub(crate) static REVISION: GaugeVec = GaugeVec::new(
    "coredns_etcd_revision",
    "The last revision that changed the watched keys.",
    &["prefix"],
);
pub(crate) static KEYS: GaugeVec = GaugeVec::new(
    "coredns_etcd_keys",
    "Number of keys that are watched.",
    &["prefix"],
);
pub(crate) static BAD_KEYS: GaugeVec = GaugeVec::new(
    "coredns_etcd_unreadable_keys",
    "Number of watched keys whose value is no SkyDNS message.",
    &["prefix"],
);
pub(crate) static LOST: CounterVec = CounterVec::new(
    "coredns_etcd_watch_failures_total",
    "Counter of the number of times that a watch broke or could not begin.",
    &["prefix"],
);

/// All of them.
pub(crate) static ALL: &[&dyn Family] = &[&LAST_CONTACT, &REVISION, &KEYS, &BAD_KEYS, &LOST];
