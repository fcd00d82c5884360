//! The objects of a cluster that names are made of, and no more of them than that.

mod read;

use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;
use smallvec::SmallVec;

#[cfg(test)]
pub(crate) use read::key;
pub(crate) use read::{Pool, ReadSlice, Reading, namespace, pod};

/// The addresses of a service, beside the rest of it: one cache miss less for each answer.
pub(crate) type Addresses = SmallVec<[IpAddr; 2]>;

/// Service and namespace as two labels in wire form, in lower case; no root label.
///
/// Kept where it is needed and not shared: one cache miss less for each answer.
pub(crate) type Key = SmallVec<[u8; 40]>;

/// A service, or what is imported from other clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub key: Key,
    pub kind: ServiceKind,
    pub ports: Arc<[Port]>,
    /// Where it can be reached from outside the cluster.
    pub external: Box<[Host]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServiceKind {
    /// It has addresses of its own.
    Cluster(Addresses),
    /// It stands for its endpoints.
    Headless,
    /// It stands for a name elsewhere.
    External(Name),
    /// It has a name that is none, and is not answered for.
    Unnamed,
}

/// An address or a name, as load balancers have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Address(IpAddr),
    Name(Name),
}

/// A port of a service or of endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Port {
    /// `None` stands for having no ports: there are addresses, but no SRV records.
    pub number: Option<u16>,
    /// In lower case; may be empty.
    pub name: Box<[u8]>,
    pub protocol: Protocol,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Protocol {
    #[default]
    Unknown,
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub fn name(self) -> &'static [u8] {
        match self {
            Protocol::Unknown => b"",
            Protocol::Tcp => b"tcp",
            Protocol::Udp => b"udp",
            Protocol::Sctp => b"sctp",
        }
    }
}

impl Port {
    /// Whether it is meant by a port name and a protocol; empty ones mean any.
    pub fn is(&self, name: &[u8], protocol: &[u8]) -> bool {
        (name.is_empty() || name == &*self.name)
            && (protocol.is_empty() || protocol == self.protocol.name())
    }
}

/// Ready endpoints of a service, as many as came in one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    /// The object's name; its namespace is in the key.
    pub name: Box<str>,
    pub key: Key,
    pub ports: Arc<[Port]>,
    pub endpoints: Box<[Endpoint]>,
    /// The cluster it was imported from.
    pub cluster: Option<Box<[u8]>>,
}

impl Slice {
    /// The object's namespace.
    pub fn namespace(&self) -> &str {
        std::str::from_utf8(Self::namespace_of(&self.key)).unwrap_or("")
    }

    /// The namespace in a key.
    pub fn namespace_of(key: &[u8]) -> &[u8] {
        let first = usize::from(key.first().copied().unwrap_or(0));
        key.get(first + 2..).unwrap_or(&[])
    }
}

/// One address of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub address: IpAddr,
    /// Most endpoints have nothing but an address.
    pub detail: Option<Box<Detail>>,
}

/// What some endpoints have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detail {
    /// The first label of its name in lower case; empty for the one made of the address.
    pub label: Box<[u8]>,
    /// The zone it runs in, in lower case.
    pub zone: Box<[u8]>,
}

impl Endpoint {
    /// Writes the first label of its name to `out`.
    pub fn label(&self, out: &mut Vec<u8>) {
        match &self.detail {
            Some(detail) if !detail.label.is_empty() => out.extend_from_slice(&detail.label),
            _ => dashed(self.address, out),
        }
    }

    /// Whether its name begins with `label`.
    pub fn is_called(&self, label: &[u8]) -> bool {
        let mut own = Vec::with_capacity(40);
        self.label(&mut own);
        own == label
    }

    /// Whether it runs in `zone`.
    pub fn is_in(&self, zone: &[u8]) -> bool {
        let detail = self.detail.as_ref();
        detail.is_some_and(|detail| !zone.is_empty() && *detail.zone == *zone)
    }
}

/// An address with dashes between its parts.
fn dashed(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'-');
                }
                decimal(octet, out);
            }
        }
        IpAddr::V6(address) => {
            let text = address.to_string();
            out.extend(text.bytes().map(|octet| match octet {
                b':' | b'.' => b'-',
                octet => octet,
            }));
            // No label may end in a dash.
            if text.ends_with(':') {
                out.push(b'0');
            }
        }
    }
}

fn decimal(octet: u8, out: &mut Vec<u8>) {
    if octet >= 100 {
        out.push(b'0' + octet / 100);
    }
    if octet >= 10 {
        out.push(b'0' + octet / 10 % 10);
    }
    out.push(b'0' + octet % 10);
}

/// A pod, for `pods verified`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pod {
    pub name: Box<str>,
    pub namespace: Box<str>,
    pub address: Option<IpAddr>,
    pub labels: Box<[(Box<str>, Box<str>)]>,
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, dashed};

    #[test]
    fn addresses_become_labels() {
        for (address, expected) in [
            ("10.0.100.255", "10-0-100-255"),
            ("2001:db8::1", "2001-db8--1"),
            ("2001:db8::", "2001-db8--0"),
        ] {
            let mut label = Vec::new();
            let Ok(address) = address.parse() else {
                unreachable!()
            };
            dashed(address, &mut label);
            assert_eq!(String::from_utf8_lossy(&label), expected);
        }
    }

    #[test]
    fn an_endpoint_is_small() {
        assert!(size_of::<Endpoint>() <= 32);
    }
}
