//! Where names and records lie: one run of octets and a table of where each name stands.
//!
//! A node is `first record, last record, flags, name`; a record is `next record` and then what
//! follows the owner name on the wire: `type, class, ttl, length, data`. Links are offsets.

use catena_dns::{Class, NameRef, RecordType};

use crate::Octets;

/// Where a node or record begins.
pub(crate) type At = u32;

/// No record: the apex node stands at 0, so no link leads there.
pub(crate) const NONE: At = 0;

const FLAGS_AT: usize = 8;
const NAME_AT: usize = 9;
/// Where the type of a record stands.
pub(crate) const WIRE_AT: usize = 4;
/// Octets before a record's data: link, type, class, TTL, length.
pub(crate) const RDATA_AT: usize = 14;

/// What a node has, to be seen without reading its records.
pub(crate) mod flag {
    pub const NS: u8 = 1;
    pub const DNAME: u8 = 2;
    pub const NSEC: u8 = 4;
    pub const CNAME: u8 = 8;
}

#[derive(Default)]
pub(crate) struct Arena {
    octets: Octets,
}

impl Arena {
    pub fn apex(&self) -> At {
        NONE
    }

    /// An empty one with room for `octets`.
    pub fn with_capacity(octets: usize) -> Self {
        Arena {
            octets: Octets::with_capacity(octets),
        }
    }

    pub fn memory(&self) -> usize {
        self.octets.len()
    }

    /// Gives back room that is not used.
    pub fn shrink(&mut self) {
        self.octets.shrink_to_fit();
    }

    /// Whether `name` is the name of `node`; both in lower case.
    #[inline]
    pub fn is_named(&self, node: At, name: &[u8]) -> bool {
        self.slice(node, NAME_AT, name.len()) == Some(name)
    }

    /// Adds an empty node; `None` if there is no room.
    pub fn add_node(&mut self, name: &[u8]) -> Option<At> {
        let node = At::try_from(self.octets.len()).ok()?;
        self.octets.extend_from_slice(&[0; NAME_AT]);
        self.octets.extend_from_slice(name);
        Some(node)
    }

    /// Adds a record that belongs to no node yet; `None` if there is no room.
    pub fn add_record(&mut self, rtype: RecordType, ttl: u32, rdata: &[u8]) -> Option<At> {
        let record = At::try_from(self.octets.len()).ok()?;
        let [length_high, length_low] = u16::try_from(rdata.len()).ok()?.to_be_bytes();
        let [type_high, type_low] = rtype.0.to_be_bytes();
        let [class_high, class_low] = Class::IN.0.to_be_bytes();
        let [a, b, c, d] = ttl.to_be_bytes();
        let head: [u8; RDATA_AT] = [
            0,
            0,
            0,
            0,
            type_high,
            type_low,
            class_high,
            class_low,
            a,
            b,
            c,
            d,
            length_high,
            length_low,
        ];
        self.octets.extend_from_slice(&head);
        self.octets.extend_from_slice(rdata);
        Some(record)
    }

    /// Puts `record` behind the other records of `node`.
    pub fn link(&mut self, node: At, record: At, flags: u8) {
        self.link_run(node, (record, record), flags);
    }

    /// Puts the records of `other`, a second node of the same name, behind those of `node`.
    pub fn merge(&mut self, node: At, other: At) {
        let first = self.first_record(other);
        if first != NONE {
            let run = (first, self.last_record(other));
            self.link_run(node, run, self.flags(other));
        }
    }

    fn link_run(&mut self, node: At, (first, last): (At, At), flags: u8) {
        match self.last_record(node) {
            NONE => self.set_word(node, 0, first),
            before => self.set_word(before, 0, first),
        }
        self.set_word(node, 4, last);
        if let Some(octet) = self.octets.get_mut(place(node, FLAGS_AT)) {
            *octet |= flags;
        }
    }

    #[inline]
    pub fn slice(&self, at: At, from: usize, length: usize) -> Option<&[u8]> {
        let start = place(at, from);
        self.octets.get(start..start.checked_add(length)?)
    }

    /// All octets from `from` behind `at`.
    #[inline]
    pub fn tail(&self, at: At, from: usize) -> &[u8] {
        self.octets.get(place(at, from)..).unwrap_or_default()
    }

    fn word(&self, at: At, from: usize) -> At {
        let octets = self.tail(at, from).first_chunk();
        octets.copied().map_or(NONE, u32::from_le_bytes)
    }

    fn set_word(&mut self, at: At, from: usize, value: At) {
        let start = place(at, from);
        if let Some(octets) = self.octets.get_mut(start..start + 4) {
            octets.copy_from_slice(&value.to_le_bytes());
        }
    }

    #[inline]
    pub fn first_record(&self, node: At) -> At {
        self.word(node, 0)
    }

    pub fn last_record(&self, node: At) -> At {
        self.word(node, 4)
    }

    #[inline]
    pub fn next_record(&self, record: At) -> At {
        self.word(record, 0)
    }

    #[inline]
    pub fn flags(&self, node: At) -> u8 {
        self.tail(node, FLAGS_AT).first().copied().unwrap_or(0)
    }

    #[inline]
    pub fn name(&self, node: At) -> NameRef<'_> {
        let octets = self.tail(node, NAME_AT);
        NameRef::split_from(octets).map_or(NameRef::ROOT, |(name, _)| name)
    }
}

fn place(at: At, from: usize) -> usize {
    usize::try_from(at)
        .unwrap_or(usize::MAX)
        .saturating_add(from)
}
