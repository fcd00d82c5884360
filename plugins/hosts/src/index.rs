//! Names and addresses, packed: read by every query, never changed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use catena_dns::{NameBuf, NameRef};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher as _;

/// Where the data of one name begins; it ends where that of the next begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    /// In [`Index::names`].
    pub name: u32,
    /// In [`Index::v4`].
    pub v4: u32,
    /// In [`Index::v6`].
    pub v6: u32,
}

/// Finds addresses by name and names by address; 200,000 names take about 10 MiB.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Names in wire form and lower case, end to end.
    pub names: Vec<u8>,
    /// One for each name in the order of the file, and one for the end.
    pub entries: Vec<Entry>,
    /// Places in `entries` by the hash of the name.
    pub table: HashTable<u32>,
    pub hasher: RandomState,
    pub v4: Vec<[u8; 4]>,
    pub v6: Vec<[u8; 16]>,
    /// Addresses with places in `entries`, sorted by address.
    pub reverse4: Vec<(Ipv4Addr, u32)>,
    pub reverse6: Vec<(Ipv6Addr, u32)>,
    /// Whether a name begins with an asterisk.
    pub has_wildcards: bool,
}

/// The addresses of a name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Addresses<'i> {
    pub v4: &'i [[u8; 4]],
    pub v6: &'i [[u8; 16]],
}

impl Index {
    /// The addresses of `name`, which is in lower case.
    ///
    /// A wildcard stands in for each family of which the name itself has none.
    pub fn addresses(&self, name: NameRef<'_>) -> Addresses<'_> {
        let mut found = self.exact(name);
        if self.has_wildcards
            && (found.v4.is_empty() || found.v6.is_empty())
            && let Some(wildcard) = wildcard(name)
        {
            let wild = self.exact(wildcard.view());
            if found.v4.is_empty() {
                found.v4 = wild.v4;
            }
            if found.v6.is_empty() {
                found.v6 = wild.v6;
            }
        }
        found
    }

    fn exact(&self, name: NameRef<'_>) -> Addresses<'_> {
        self.place(name.wire())
            .map_or_else(Addresses::default, |place| {
                let (entry, end) = self.entry(place);
                Addresses {
                    v4: range(&self.v4, entry.v4, end.v4),
                    v6: range(&self.v6, entry.v6, end.v6),
                }
            })
    }

    /// The place of a name in `entries`.
    pub fn place(&self, wire: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(wire);
        let found = self.table.find(hash, |place| self.wire(*place) == wire);
        found.copied()
    }

    /// The name at `place` in wire form.
    pub fn wire(&self, place: u32) -> &[u8] {
        let (entry, end) = self.entry(place);
        range(&self.names, entry.name, end.name)
    }

    fn entry(&self, place: u32) -> (Entry, Entry) {
        let place = to_usize(place);
        match self.entries.get(place..).unwrap_or(&[]) {
            [entry, end, ..] => (*entry, *end),
            _ => (Entry::default(), Entry::default()),
        }
    }

    /// The names that have `address`, in the order of the file.
    pub fn names(&self, address: IpAddr) -> impl Iterator<Item = NameRef<'_>> {
        let (v4, v6) = match address {
            IpAddr::V4(v4) => (equal(&self.reverse4, v4), &[][..]),
            IpAddr::V6(v6) => (&[][..], equal(&self.reverse6, v6)),
        };
        let places = v4
            .iter()
            .map(|pair| pair.1)
            .chain(v6.iter().map(|pair| pair.1));
        places.filter_map(|place| NameRef::from_wire(self.wire(place)).ok())
    }

    /// How many addresses and reverse entries there are.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len() + self.reverse4.len() + self.reverse6.len()
    }
}

fn range<T>(all: &[T], start: u32, end: u32) -> &[T] {
    all.get(to_usize(start)..to_usize(end)).unwrap_or(&[])
}

/// The pairs of `address` in `sorted`.
fn equal<A: Ord + Copy>(sorted: &[(A, u32)], address: A) -> &[(A, u32)] {
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

/// Offsets are below 4 GiB, so they fit.
pub(crate) fn to_usize(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
