//! Names with their addresses, end to end: one look-up reads two places in memory.
//!
//! A node is `length of the name, count of IPv4, count of IPv6 addresses` and then all of these.
//! Nodes stand in the order of the hashes of their names; behind them stands where the nodes of
//! each bucket of hashes begin.

use std::hash::BuildHasher as _;

use catena_dns::NameRef;
use catena_index::Octets;
use foldhash::fast::RandomState;

/// Where a node begins.
pub(crate) type At = u32;

/// The addresses of a name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Addresses<'n> {
    pub v4: &'n [[u8; 4]],
    pub v6: &'n [[u8; 16]],
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    octets: Octets,
    buckets_at: usize,
    buckets: usize,
    hasher: RandomState,
}

/// A name, in wire form and lower case, and its addresses.
struct Node<'n> {
    wire: &'n [u8],
    addresses: Addresses<'n>,
}

impl<'n> Node<'n> {
    /// The node that `octets` begin with, and the rest of them.
    fn split_from(octets: &'n [u8]) -> Option<(Self, &'n [u8])> {
        let ([length, a, b, c, d], rest) = octets.split_first_chunk()?;
        let (wire, rest) = rest.split_at_checked(usize::from(*length))?;
        let (v4, v6) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        let (v4, rest) = rest.split_at_checked(4 * usize::from(v4))?;
        let (v6, rest) = rest.split_at_checked(16 * usize::from(v6))?;
        let addresses = Addresses {
            v4: v4.as_chunks().0,
            v6: v6.as_chunks().0,
        };
        Some((Node { wire, addresses }, rest))
    }
}

impl Nodes {
    /// The addresses of the name `wire`, in lower case; none if it is not known.
    pub fn find(&self, wire: &[u8]) -> Addresses<'_> {
        let bucket = bucket(hash(&self.hasher, wire), self.buckets);
        let mut octets = self.bucket(bucket).unwrap_or(&[]);
        while let Some((node, rest)) = Node::split_from(octets) {
            if node.wire == wire {
                return node.addresses;
            }
            octets = rest;
        }
        Addresses::default()
    }

    /// The nodes of a bucket.
    fn bucket(&self, bucket: usize) -> Option<&[u8]> {
        let begins = self.octets.get(self.buckets_at + BEGIN * bucket..)?;
        let ([start, end, ..], _) = begins.get(..2 * BEGIN)?.as_chunks::<BEGIN>() else {
            return None;
        };
        let (start, end) = (At::from_le_bytes(*start), At::from_le_bytes(*end));
        self.octets.get(to_usize(start)..to_usize(end))
    }

    /// The name of a node.
    pub fn name(&self, at: At) -> Option<NameRef<'_>> {
        let (node, _) = Node::split_from(self.octets.get(to_usize(at)..)?)?;
        NameRef::from_wire(node.wire).ok()
    }
}

/// Octets of what is kept for a bucket.
const BEGIN: usize = size_of::<At>();

/// Nodes in the making; they come in the order of their hashes.
pub(crate) struct NodesWriter {
    octets: Octets,
    begins: Vec<At>,
    buckets: usize,
}

impl NodesWriter {
    /// Room for `names`, with about so many `octets` in all.
    pub fn new(names: usize, octets: usize) -> Self {
        NodesWriter {
            octets: Octets::with_capacity(octets + (HEAD + BEGIN) * names),
            begins: Vec::with_capacity(names + 1),
            buckets: names,
        }
    }

    /// Adds a node; `None` if there is no room.
    ///
    /// Addresses beyond 65,535 of a family are left out, as no reply holds them.
    pub fn add(&mut self, hash: u32, wire: &[u8], v4: &[[u8; 4]], v6: &[[u8; 16]]) -> Option<At> {
        let node = At::try_from(self.octets.len()).ok()?;
        self.begins.resize(bucket(hash, self.buckets) + 1, node);
        let count = |addresses: usize| u16::try_from(addresses).unwrap_or(u16::MAX);
        let (count4, count6) = (count(v4.len()), count(v6.len()));
        self.octets
            .extend_from_slice(&[u8::try_from(wire.len()).ok()?]);
        self.octets.extend_from_slice(&count4.to_be_bytes());
        self.octets.extend_from_slice(&count6.to_be_bytes());
        self.octets.extend_from_slice(wire);
        for address in v4.iter().take(usize::from(count4)) {
            self.octets.extend_from_slice(address);
        }
        for address in v6.iter().take(usize::from(count6)) {
            self.octets.extend_from_slice(address);
        }
        Some(node)
    }

    /// The nodes, whose names were hashed by `hasher`; they never change again.
    pub fn finish(mut self, hasher: RandomState) -> Nodes {
        let buckets_at = self.octets.len();
        let end = At::try_from(buckets_at).unwrap_or(At::MAX);
        self.begins.resize(self.buckets + 1, end);
        for begin in &self.begins {
            self.octets.extend_from_slice(&begin.to_le_bytes());
        }
        self.octets.shrink_to_fit();
        Nodes {
            octets: self.octets,
            buckets_at,
            buckets: self.buckets,
            hasher,
        }
    }
}

/// Octets before the name of a node.
const HEAD: usize = 5;

/// The hash of a name in wire form and lower case.
pub(crate) fn hash(hasher: &RandomState, wire: &[u8]) -> u32 {
    let [a, b, c, d, ..] = hasher.hash_one(wire).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Which of `buckets` names with `hash` are in: the order of buckets is that of hashes.
fn bucket(hash: u32, buckets: usize) -> usize {
    let product = u64::from(hash) * u64::try_from(buckets).unwrap_or(0);
    usize::try_from(product >> 32).unwrap_or(0)
}

/// Offsets are below 4 GiB, so they fit.
fn to_usize(offset: At) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
