//! The in-memory answer index that every source of names feeds.
//!
//! A [`Zone`] is built once from records by a [`ZoneBuilder`] and then only read: a look-up
//! allocates nothing and waits for nobody. Names and records lie in one arena, records in the
//! form that goes over the wire, so answering is copying.
//!
//! A zone that is written while it is served has many small arenas instead, its parts. An edit
//! makes a new zone that shares with the old one all parts but those of the names it changes.
//!
//! **Invariant.** Whoever holds a [`Node`] holds the zone it is of; a zone never changes.

mod arena;
mod builder;
mod edit;
mod find;
mod octets;
mod page;
mod part;
mod parted;
mod parts;
pub mod shards;
mod table;
mod view;

pub use builder::{AddError, ZoneBuilder};
pub use edit::NameChange;
pub use find::{Found, Walk};
pub use octets::Octets;
pub use parted::PartedBuilder;
pub use view::{Node, Record, RecordsOf};

use catena_dns::{Name, NameRef};
use foldhash::fast::RandomState;

use arena::{At, NONE};
use part::Part;
use parts::Parts;

/// The names and records of one zone.
pub struct Zone {
    origin: Name,
    /// The first one has the apex.
    parts: Parts,
    hasher: RandomState,
    /// Delegations and DNAME records: where there are some, names have to be looked at from above.
    cuts: usize,
    records: usize,
    /// Names with NSEC records, in canonical order; a zone of many parts has none.
    denials: Vec<At>,
}

impl Zone {
    /// The name of the zone, in lower case.
    pub fn origin(&self) -> NameRef<'_> {
        self.origin.view()
    }

    /// The SOA record that was added last, whatever its owner.
    pub fn soa(&self) -> Option<Record<'_>> {
        let part = self.first_part()?;
        Some(Record::new(part, part.soa?))
    }

    /// The serial of the SOA record.
    pub fn serial(&self) -> Option<u32> {
        let rdata = self.soa()?.rdata();
        let (_, rest) = NameRef::split_from(rdata).ok()?;
        let (_, rest) = NameRef::split_from(rest).ok()?;
        rest.first_chunk().copied().map(u32::from_be_bytes)
    }

    #[inline]
    fn first_part(&self) -> Option<&Part> {
        self.parts.get(0)
    }

    /// The node of `name`, which must be in lower case and within the zone.
    #[inline]
    fn lookup(&self, name: &[u8]) -> Option<Node<'_>> {
        if name.len() == self.origin.wire().len() {
            return self.apex_node();
        }
        let (hash, place) = part::hash(&self.hasher, name);
        let part = self.parts.get(self.parts.place(place))?;
        Some(Node::new(part, part.lookup(hash, name)?))
    }

    #[inline]
    fn apex_node(&self) -> Option<Node<'_>> {
        Some(Node::new(self.first_part()?, NONE))
    }

    /// The node of the zone's own name.
    pub fn apex(&self) -> Node<'_> {
        // There is a first part.
        self.apex_node()
            .unwrap_or_else(|| Node::new(edit::nowhere(), NONE))
    }

    /// How many records there are.
    pub fn record_count(&self) -> usize {
        self.records
    }

    /// Octets that names and records take.
    pub fn memory(&self) -> usize {
        let parts = self.parts.iter();
        let parts: usize = parts
            .map(|part| part.arena.memory() + part.names.memory())
            .sum();
        parts + self.denials.len() * size_of::<At>()
    }
}

#[cfg(test)]
mod tests;
