//! Where names and records lie: one run of octets and a table of where each name stands.
//!
//! A node is `first record, last record, flags, name`; a record is `next record` and then what
//! follows the owner name on the wire: `type, class, ttl, length, data`. Links are offsets.

use std::hash::BuildHasher;

use catena_dns::{Class, NameRef, RecordType};
use hashbrown::HashTable;

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

/// One entry of the table: part of the name's hash, and the node.
#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    node: At,
}

impl Slot {
    /// The hash that the table wants, made of the part that is kept.
    fn table_hash(self) -> u64 {
        u64::from(self.hash) << 32 | u64::from(self.hash)
    }
}

#[derive(Default)]
pub(crate) struct Arena {
    octets: Vec<u8>,
    slots: HashTable<Slot>,
    hasher: foldhash::fast::RandomState,
}

impl Arena {
    pub fn apex(&self) -> At {
        NONE
    }

    pub fn memory(&self) -> usize {
        self.octets.len() + self.slots.allocation_size()
    }

    /// Gives back room that is not used.
    pub fn shrink(&mut self) {
        if self.octets.capacity() - self.octets.len() > self.octets.len() / 8 {
            self.octets.shrink_to_fit();
        }
    }

    fn slot(&self, name: &[u8], node: At) -> Slot {
        let [high @ .., _, _, _, _] = self.hasher.hash_one(name).to_be_bytes();
        let hash = u32::from_be_bytes(high);
        Slot { hash, node }
    }

    /// The node of `name`, which must be in lower case.
    #[inline]
    pub fn node(&self, name: &[u8]) -> Option<At> {
        let wanted = self.slot(name, NONE);
        let is_it = |slot: &Slot| {
            slot.hash == wanted.hash && self.slice(slot.node, NAME_AT, name.len()) == Some(name)
        };
        self.slots.find(wanted.table_hash(), is_it).map(|slot| slot.node)
    }

    /// Adds an empty node; `None` if there is no room. `name` has none yet.
    pub fn add_node(&mut self, name: &[u8]) -> Option<At> {
        let node = At::try_from(self.octets.len()).ok()?;
        self.octets.extend_from_slice(&[0; NAME_AT]);
        self.octets.extend_from_slice(name);
        let slot = self.slot(name, node);
        self.slots
            .insert_unique(slot.table_hash(), slot, |slot| slot.table_hash());
        Some(node)
    }

    /// Adds a record that belongs to no node yet; `None` if there is no room.
    pub fn add_record(&mut self, rtype: RecordType, ttl: u32, rdata: &[u8]) -> Option<At> {
        let record = At::try_from(self.octets.len()).ok()?;
        let length = u16::try_from(rdata.len()).ok()?;
        let mut head = [0; RDATA_AT];
        let fields = rtype.0.to_be_bytes().into_iter();
        let fields = fields.chain(Class::IN.0.to_be_bytes());
        let fields = fields.chain(ttl.to_be_bytes()).chain(length.to_be_bytes());
        let room = head.iter_mut().skip(WIRE_AT);
        room.zip(fields).for_each(|(to, from)| *to = from);
        self.octets.extend_from_slice(&head);
        self.octets.extend_from_slice(rdata);
        Some(record)
    }

    /// Puts `record` behind the other records of `node`.
    pub fn link(&mut self, node: At, record: At, flags: u8) {
        let last = self.word(node, 4);
        match last {
            NONE => self.set_word(node, 0, record),
            last => self.set_word(last, 0, record),
        }
        self.set_word(node, 4, record);
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

    /// All nodes, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = At> + '_ {
        self.slots.iter().map(|slot| slot.node)
    }
}

fn place(at: At, from: usize) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX).saturating_add(from)
}
