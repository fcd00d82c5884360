//! Showing what is committed: the next snapshot of each zone, its journal, its leases.

use catena_dns::{Class, Name, NameRef, RecordRef, RecordType};
use catena_index::{NameChange, Zone, ZoneBuilder};
use hashbrown::HashMap;
use tracing::error;

use super::{Served, Writer};
use crate::draft::{Sets, sets_of};
use crate::journal::Entry;
use crate::leases::Leases;
use crate::ledger::NewZone;
use crate::live::Mark;
use crate::soa::{first_serial, next_serial, serial_of, with_serial};
use crate::store::{Batch, Loaded, StoreError};
use crate::tree::Tree;
use crate::{Edit, RecordSet, SetKey};

impl Writer {
    /// The longest zone that `name` is in.
    pub(super) fn zone_of(&self, name: &Name) -> Option<&Served> {
        let zones = self.zones.iter();
        let zones = zones.filter(|served| name.view().is_within(served.live.origin()));
        zones.max_by_key(|served| served.config.origin.wire().len())
    }

    /// What the zones that are wanted cannot do without and the store does not have.
    pub(super) fn missing(&self, loaded: &Loaded) -> Batch {
        let mut batch = Batch::default();
        for zone in &self.wanted {
            let soa = zone.soa.set(first_serial());
            for (rtype, set) in [(RecordType::SOA, &soa), (RecordType::NS, &zone.ns)] {
                let key = SetKey::new(zone.origin.view(), rtype);
                if !loaded.sets.iter().any(|(known, _)| *known == key) {
                    let (before, after) = (None, Some(set.clone()));
                    batch.edits.push(Edit { key, before, after });
                }
            }
        }
        batch
    }

    /// Shows zones that were loaded; how many records they have.
    pub(super) fn install(
        &mut self,
        zones: Vec<NewZone>,
        loaded: &Loaded,
    ) -> Result<usize, StoreError> {
        {
            let mut leases = self.shown.leases.write();
            for (id, ttl) in &loaded.leases {
                leases.begin(*id, *ttl);
            }
            for (key, set) in loaded.sets.iter().filter(|(_, set)| set.lease.is_some()) {
                let (key, after) = (key.clone(), Some(set.clone()));
                let before = None;
                leases.note(&Edit { key, before, after });
            }
        }
        let mut count = 0;
        for config in zones {
            let others = self.zones.iter().map(|served| &served.config.origin);
            let others: Vec<Name> = others.cloned().collect();
            let zone = self.built(&config, &others, loaded)?;
            count += zone.record_count();
            let live = self.shown.zones.read();
            let mut live = live
                .iter()
                .filter(|live| live.origin() == config.origin.view());
            let Some(live) = live.next() else {
                continue;
            };
            let mark = Mark {
                revision: loaded.revision,
                serial: zone.serial().unwrap_or(0),
            };
            let tree = Tree::of(&zone);
            live.reset(zone, mark);
            let live = std::sync::Arc::clone(live);
            self.zones.push(Served { live, config, tree });
        }
        Ok(count)
    }

    fn built(
        &self,
        config: &NewZone,
        others: &[Name],
        loaded: &Loaded,
    ) -> Result<Zone, StoreError> {
        let origin = config.origin.view();
        let mut builder = ZoneBuilder::new(origin);
        for (key, set) in &loaded.sets {
            let name = key.name.view();
            // A zone below this one that is served too has its names for itself.
            let is_other = others.iter().any(|other| {
                other.wire().len() > origin.wire().len() && name.is_within(other.view())
            });
            if is_other || !name.is_within(origin) {
                continue;
            }
            let derived;
            let set = match self.store.serial_at(loaded.revision) {
                Some(serial) if key.rtype == RecordType::SOA => {
                    derived = with_serial(set, serial);
                    &derived
                }
                _ => set,
            };
            for record in records_of(name, key.rtype, set) {
                let added = builder.add(record);
                added.map_err(|error| StoreError::Broken(error.to_string()))?;
            }
        }
        let built = builder.build();
        built.map_err(|error| StoreError::Broken(error.to_string()))
    }

    /// Shows the whole state anew.
    pub(super) fn reset(&mut self, loaded: &Loaded) {
        self.revision = self.revision.max(loaded.revision);
        *self.shown.leases.write() = Leases::default();
        let zones = std::mem::take(&mut self.zones);
        let configs = zones.into_iter().map(|served| served.config).collect();
        if let Err(error) = self.install(configs, loaded) {
            error!(target: "plugin/dynapi", "The records cannot be shown: {error}");
        }
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
fn is_serial_only(edit: &Edit) -> bool {
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
