//! What a source says of one host.

use std::net::IpAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::Owner;

/// Where one host is, by the word of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whose word it is.
    pub owner: Owner,
    /// The owner's namespace; empty where nobody has one, as in a name table.
    pub namespace: Arc<str>,
    /// What it is there.
    pub origin: Origin,
    /// When the owner was made, in seconds of Unix time; the oldest comes first.
    pub created: u64,
    /// Who may see it.
    pub exports: Exports,
    /// Whether the owner says so itself; else it is the default of the mesh.
    pub has_exports: bool,
    /// Where it is.
    pub addresses: Addresses,
    /// Its ports; for SRV records.
    pub ports: Arc<[Port]>,
}

/// What a host is where it is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A Service of Kubernetes; it hides other origins of its host.
    Service,
    /// The same, but without short names, as in `clusterset.local`.
    PlainService,
    /// A pod with a name of its own before that of its Service; who sees the one sees the other.
    Pod,
    /// A ServiceEntry, or what else a registry adds.
    Entry,
}

impl Origin {
    /// Whether it is a Service of Kubernetes, or a pod of one.
    pub fn is_service(self) -> bool {
        self != Origin::Entry
    }
}

/// Who may see a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exports {
    /// All.
    All,
    /// Nobody.
    Nobody,
    /// Clients in these namespaces.
    To(Arc<[Arc<str>]>),
}

impl Exports {
    /// Whether clients in `namespace` may see it; nobody knows where a client of `None` is.
    pub fn reaches(&self, namespace: Option<&str>) -> bool {
        match self {
            Exports::All => true,
            Exports::Nobody => false,
            Exports::To(names) => namespace.is_some_and(|own| names.iter().any(|ns| **ns == *own)),
        }
    }
}

/// Where a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The addresses, in the owner's order.
    pub list: SmallVec<[IpAddr; 1]>,
    /// Automatic addresses that are another's by a better right; nobody is told them here.
    pub yielded: Box<[IpAddr]>,
    /// Who is told them.
    pub reach: Reach,
    /// Why there are none, if there are none.
    pub without: Without,
}

impl Addresses {
    /// Addresses that everybody is told.
    pub fn given(list: impl Into<Box<[IpAddr]>>) -> Addresses {
        Addresses::of(list, Reach::All)
    }

    /// Addresses with a reach.
    pub fn of(list: impl Into<Box<[IpAddr]>>, reach: Reach) -> Addresses {
        Addresses {
            list: SmallVec::from_slice(&list.into()),
            yielded: Box::default(),
            reach,
            without: Without::Unknown,
        }
    }

    /// None.
    pub fn none(without: Without) -> Addresses {
        Addresses {
            list: SmallVec::new(),
            yielded: Box::default(),
            reach: Reach::All,
            without,
        }
    }

    /// All that the owner has, or would have if nobody had a better right to it.
    pub(crate) fn claimed(&self) -> impl Iterator<Item = IpAddr> {
        self.list.iter().chain(&self.yielded).copied()
    }

    /// Gives `address`, which is claimed, to another, or takes it back.
    pub(crate) fn settle(&mut self, address: IpAddr, is_own: bool) {
        if self.list.contains(&address) == is_own {
            return;
        }
        let others = self
            .yielded
            .iter()
            .copied()
            .filter(|known| *known != address);
        if is_own {
            self.yielded = others.collect();
            self.list.push(address);
            self.list.sort_unstable();
        } else {
            let mut yielded: Vec<IpAddr> = others.chain([address]).collect();
            yielded.sort_unstable();
            self.yielded = yielded.into();
            self.list.retain(|known| *known != address);
        }
        self.without = match self.list.is_empty() {
            true => Without::Yielded,
            false => Without::Unknown,
        };
    }
}

/// Who is told addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everybody: somebody wrote them into an entry.
    All,
    /// All clients but those with IPv6 addresses only: they are a headless Service's endpoints,
    /// and to Istio the address of such a Service is `0.0.0.0`.
    Endpoints,
    /// Clients that have an address of the same family; those of both are told the first.
    Families,
    /// The same, if they take automatic addresses.
    Automatic,
}

/// Why a host has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// The source does not say.
    Unknown,
    /// An entry has none, and its resolution NONE lets it have no automatic one.
    Unresolved,
    /// An entry refuses automatic addresses.
    OptedOut,
    /// A wildcard gets no automatic address.
    Wildcard,
    /// An automatic address is not there yet.
    Awaited,
    /// Others have a better right to its automatic addresses.
    Yielded,
    /// What an entry gives are networks, or no addresses.
    NoAddress,
    /// There is no ready endpoint.
    NoEndpoint,
    /// It is an alias or has no ports.
    NotServed,
}

/// A port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    /// Its name, in lower case.
    pub name: Box<str>,
    /// Its number.
    pub number: u16,
    /// Over UDP, not TCP.
    pub is_udp: bool,
}
