//! Builds a zone from its records.

use catena_dns::{Class, Name, NameRef, RecordRef, RecordType};
use foldhash::fast::RandomState;
use hashbrown::HashSet;

use crate::Zone;
use crate::arena::{Arena, At, NONE, flag};
use crate::part::{Part, flag_of, hash};
use crate::parts::Parts;
use crate::table::{Entry, Table, entry, node_of};

/// Why a record cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// Names and records of a zone must not take more than 4 GiB.
    #[error("the zone is larger than 4 GiB")]
    TooLarge,
}

/// A zone that is being built.
///
/// A name that returns after others gets a second node; [`ZoneBuilder::build`] makes one of both.
pub struct ZoneBuilder {
    origin: Name,
    hasher: RandomState,
    part: Part,
    denials: Vec<At>,
    /// The owner of the last record, in lower case, and its node.
    last: (Vec<u8>, At),
    owner: Vec<u8>,
    entries: Vec<Entry>,
    /// Nodes that are not right below the apex.
    deep: Vec<At>,
}

impl ZoneBuilder {
    /// Begins the zone `origin`.
    pub fn new(origin: NameRef<'_>) -> Self {
        Self::with_capacity(origin, 0)
    }

    /// Begins the zone `origin`, whose names and records will take about `octets`.
    pub fn with_capacity(origin: NameRef<'_>, octets: usize) -> Self {
        let origin = origin.to_lower();
        let (mut part, hasher) = (Part::default(), RandomState::default());
        part.arena = Arena::with_capacity(octets);
        // There is room for the first node.
        let apex = part.arena.add_node(origin.wire()).unwrap_or(NONE);
        ZoneBuilder {
            entries: vec![entry(hash(&hasher, origin.wire()).0, apex)],
            last: (origin.wire().to_vec(), apex),
            owner: Vec::new(),
            deep: Vec::new(),
            denials: Vec::new(),
            origin,
            hasher,
            part,
        }
    }

    /// Adds a record; one of another class, or outside the zone, is left out.
    ///
    /// Equal records are all kept. Of several SOA records the last one counts.
    #[inline]
    pub fn add(&mut self, record: RecordRef<'_>) -> Result<(), AddError> {
        self.add_record(record).map(|_| ())
    }

    /// As [`ZoneBuilder::add`]; answers give the owner name in just these letters.
    pub fn add_as_spelled(&mut self, record: RecordRef<'_>) -> Result<(), AddError> {
        if let Some(at) = self.add_record(record)?
            && record.name.wire().iter().any(u8::is_ascii_uppercase)
        {
            self.part.spellings.insert(at, record.name.to_name());
        }
        Ok(())
    }

    #[inline]
    fn add_record(&mut self, record: RecordRef<'_>) -> Result<Option<At>, AddError> {
        if record.class != Class::IN {
            return Ok(None);
        }
        if record.rtype == RecordType::SOA {
            return self.add_soa(record).map(|()| None);
        }
        let Some(node) = self.node(record.name)? else {
            return Ok(None);
        };
        let arena = &mut self.part.arena;
        let at = arena.add_record(record.rtype, record.ttl, record.rdata);
        let at = at.ok_or(AddError::TooLarge)?;
        let flags = flag_of(record.rtype, node == arena.apex());
        arena.link(node, at, flags);
        self.part.records += 1;
        self.part.cuts += usize::from(flags & (flag::NS | flag::DNAME) != 0);
        if flags == flag::NSEC {
            self.denials.push(node);
        }
        Ok(Some(at))
    }

    fn add_soa(&mut self, record: RecordRef<'_>) -> Result<(), AddError> {
        let arena = &mut self.part.arena;
        let at = arena.add_record(record.rtype, record.ttl, record.rdata);
        let at = at.ok_or(AddError::TooLarge)?;
        self.part.records += usize::from(self.part.soa.is_none());
        self.part.soa = Some(at);
        if record.name != self.origin.view() {
            self.part.spellings.insert(at, record.name.to_lower());
        }
        Ok(())
    }

