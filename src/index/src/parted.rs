//! Builds a zone that will be written to: in parts from the start.

use catena_dns::{Class, Name, NameRef, RecordRef};
use foldhash::fast::RandomState;
use hashbrown::HashSet;

use crate::edit::NAMES;
use crate::part::{PartWriter, hash};
use crate::parts::Parts;
use crate::{AddError, NameChange, Zone};

/// A zone in parts that is being built.
pub struct PartedBuilder {
    origin: Name,
    hasher: RandomState,
    writers: Vec<PartWriter>,
    /// The owner of the last record, and the part it is in.
    last: Vec<u8>,
    place: usize,
}

impl PartedBuilder {
    /// Begins the zone `origin`, in lower case, which has about as many `names`.
    pub fn new(origin: NameRef<'_>, names: usize) -> Self {
        let count = (names / NAMES.0).max(2).next_power_of_two();
        let writers = (0..count).map(|place| match place {
            0 => PartWriter::new(origin.wire()),
            _ => PartWriter::new(&[]),
        });
        PartedBuilder {
            origin: origin.to_name(),
            hasher: RandomState::default(),
            writers: writers.collect(),
            last: origin.wire().to_vec(),
            place: 0,
        }
    }

    /// Adds a record, its owner in lower case; one outside the zone is left out.
    ///
    /// The records of a name must come one after the other; only those of the apex need not.
    pub fn add(&mut self, record: RecordRef<'_>) -> Result<(), AddError> {
        let name = record.name.wire();
        if record.class != Class::IN || !record.name.is_within(self.origin.view()) {
            return Ok(());
        }
        let is_new = self.last != name;
        let mut of_name = 0;
        if is_new {
            self.last.clear();
            self.last.extend_from_slice(name);
            let (of_part, place) = hash(&self.hasher, name);
            of_name = of_part;
            self.place = match record.name == self.origin.view() {
                true => 0,
                false => place & (self.writers.len() - 1),
            };
        }
        let Some(writer) = self.writers.get_mut(self.place) else {
            return Ok(());
        };
        match is_new {
            true if record.name == self.origin.view() => writer.apex(),
            true => writer.name(name, of_name)?,
            false => {}
        }
        writer.record(record)
    }

    /// The zone, which never changes again.
    pub fn build(self) -> Result<Zone, AddError> {
        let parts: Vec<_> = self.writers.into_iter().map(PartWriter::finish).collect();
        let zone = Zone {
            origin: self.origin,
            hasher: self.hasher,
            cuts: parts.iter().map(|part| part.cuts).sum(),
            records: parts.iter().map(|part| part.records).sum(),
            parts: Parts::new(parts),
            denials: Vec::new(),
        };
        let missing = zone.names_between();
        let changes: Vec<_> = missing.iter().map(between).collect();
        match changes.is_empty() {
            true => Ok(zone),
            false => zone.with(&changes),
        }
    }
}

fn between(name: &Name) -> NameChange<'_> {
    NameChange {
        name: name.view(),
        records: Vec::new(),
        exists: true,
    }
}

impl Zone {
    /// Names between others and the apex that have no node yet.
    fn names_between(&self) -> HashSet<Name, RandomState> {
        let apex_length = self.origin.wire().len();
        let mut missing: HashSet<Name, RandomState> = HashSet::default();
        for node in self.nodes().skip(1) {
            for above in node.name().ancestors().skip(1) {
                let is_known = above.wire().len() <= apex_length
                    || self.node(above).is_some()
                    || missing.contains(&above.to_name());
                if is_known {
                    break;
                }
                missing.insert(above.to_name());
            }
        }
        missing
    }
}
