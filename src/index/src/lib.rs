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
mod view;

pub use builder::{AddError, ZoneBuilder};
pub use find::Found;
pub use view::{Node, Record, RecordsOf};

use catena_dns::{Name, NameRef};
use hashbrown::HashMap;

use arena::{Arena, At};

/// The names and records of one zone.
pub struct Zone {
    origin: Name,
    arena: Arena,
    soa: Option<At>,
    /// Names with NS records below the apex.
    cuts: usize,
    /// Names with DNAME records.
    dnames: usize,
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
        self.arena.memory() + self.denials.len() * size_of::<At>()
    }
}

#[cfg(test)]
mod tests;
