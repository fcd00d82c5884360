//! What one plugin can do for others; they find it among the parts of their server block.

use std::net::IpAddr;

use catena_dns::{Name, NameRef};

use crate::Query;

/// Knows the search paths of clients, for `autopath`.
pub trait SearchPaths: Send + Sync {
    /// The zones that the client of `query` completes short names with, in order.
    ///
    /// `None` if that is not certain: the client is left to search by itself.
    fn search_path(&self, query: &Query<'_>) -> Option<Vec<Name>>;
}

/// Knows the addresses that services have outside their cluster, for `k8s_external`.
pub trait ExternalNames: Send + Sync {
    /// The services that `name` means; it has labels below a zone, in wire form and lower case,
    /// and ends in the root label.
    fn find(&self, name: NameRef<'_>, headless: Headless) -> External;

    /// The services at `address`, as labels below the zone in wire form.
    fn names_of(&self, address: IpAddr) -> Vec<Vec<u8>>;

    /// The addresses of the services that this server is an endpoint of.
    fn own_addresses(&self, headless: Headless) -> Vec<IpAddr>;

    /// All services that [`ExternalNames::find`] knows, for a transfer.
    fn services(&self, headless: Headless) -> Vec<ExternalService> {
        let _none = headless;
        Vec::new()
    }

    /// Whether what is not known does not exist.
    fn is_complete(&self) -> bool;

    /// Changes whenever an answer may.
    fn serial(&self) -> u32;

    /// The TTL of the cluster's own records.
    fn ttl(&self) -> u32;
}

/// Whether services without external addresses are known by their endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headless {
    /// They are left out.
    LeftOut,
    /// They are known.
    Known,
}

/// A service, by the names that it and its ports are asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalService {
    /// Labels below the zone in wire form.
    pub labels: Vec<u8>,
    /// The labels before them for each named port, such as `_http._tcp`, in wire form.
    pub ports: Vec<Vec<u8>>,
}

/// What there is at a name outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum External {
    /// No such name.
    Missing,
    /// The name exists; there may be no hosts.
    Hosts(Vec<ExternalHost>),
}

/// One way to reach a service from outside its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalHost {
    /// Labels below the zone in wire form: the name that SRV records point to.
    pub labels: Vec<u8>,
    /// Where it is.
    pub target: ExternalTarget,
    /// The port; services without ports have none.
    pub port: Option<u16>,
}

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternalTarget {
    /// At an address.
    Address(IpAddr),
    /// Where a name leads.
    Name(Name),
}
