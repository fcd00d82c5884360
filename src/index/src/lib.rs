//! The in-memory answer index that every source of names feeds.
//!
//! A [`Zone`] is built once from records by a [`ZoneBuilder`] and then only read: a look-up
//! allocates nothing and waits for nobody. Names and records lie in one arena, records in the
//! form that goes over the wire, so answering is copying.
//!
//! **Invariant.** Whoever holds a [`Node`] holds the zone it is of; a zone never changes.

mod arena;
mod builder;
mod find;
mod table;
mod view;

pub use builder::{AddError, ZoneBuilder};
pub use find::{Found, Walk};
pub use view::{Node, Record, RecordsOf};

use std::hash::BuildHasher;

use catena_dns::{Name, NameRef};
use hashbrown::HashMap;

use arena::{Arena, At};
use table::Table;

/// The names and records of one zone.
pub struct Zone {
    origin: Name,
    arena: Arena,
    names: Table,
    hasher: foldhash::fast::RandomState,
    soa: Option<At>,
    /// Whether there are delegations or DNAME records: then names have to be looked at from above.
    has_cuts: bool,
    records: usize,
    /// Names with NSEC records, in canonical order.
    denials: Vec<At>,
    /// Owner names of records that must keep their letter case.
    spellings: HashMap<At, Name, foldhash::fast::RandomState>,
}

impl Zone {
    /// The name of the zone, in lower case.
    pub fn origin(&self) -> NameRef<'_> {
        self.origin.view()
    }

    /// The SOA record that was added last, whatever its owner.
    pub fn soa(&self) -> Option<Record<'_>> {
        Some(Record::new(self, self.soa?))
    }

    /// The serial of the SOA record.
    pub fn serial(&self) -> Option<u32> {
        let rdata = self.soa()?.rdata();
        let (_, rest) = NameRef::split_from(rdata).ok()?;
        let (_, rest) = NameRef::split_from(rest).ok()?;
        rest.first_chunk().copied().map(u32::from_be_bytes)
    }

    #[inline]
    fn hash(&self, name: &[u8]) -> u32 {
        let [hash @ .., _, _, _, _] = self.hasher.hash_one(name).to_be_bytes();
        u32::from_be_bytes(hash)
    }

    /// The node of `name`, which must be in lower case.
    #[inline]
    fn lookup(&self, name: &[u8]) -> Option<At> {
        let mut candidates = self.names.candidates(self.hash(name));
        candidates.find(|node| self.arena.is_named(*node, name))
    }

    /// The node of the zone's own name.
    pub fn apex(&self) -> Node<'_> {
        Node::new(self, self.arena.apex())
    }

    /// How many records there are.
    pub fn record_count(&self) -> usize {
        self.records
    }

    /// Octets that names and records take.
    pub fn memory(&self) -> usize {
        self.arena.memory() + self.names.memory() + self.denials.len() * size_of::<At>()
    }
}

#[cfg(test)]
mod tests;
