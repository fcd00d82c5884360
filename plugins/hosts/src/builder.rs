//! Makes an index of lines.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use catena_dns::{Name, NameRef};
use catena_index::Octets;
use catena_plugin::zones;
use foldhash::fast::RandomState;
use smallvec::SmallVec;

use crate::index::Index;
use crate::lines;
use crate::nodes::{At, NodesWriter, hash};

/// What is kept of a hosts file.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Names outside these zones are left out.
    pub zones: Vec<Name>,
    /// Whether addresses are answered with names.
    pub reverse: Reverse,
}

/// Whether addresses are answered with names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reverse {
    Kept,
    LeftOut,
}

/// Octets for which room is made beforehand at most.
const ROOM_MAX: u64 = 256 << 20;

/// An index in the making.
#[derive(Default)]
pub(crate) struct Builder {
    hasher: RandomState,
    /// What the lines say, name by name: length of the address, address, name in lower case.
    said: Octets,
    /// The hash of a name in the upper half, and in the lower one where it is in `said`.
    entries: Vec<u64>,
}

/// Addresses with the place of their name among what was said, and its node.
#[derive(Default)]
struct Reversed {
    v4: Vec<(Ipv4Addr, At, At)>,
    v6: Vec<(Ipv6Addr, At, At)>,
}

/// A name with one of its addresses.
struct Said<'b> {
    at: At,
    address: IpAddr,
    name: NameRef<'b>,
}

impl Reversed {
    fn push(&mut self, said: &Said<'_>, node: At) {
        match said.address {
            IpAddr::V4(address) => self.v4.push((address, said.at, node)),
            IpAddr::V6(address) => self.v6.push((address, said.at, node)),
        }
    }
}

impl Builder {
    /// A builder with room for a file of `octets`, so that nothing is copied to make room.
    ///
    /// Room that is not used costs nothing: its pages are never touched.
    pub fn with_room(octets: u64) -> Self {
        let octets = usize::try_from(octets.min(ROOM_MAX)).unwrap_or(0);
        Builder {
            said: Octets::with_capacity(octets),
            ..Builder::default()
        }
    }

    /// Adds what a line says.
    pub fn add_line(&mut self, line: &[u8], rules: &Rules) {
        let Some((address, names)) = lines::read(line) else {
            return;
        };
        for name in names {
            let name = name.view().to_lower();
            if zones::longest(&rules.zones, name.view()).is_none() {
                continue;
            }
            let Ok(at) = At::try_from(self.said.len()) else {
                // More than 4 GiB of names.
                return;
            };
            match address {
                IpAddr::V4(v4) => self.say(&[4], &v4.octets()),
                IpAddr::V6(v6) => self.say(&[16], &v6.octets()),
            }
            self.said.extend_from_slice(name.wire());
            let hash = hash(&self.hasher, name.wire());
            self.entries.push(u64::from(hash) << 32 | u64::from(at));
        }
    }

    fn say(&mut self, length: &[u8], address: &[u8]) {
        self.said.extend_from_slice(length);
        self.said.extend_from_slice(address);
    }

    /// The index, as small as it can be.
    pub fn finish(mut self, rules: &Rules) -> Index {
        self.entries.sort_unstable();
        let count = self.entries.len();
        let mut index = Index {
            addresses: count,
            ..Index::default()
        };
        let mut nodes = NodesWriter::new(count, self.said.len());
        let mut reversed = Reversed::default();
        for alike in self.entries.chunk_by(|a, b| *a >> 32 == *b >> 32) {
            let said = alike.iter().filter_map(|entry| self.said(*entry));
            let said: SmallVec<[Said<'_>; 4]> = said.collect();
            let mut names: SmallVec<[NameRef<'_>; 4]> = SmallVec::new();
            for said in &said {
                if !names.contains(&said.name) {
                    names.push(said.name);
                }
            }
            // Nearly always there is one.
            for name in names {
                let of_name = said.iter().filter(|said| said.name == name);
                let Some(node) = add(&mut nodes, upper(alike), name, of_name.clone()) else {
                    break;
                };
                let is_wildcard = name.wire().starts_with(b"\x01*");
                index.has_wildcards |= is_wildcard && name.label_count() > 1;
                // Names with an asterisk are no answer to a reverse look-up.
                if !is_wildcard && rules.reverse == Reverse::Kept {
                    of_name.for_each(|said| reversed.push(said, node));
                }
            }
        }
        index.nodes = nodes.finish(self.hasher.clone());
        drop(self);
        index.reverse4 = sorted(reversed.v4);
        index.reverse6 = sorted(reversed.v6);
        index
    }

    fn said(&self, entry: u64) -> Option<Said<'_>> {
        let [_, _, _, _, at @ ..] = entry.to_be_bytes();
        let at = At::from_be_bytes(at);
        let octets = self.said.get(usize::try_from(at).ok()?..)?;
        let (length, octets) = octets.split_first()?;
        let (address, octets) = octets.split_at_checked(usize::from(*length))?;
        let address = match <[u8; 4]>::try_from(address) {
            Ok(v4) => IpAddr::from(v4),
            Err(_) => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        };
        let (name, _) = NameRef::split_from(octets).ok()?;
        Some(Said { at, address, name })
    }
}

/// Adds a name with the addresses that were said of it; `None` if there is no room.
fn add<'b>(
    nodes: &mut NodesWriter,
    hash: u32,
    name: NameRef<'_>,
    said: impl Iterator<Item = &'b Said<'b>>,
) -> Option<At> {
    let mut v4: SmallVec<[[u8; 4]; 4]> = SmallVec::new();
    let mut v6: SmallVec<[[u8; 16]; 4]> = SmallVec::new();
    for said in said {
        match said.address {
            IpAddr::V4(address) => v4.push(address.octets()),
            IpAddr::V6(address) => v6.push(address.octets()),
        }
    }
    nodes.add(hash, name.wire(), &v4, &v6)
}

/// Addresses with their nodes, sorted; those of one address in the order of the lines.
fn sorted<A: Copy + Ord>(mut found: Vec<(A, At, At)>) -> Vec<(A, At)> {
    found.sort_unstable();
    found
        .iter()
        .map(|(address, _, node)| (*address, *node))
        .collect()
}

/// The hash that all of `alike` have.
fn upper(alike: &[u64]) -> u32 {
    let [a, b, c, d, ..] = alike.first().copied().unwrap_or(0).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}
