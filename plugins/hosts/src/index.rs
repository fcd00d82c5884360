//! Names and addresses, packed: read by every query, never changed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use catena_dns::{NameBuf, NameRef};

use crate::nodes::{Addresses, At, Nodes};

/// Finds addresses by name and names by address; 200,000 names take about 10 MiB.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub nodes: Nodes,
    /// Addresses with the nodes of their names, sorted by address.
    pub reverse4: Vec<(Ipv4Addr, At)>,
    pub reverse6: Vec<(Ipv6Addr, At)>,
    /// Whether a name begins with an asterisk.
    pub has_wildcards: bool,
    /// How many addresses names have.
    pub addresses: usize,
}

impl Index {
    /// The addresses of `name`, which is in lower case.
    ///
    /// A wildcard stands in for each family of which the name itself has none.
    pub fn addresses(&self, name: NameRef<'_>) -> Addresses<'_> {
        let mut found = self.nodes.find(name.wire());
        if self.has_wildcards
            && (found.v4.is_empty() || found.v6.is_empty())
            && let Some(wildcard) = wildcard(name)
        {
            let wild = self.nodes.find(wildcard.view().wire());
            if found.v4.is_empty() {
                found.v4 = wild.v4;
            }
            if found.v6.is_empty() {
                found.v6 = wild.v6;
            }
        }
        found
    }

    /// The names that have `address`, in the order of the file.
    pub fn names(&self, address: IpAddr) -> impl Iterator<Item = NameRef<'_>> {
        let (v4, v6) = match address {
            IpAddr::V4(v4) => (equal(&self.reverse4, v4), &[][..]),
            IpAddr::V6(v6) => (&[][..], equal(&self.reverse6, v6)),
        };
        let v4 = v4.iter().map(|pair| pair.1);
        let nodes = v4.chain(v6.iter().map(|pair| pair.1));
        nodes.filter_map(|at| self.nodes.name(at))
    }

    /// How many addresses and reverse entries there are.
    pub fn len(&self) -> usize {
        self.addresses + self.reverse4.len() + self.reverse6.len()
    }
}

/// The pairs of `address` in `sorted`.
fn equal<A: Ord + Copy>(sorted: &[(A, At)], address: A) -> &[(A, At)] {
    let start = sorted.partition_point(|pair| pair.0 < address);
    let rest = sorted.get(start..).unwrap_or(&[]);
    let end = rest.partition_point(|pair| pair.0 == address);
    rest.get(..end).unwrap_or(&[])
}

/// `name` with an asterisk for its first label; `None` if there is no label behind that.
fn wildcard(name: NameRef<'_>) -> Option<NameBuf> {
    let parent = name.parent().filter(|parent| !parent.is_root())?;
    let mut wire = [0; 2 + catena_dns::name::NAME_MAX];
    let length = 2 + parent.wire().len();
    wire.get_mut(..2)?.copy_from_slice(b"\x01*");
    wire.get_mut(2..length)?.copy_from_slice(parent.wire());
    Some(NameBuf::lower(
        NameRef::from_wire(wire.get(..length)?).ok()?,
    ))
}
