//! Makes a zone of another by changing some of its names.

use std::sync::LazyLock;

use catena_dns::{NameRef, RecordRef, RecordType};
use hashbrown::{HashMap, HashSet};

use crate::part::{Part, PartWriter, hash};
use crate::parts::Parts;
use crate::{AddError, Node, Zone};

/// Names of a part, on average: at least after the parts were made, and at most.
pub(crate) const NAMES: (usize, usize) = (128, 512);

/// What is to be at a name, in place of all that was there.
#[derive(Clone, Debug)]
pub struct NameChange<'c> {
    /// The name, in lower case and within the zone.
    pub name: NameRef<'c>,
    /// Its records; their names and classes do not count.
    pub records: Vec<RecordRef<'c>>,
    /// Whether the name exists without records too, as one with names below it does.
    pub exists: bool,
}

/// A part with nothing in it.
pub(crate) fn nowhere() -> &'static Part {
    static NOWHERE: LazyLock<Part> = LazyLock::new(Part::default);
    &NOWHERE
}

impl Zone {
    /// The zone with `changes`, each of another name; NSEC records are not kept up.
    ///
    /// The work grows with the number of changes, and hardly with the size of the zone.
    pub fn edited(&self, changes: &[NameChange<'_>]) -> Result<Zone, AddError> {
        // There are not many more names than records.
        let is_crowded = self.records > self.parts.len() * NAMES.1;
        if self.parts.len() == 1 || is_crowded {
            let names: usize = self.parts.iter().map(|part| part.names.len()).sum();
            let count = (names.max(self.records) / NAMES.0)
                .max(2)
                .next_power_of_two();
            return self.split(count)?.with(changes);
        }
        self.with(changes)
    }

    /// The same zone in parts.
    fn split(&self, count: usize) -> Result<Zone, AddError> {
        let mut writers: Vec<PartWriter> = (0..count)
            .map(|place| PartWriter::new(if place == 0 { self.origin.wire() } else { &[] }))
            .collect();
        if let Some(first) = writers.first_mut() {
            copy_apex(self, first)?;
        }
        for node in self.nodes().skip(1) {
            let (hash, place) = hash(&self.hasher, node.name().wire());
            if let Some(writer) = writers.get_mut(place & (count - 1)) {
                copy(node, hash, writer)?;
            }
        }
        let parts: Vec<Part> = writers.into_iter().map(PartWriter::finish).collect();
        Ok(Zone {
            origin: self.origin.clone(),
            hasher: self.hasher.clone(),
            cuts: parts.iter().map(|part| part.cuts).sum(),
            records: parts.iter().map(|part| part.records).sum(),
            parts: Parts::new(parts),
            denials: Vec::new(),
        })
    }

    pub(crate) fn with(&self, changes: &[NameChange<'_>]) -> Result<Zone, AddError> {
        let mut by_part: HashMap<usize, Vec<(u32, &NameChange<'_>)>> = HashMap::new();
        for change in changes {
            let (hash, place) = hash(&self.hasher, change.name.wire());
            let place = match change.name == self.origin() {
                true => 0,
                false => self.parts.place(place),
            };
            by_part.entry(place).or_default().push((hash, change));
        }
        let mut zone = Zone {
            origin: self.origin.clone(),
            parts: self.parts.clone(),
            hasher: self.hasher.clone(),
            denials: Vec::new(),
            ..*self
        };
        for (place, changes) in by_part {
            let Some(part) = self.parts.get(place) else {
                continue;
            };
            let new = self.rewritten(part, place == 0, &changes)?;
            zone.cuts = zone.cuts + new.cuts - part.cuts;
            zone.records = zone.records + new.records - part.records;
            zone.parts.replace(place, new);
        }
        Ok(zone)
    }

    fn rewritten(
        &self,
        part: &Part,
        is_first: bool,
        changes: &[(u32, &NameChange<'_>)],
    ) -> Result<Part, AddError> {
        let changed: HashSet<&[u8]> = changes.iter().map(|(_, c)| c.name.wire()).collect();
        let mut writer = PartWriter::new(if is_first { self.origin.wire() } else { &[] });
        if is_first {
            match changes.iter().find(|(_, c)| c.name == self.origin()) {
                None => copy_apex(self, &mut writer)?,
                Some((_, change)) => write_records(change, &mut writer)?,
            }
        }
        for node in part.names.nodes().map(|node| Node::new(part, node)) {
            let name = node.name().wire();
            if !changed.contains(name) {
                copy(node, hash(&self.hasher, name).0, &mut writer)?;
            }
        }
        for (hash, change) in changes {
            let is_kept = change.exists || !change.records.is_empty();
            if is_kept && change.name != self.origin() {
                writer.name(change.name.wire(), *hash)?;
                write_records(change, &mut writer)?;
            }
        }
        Ok(writer.finish())
    }
}

fn write_records(change: &NameChange<'_>, writer: &mut PartWriter) -> Result<(), AddError> {
    let mut records = change.records.iter();
    records.try_for_each(|record| writer.record(*record))
}

fn copy_apex(zone: &Zone, writer: &mut PartWriter) -> Result<(), AddError> {
    let apex = zone.apex();
    let soa = zone.soa().into_iter();
    let mut records = soa.chain(apex.records());
    records.try_for_each(|record| writer.record(record.owned_by(apex.name())))
}

fn copy(node: Node<'_>, hash: u32, writer: &mut PartWriter) -> Result<(), AddError> {
    writer.name(node.name().wire(), hash)?;
    let mut records = node.records();
    records.try_for_each(|record| writer.record(record.owned_by(node.name())))
}

impl<'z> Zone {
    /// The records of `rtype` at `name`, in lower case; those of the SOA type are at the apex.
    pub fn set(&'z self, name: NameRef<'_>, rtype: RecordType) -> Vec<crate::Record<'z>> {
        match self.node(name) {
            Some(node) if rtype == RecordType::SOA && node.is(self.apex()) => {
                self.soa().into_iter().collect()
            }
            Some(node) => node.records_of(rtype).collect(),
            None => Vec::new(),
        }
    }
}
