//! Builds a zone from its records.

use catena_dns::{Class, Name, NameRef, RecordRef, RecordType};
use hashbrown::HashMap;

use crate::Zone;
use crate::arena::{Arena, At, NONE, flag};

/// Why a record cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// Names and records of a zone must not take more than 4 GiB.
    #[error("the zone is larger than 4 GiB")]
    TooLarge,
}

/// A zone that is being built.
pub struct ZoneBuilder {
    zone: Zone,
    /// The owner of the last record, in lower case, and its node.
    last: (Vec<u8>, At),
    owner: Vec<u8>,
}

impl ZoneBuilder {
    /// Begins the zone `origin`.
    pub fn new(origin: NameRef<'_>) -> Self {
        let origin = origin.to_lower();
        let mut arena = Arena::default();
        // There is room for the first node.
        let apex = arena.add_node(origin.wire()).unwrap_or(NONE);
        ZoneBuilder {
            last: (origin.wire().to_vec(), apex),
            owner: Vec::new(),
            zone: Zone {
                origin,
                arena,
                soa: None,
                cuts: 0,
                dnames: 0,
                records: 0,
                denials: Vec::new(),
                spellings: HashMap::default(),
            },
        }
    }

    /// Adds a record; one of another class, or outside the zone, is left out.
    ///
    /// Equal records are all kept. Of several SOA records the last one counts.
    #[inline]
    pub fn add(&mut self, record: RecordRef<'_>) -> Result<(), AddError> {
        if record.class != Class::IN {
            return Ok(());
        }
        if record.rtype == RecordType::SOA {
            return self.add_soa(record);
        }
        let Some(node) = self.node(record.name)? else {
            return Ok(());
        };
        let arena = &mut self.zone.arena;
        let at = arena.add_record(record.rtype, record.ttl, record.rdata);
        let at = at.ok_or(AddError::TooLarge)?;
        self.zone.records += 1;
        let flags = self.note_type(node, record.rtype);
        self.zone.arena.link(node, at, flags);
        Ok(())
    }

    /// As [`ZoneBuilder::add`]; answers give the owner name in just these letters.
    pub fn add_as_spelled(&mut self, record: RecordRef<'_>) -> Result<(), AddError> {
        self.add(record)?;
        if record.name.wire().iter().any(u8::is_ascii_uppercase) {
            let (_, node) = self.last;
            let at = self.zone.arena.last_record(node);
            self.zone.spellings.insert(at, record.name.to_name());
        }
        Ok(())
    }

    fn add_soa(&mut self, record: RecordRef<'_>) -> Result<(), AddError> {
        let arena = &mut self.zone.arena;
        let at = arena.add_record(record.rtype, record.ttl, record.rdata);
        let at = at.ok_or(AddError::TooLarge)?;
        self.zone.records += usize::from(self.zone.soa.is_none());
        self.zone.soa = Some(at);
        if record.name != self.zone.origin() {
            self.zone.spellings.insert(at, record.name.to_lower());
        } else {
            self.zone.spellings.remove(&at);
        }
        Ok(())
    }

    /// Counts what look-ups want to know beforehand.
    fn note_type(&mut self, node: At, rtype: RecordType) -> u8 {
        let zone = &mut self.zone;
        let had = zone.arena.flags(node);
        match rtype {
            RecordType::NS if node != zone.arena.apex() => {
                zone.cuts += usize::from(had & flag::NS == 0);
                flag::NS
            }
            RecordType::DNAME => {
                zone.dnames += usize::from(had & flag::DNAME == 0);
                flag::DNAME
            }
            RecordType::NSEC => {
                if had & flag::NSEC == 0 {
                    zone.denials.push(node);
                }
                flag::NSEC
            }
            RecordType::CNAME => flag::CNAME,
            _ => 0,
        }
    }

    /// The node of `name`, made if need be; `None` if it is outside the zone.
    #[inline]
    fn node(&mut self, name: NameRef<'_>) -> Result<Option<At>, AddError> {
        self.owner.clear();
        self.owner.extend_from_slice(name.wire());
        self.owner.make_ascii_lowercase();
        if self.owner == self.last.0 {
            return Ok(Some(self.last.1));
        }
        let Ok(owner) = NameRef::from_wire(&self.owner) else {
            return Ok(None);
        };
        if !owner.is_within(self.zone.origin()) {
            return Ok(None);
        }
        let node = match self.zone.arena.node(&self.owner) {
            Some(node) => node,
            None => make_node(&mut self.zone.arena, &self.zone.origin, owner)?,
        };
        std::mem::swap(&mut self.last.0, &mut self.owner);
        self.last.1 = node;
        Ok(Some(node))
    }

    /// The zone, which never changes again.
    pub fn build(mut self) -> Zone {
        let arena = &self.zone.arena;
        let name = |node: &At| arena.name(*node);
        self.zone
            .denials
            .sort_by(|left, right| name(left).cmp_canonical(name(right)));
        self.zone.arena.shrink();
        self.zone
    }
}

/// Makes a node for `name` and for each name between it and the zone that has none:
/// empty non-terminals exist (RFC 4592 section 2.2.2).
fn make_node(arena: &mut Arena, origin: &Name, name: NameRef<'_>) -> Result<At, AddError> {
    let node = arena.add_node(name.wire()).ok_or(AddError::TooLarge)?;
    for ancestor in name.ancestors().skip(1) {
        if ancestor.wire().len() <= origin.wire().len() || arena.node(ancestor.wire()).is_some() {
            break;
        }
        arena.add_node(ancestor.wire()).ok_or(AddError::TooLarge)?;
    }
    Ok(node)
}
