//! Makes an index of lines.

use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use catena_dns::{Name, NameRef};
use catena_plugin::zones;

use crate::index::{Entry, Index};
use crate::lines;

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
/// A line with a shorter name than most.
const SHORT_LINE: usize = 16;

/// An index in the making.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    index: Index,
    v4: Vec<(u32, Ipv4Addr)>,
    v6: Vec<(u32, Ipv6Addr)>,
}

impl Builder {
    /// A builder with room for a file of `octets`, so that nothing is copied to make room.
    ///
    /// Room that is not used costs nothing: its pages are never touched.
    pub fn with_room(octets: u64) -> Self {
        let octets = usize::try_from(octets.min(ROOM_MAX)).unwrap_or(0);
        let mut builder = Builder::default();
        builder.index.names.reserve(octets);
        builder.index.entries.reserve(octets / SHORT_LINE);
        builder.v4.reserve(octets / SHORT_LINE);
        builder
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
            let Some(place) = self.place(name.view()) else {
                // More than 4 GiB of names.
                return;
            };
            match address {
                IpAddr::V4(v4) => self.v4.push((place, v4)),
                IpAddr::V6(v6) => self.v6.push((place, v6)),
            }
        }
    }

    /// The place of `name`, which is new or known.
    fn place(&mut self, name: NameRef<'_>) -> Option<u32> {
        let index = &mut self.index;
        if index.entries.is_empty() {
            index.entries.push(Entry::default());
        }
        if let Some(place) = index.place(name.wire()) {
            return Some(place);
        }
        let place = u32::try_from(index.entries.len() - 1).ok()?;
        let end = u32::try_from(index.names.len() + name.wire().len()).ok()?;
        index.names.extend_from_slice(name.wire());
        index.entries.push(Entry {
            name: end,
            ..Entry::default()
        });
        index.has_wildcards |= name.wire().starts_with(b"\x01*") && name.label_count() > 1;
        let Index {
            table,
            hasher,
            names,
            entries,
            ..
        } = index;
        let hash = |place: &u32| hasher.hash_one(wire(names, entries, *place));
        table.insert_unique(hasher.hash_one(name.wire()), place, hash);
        Some(place)
    }

    /// The index, as small as it can be.
    pub fn finish(mut self, rules: &Rules) -> Index {
        self.v4.sort_by_key(|pair| pair.0);
        self.v6.sort_by_key(|pair| pair.0);
        self.spread();
        if rules.reverse == Reverse::Kept {
            let index = &mut self.index;
            let is_plain = |place: &u32| !is_wildcard(wire(&index.names, &index.entries, *place));
            self.v4.retain(|pair| is_plain(&pair.0));
            self.v6.retain(|pair| is_plain(&pair.0));
            index.reverse4 = turned(self.v4);
            index.reverse6 = turned(self.v6);
        }
        let mut index = self.index;
        index.names.shrink_to_fit();
        index.entries.shrink_to_fit();
        index
    }

    /// Gives each entry its range of addresses, which are sorted by place.
    fn spread(&mut self) {
        let (mut v4, mut v6) = (self.v4.iter().peekable(), self.v6.iter().peekable());
        let index = &mut self.index;
        index.v4.reserve_exact(self.v4.len());
        index.v6.reserve_exact(self.v6.len());
        for (place, entry) in (0u32..).zip(&mut index.entries) {
            // What was taken so far belongs to the entries before.
            entry.v4 = u32::try_from(index.v4.len()).unwrap_or(u32::MAX);
            entry.v6 = u32::try_from(index.v6.len()).unwrap_or(u32::MAX);
            while let Some(pair) = v4.next_if(|pair| pair.0 == place) {
                index.v4.push(pair.1.octets());
            }
            while let Some(pair) = v6.next_if(|pair| pair.0 == place) {
                index.v6.push(pair.1.octets());
            }
        }
    }
}

/// The pairs the other way round, sorted by address, in the same memory.
fn turned<A: Copy + Ord>(pairs: Vec<(u32, A)>) -> Vec<(A, u32)> {
    let mut turned: Vec<(A, u32)> = pairs.into_iter().map(|(place, a)| (a, place)).collect();
    turned.sort_by_key(|pair| pair.0);
    turned.shrink_to_fit();
    turned
}

fn wire<'n>(names: &'n [u8], entries: &[Entry], place: u32) -> &'n [u8] {
    let start = crate::index::to_usize(place);
    match entries.get(start..).unwrap_or(&[]) {
        [entry, end, ..] => {
            let (start, end) = (entry.name, end.name);
            let range = crate::index::to_usize(start)..crate::index::to_usize(end);
            names.get(range).unwrap_or(&[])
        }
        _ => &[],
    }
}

/// Names with an asterisk are no answer to a reverse look-up.
fn is_wildcard(wire: &[u8]) -> bool {
    wire.starts_with(b"\x01*")
}
