//! Who asks: clients that are known by their address.

use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;

/// A client that is known by one of its addresses, such as a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address that it asks from.
    pub address: IpAddr,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its labels.
    pub labels: Arc<[(Box<str>, Box<str>)]>,
    /// The domains that it completes names with, in lower case, the first one first.
    pub search: Arc<[Name]>,
    /// Whether it has an IPv4 address, and an IPv6 one.
    pub has: (bool, bool),
}