    /// A node of `name`, made if need be; `None` if it is outside the zone.
    #[inline]
    fn node(&mut self, name: NameRef<'_>) -> Result<Option<At>, AddError> {
        self.owner.clear();
        self.owner.extend_from_slice(name.wire());
        self.owner.make_ascii_lowercase();
        if self.owner == self.last.0 {
            return Ok(Some(self.last.1));
        }
        if !name.is_within(self.origin.view()) {
            return Ok(None);
        }
        let node = match name == self.origin.view() {
            true => self.part.arena.apex(),
            false => self.make_node()?,
        };
        std::mem::swap(&mut self.last.0, &mut self.owner);
        self.last.1 = node;
        Ok(Some(node))
    }

    fn make_node(&mut self) -> Result<At, AddError> {
        let node = self.part.arena.add_node(&self.owner);
        let node = node.ok_or(AddError::TooLarge)?;
        self.entries
            .push(entry(hash(&self.hasher, &self.owner).0, node));
        let label = 1 + usize::from(self.owner.first().copied().unwrap_or(0));
        if self.owner.len() > self.origin.wire().len() + label {
            self.deep.push(node);
        }
        Ok(node)
    }

    /// The zone, which never changes again.
    pub fn build(mut self) -> Result<Zone, AddError> {
        self.merge_nodes();
        self.part.names = Table::new(&self.entries);
        if self.add_empty_names()? {
            self.entries.sort_unstable();
            self.part.names = Table::new(&self.entries);
        }
        let mut denials = std::mem::take(&mut self.denials);
        let arena = &self.part.arena;
        // Of a name's nodes the first one is left.
        let first = |node: &mut At| {
            *node = self.lookup(arena.name(*node).wire()).unwrap_or(*node);
        };
        denials.iter_mut().for_each(first);
        denials.sort_by(|a, b| arena.name(*a).cmp_canonical(arena.name(*b)));
        denials.dedup();
        self.part.arena.shrink();
        Ok(Zone {
            origin: self.origin,
            hasher: self.hasher,
            cuts: self.part.cuts,
            records: self.part.records,
            parts: Parts::new(vec![self.part]),
            denials,
        })
    }

    fn lookup(&self, name: &[u8]) -> Option<At> {
        self.part.lookup(hash(&self.hasher, name).0, name)
    }

    /// Sorts the entries and leaves one node of each name, the first.
    fn merge_nodes(&mut self) {
        self.entries.sort_unstable();
        let arena = &mut self.part.arena;
        let mut gone = HashSet::new();
        let mut names = Vec::new();
        for alike in self.entries.chunk_by(|a, b| *a >> 32 == *b >> 32) {
            if alike.len() == 1 {
                continue;
            }
            names.clear();
            for entry in alike {
                let node = node_of(*entry);
                let name = arena.name(node).wire();
                match names.iter().find(|first| arena.is_named(**first, name)) {
                    None => names.push(node),
                    Some(first) => {
                        arena.merge(*first, node);
                        gone.insert(*entry);
                    }
                }
            }
        }
        if !gone.is_empty() {
            self.entries.retain(|entry| !gone.contains(entry));
        }
    }

    /// Adds nodes for names between others and the apex: they exist (RFC 4592 section 2.2.2).
    fn add_empty_names(&mut self) -> Result<bool, AddError> {
        let apex_length = self.origin.wire().len();
        let mut missing: HashSet<Vec<u8>, RandomState> = HashSet::default();
        for node in &self.deep {
            let name = self.part.arena.name(*node);
            for ancestor in name.ancestors().skip(1) {
                let wire = ancestor.wire();
                let is_known = wire.len() <= apex_length
                    || self.lookup(wire).is_some()
                    || missing.contains(wire);
                if is_known {
                    break;
                }
                missing.insert(wire.to_vec());
            }
        }
        for name in &missing {
            let node = self.part.arena.add_node(name).ok_or(AddError::TooLarge)?;
            self.entries.push(entry(hash(&self.hasher, name).0, node));
        }
        Ok(!missing.is_empty())
    }
}
