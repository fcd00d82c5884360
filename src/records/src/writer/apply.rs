//! Showing what is committed: the next snapshot of each zone, its journal, its leases.

use catena_dns::{Class, Name, NameRef, RecordRef, RecordType};
use catena_index::NameChange;
use hashbrown::HashMap;
use tracing::error;

use super::{Served, Writer};
use crate::draft::{Sets, sets_of};
use crate::journal::Entry;
use crate::leases::Leases;
use crate::soa::{next_serial, serial_of, with_serial};
use crate::store::Batch;
use crate::{Edit, RecordSet, SetKey};

impl Writer {
    /// The longest zone that `name` is in.
    pub(super) fn zone_of(&self, name: &Name) -> Option<&Served> {
        let zones = self.zones.iter();
        let zones = zones.filter(|served| name.view().is_within(served.live.origin()));
        zones.max_by_key(|served| served.config.origin.wire().len())
    }

    pub(super) fn apply_leases(&self, batch: &Batch) {
        let mut leases = self.shown.leases.write();
        for (id, ttl) in &batch.begun {
            leases.begin(*id, *ttl);
        }
        for id in &batch.ended {
            leases.end(*id);
        }
    }

    /// What differs between sets that are known and those that a store says there are.
    pub(super) fn edits_of(&self, sets: Vec<(SetKey, Option<RecordSet>)>) -> Vec<Edit> {
        let leases = self.shown.leases.read();
        let edits = sets.into_iter().filter_map(|(key, after)| {
            let zone = self.zone_of(&key.name)?.live.zone().clone()?;
            let known = sets_of(&zone, key.name.view(), &leases).into_iter();
            let mut known = known.filter(|(rtype, _)| *rtype == key.rtype);
            let before = known.next().map(|(_, set)| set);
            (before != after).then_some(Edit { key, before, after })
        });
        edits.collect()
    }

    /// Shows `edits`, which hold since `revision`.
    pub(super) fn apply(&mut self, revision: u64, edits: &[Edit]) {
        self.revision = self.revision.max(revision);
        let mut by_zone: HashMap<Name, Vec<Edit>> = HashMap::new();
        for edit in edits {
            if let Some(served) = self.zone_of(&edit.key.name) {
                let edits = by_zone.entry(served.config.origin.clone());
                edits.or_default().push(edit.clone());
            }
        }
        let derived = self.store.serial_at(revision);
        for served in &mut self.zones {
            if let Some(edits) = by_zone.remove(&served.config.origin) {
                let leases = self.shown.leases.read();
                let shown = show(served, revision, derived, (edits, &leases));
                if let Err(error) = shown {
                    error!(target: "plugin/dynapi", "A change cannot be shown: {error}");
                }
            }
        }
        let mut leases = self.shown.leases.write();
        edits.iter().for_each(|edit| leases.note(edit));
    }
}

/// Makes the next snapshot of a zone.
fn show(
    served: &mut Served,
    revision: u64,
    derived: Option<u32>,
    (mut edits, leases): (Vec<Edit>, &Leases),
) -> Result<(), catena_index::AddError> {
    let Some(zone) = served.live.zone().clone() else {
        return Ok(());
    };
    let origin = zone.origin();
    let from = zone.serial().unwrap_or(0);
    let mut names: HashMap<Name, Sets> = HashMap::new();
    names.insert(origin.to_lower(), sets_of(&zone, origin, leases));
    for edit in &edits {
        let name = edit.key.name.clone();
        let sets = names.entry(name);
        let sets = sets.or_insert_with(|| sets_of(&zone, edit.key.name.view(), leases));
        sets.retain(|(rtype, _)| *rtype != edit.key.rtype);
        sets.extend(edit.after.clone().map(|set| (edit.key.rtype, set)));
    }
    let apex = names.get_mut(&origin.to_lower());
    let mut soa = apex
        .into_iter()
        .flatten()
        .filter(|(rtype, _)| *rtype == RecordType::SOA);
    let to = match soa.next() {
        None => from,
        Some((_, soa)) => {
            let written = soa.data.first().and_then(|rdata| serial_of(rdata));
            let serial = match (derived, written) {
                (Some(serial), _) => serial,
                (None, Some(serial)) if serial != from => serial,
                _ => next_serial(from),
            };
            *soa = with_serial(soa, serial);
            serial
        }
    };
    let above: Vec<(&Name, bool)> = names
        .iter()
        .map(|(name, sets)| (name, !sets.is_empty()))
        .collect();
    let above = served.tree.change(&zone, &above);
    let changes = names.iter().map(|(name, sets)| {
        let records = sets.iter();
        let records = records.flat_map(|(rtype, set)| records_of(name.view(), *rtype, set));
        NameChange {
            name: name.view(),
            records: records.collect(),
            exists: served.tree.has_below(name),
        }
    });
    let above = above.iter().map(|name| NameChange {
        name: name.view(),
        records: Vec::new(),
        exists: served.tree.has_below(name),
    });
    let changes: Vec<NameChange<'_>> = changes.chain(above).collect();
    let next = zone.edited(&changes)?;
    edits.retain(|edit| !is_serial_only(edit));
    let entry = Entry {
        revision,
        from,
        to,
        edits,
    };
    served.live.advance(next, entry);
    Ok(())
}

/// Whether `edit` changes no more than the serial of an SOA record.
pub(super) fn is_serial_only(edit: &Edit) -> bool {
    match (&edit.before, &edit.after) {
        (Some(before), Some(after)) if edit.key.rtype == RecordType::SOA => {
            with_serial(before, 0) == with_serial(after, 0)
        }
        _ => false,
    }
}

fn records_of<'s>(
    name: NameRef<'s>,
    rtype: RecordType,
    set: &'s RecordSet,
) -> impl Iterator<Item = RecordRef<'s>> {
    set.data.iter().map(move |rdata| RecordRef {
        name,
        rtype,
        class: Class::IN,
        ttl: set.ttl,
        rdata,
    })
}
