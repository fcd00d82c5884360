//! Showing what a store holds: whole zones, their leases, and how they came about.

use std::sync::Arc;

use catena_dns::{Class, Name, NameRef, RecordRef, RecordType};
use catena_index::{AddError, PartedBuilder, Zone};
use tracing::error;

use super::apply::is_serial_only;
use super::{Served, Writer};
use crate::journal::{Entry, Journal};
use crate::leases::Leases;
use crate::ledger::NewZone;
use crate::live::Mark;
use crate::soa::{first_serial, serial_of, with_serial};
use crate::store::{Batch, Loaded, StoreError, StoredSet};
use crate::tree::Tree;
use crate::{Edit, RecordSet, SetKey};

/// Which names are those of a zone: all in it but for those of a zone below it.
struct Bounds<'z> {
    origin: NameRef<'z>,
    /// All zones that are served.
    zones: &'z [Name],
}

impl Bounds<'_> {
    fn have(&self, name: NameRef<'_>) -> bool {
        let is_below = |zone: &&Name| zone.wire().len() > self.origin.wire().len();
        let mut below = self.zones.iter().filter(is_below);
        name.is_within(self.origin) && !below.any(|zone| name.is_within(zone.view()))
    }
}

impl Writer {
    /// What the zones that are wanted cannot do without and the store does not have.
    pub(super) fn missing(&self, loaded: &Loaded) -> Batch {
        let mut missing: Vec<(SetKey, RecordSet)> = Vec::new();
        for zone in &self.wanted {
            let key = |rtype| SetKey::new(zone.origin.view(), rtype);
            missing.push((key(RecordType::SOA), zone.soa.set(first_serial())));
            missing.push((key(RecordType::NS), zone.ns.clone()));
        }
        for known in loaded.sets.iter() {
            let is_it = |key: &SetKey| key.rtype == known.rtype && key.name.view() == known.name;
            missing.retain(|(key, _)| !is_it(key));
            if missing.is_empty() {
                break;
            }
        }
        let edits = missing.into_iter().map(|(key, set)| {
            let (before, after) = (None, Some(set));
            Edit { key, before, after }
        });
        Batch {
            edits: edits.collect(),
            ..Batch::default()
        }
    }

    /// Shows zones that were loaded; how many records they have.
    pub(super) fn install(
        &mut self,
        configs: Vec<NewZone>,
        loaded: &Loaded,
    ) -> Result<usize, StoreError> {
        self.install_leases(loaded);
        let served = self.zones.iter().map(|served| &served.config);
        let zones = served.chain(&configs).map(|config| config.origin.clone());
        let zones = Vec::from_iter(zones);
        let mut count = 0;
        for config in configs {
            let origin = config.origin.view();
            let bounds = Bounds {
                origin,
                zones: &zones,
            };
            let zone = self.built(&bounds, loaded);
            let zone = zone.map_err(|error| StoreError::Broken(error.to_string()))?;
            count += zone.record_count();
            let shown = self.shown.zones.read();
            let live = shown.iter().find(|live| live.origin() == origin);
            let Some(live) = live.map(Arc::clone) else {
                continue;
            };
            drop(shown);
            let mark = Mark {
                revision: loaded.revision,
                serial: zone.serial().unwrap_or(0),
            };
            let tree = Tree::of(&zone);
            live.reset(zone, mark, journal(&bounds, loaded, mark.serial));
            self.zones.push(Served { live, config, tree });
        }
        Ok(count)
    }

    fn install_leases(&self, loaded: &Loaded) {
        if loaded.leases.is_empty() {
            return;
        }
        let mut leases = self.shown.leases.write();
        for (id, ttl) in &loaded.leases {
            leases.begin(*id, *ttl);
        }
        for set in loaded.sets.iter().filter(|set| set.lease.is_some()) {
            let (key, after) = (set.key(), Some(set.to_set()));
            let before = None;
            leases.note(&Edit { key, before, after });
        }
    }

    fn built(&self, bounds: &Bounds<'_>, loaded: &Loaded) -> Result<Zone, AddError> {
        let serial = self.store.serial_at(loaded.revision);
        let mut builder = PartedBuilder::new(bounds.origin, loaded.sets.len());
        for set in loaded.sets.iter().filter(|set| bounds.have(set.name)) {
            let derived = match (serial, set.rtype) {
                (Some(serial), RecordType::SOA) => Some(with_serial(&set.to_set(), serial)),
                _ => None,
            };
            if let Some(derived) = derived {
                let mut records = derived.data.iter();
                records.try_for_each(|rdata| builder.add(record_of(set, rdata)))?;
            } else {
                let mut records = set.records();
                records.try_for_each(|rdata| builder.add(record_of(set, rdata)))?;
            }
        }
        builder.build()
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
}

fn record_of<'s>(set: StoredSet<'s>, rdata: &'s [u8]) -> RecordRef<'s> {
    RecordRef {
        name: set.name,
        rtype: set.rtype,
        class: Class::IN,
        ttl: set.ttl,
        rdata,
    }
}

/// The changes of a zone as the store remembers them; the last one has led to `serial`.
fn journal(bounds: &Bounds<'_>, loaded: &Loaded, serial: u32) -> Journal {
    let before_all = |(first, _): &(u64, _)| first - 1;
    let since = loaded.history.first().map_or(loaded.revision, before_all);
    let mut journal = Journal::new(since);
    for (revision, edits) in &loaded.history {
        let own = edits
            .iter()
            .filter(|edit| bounds.have(edit.key.name.view()));
        let mut edits: Vec<Edit> = own.cloned().collect();
        if edits.is_empty() {
            continue;
        }
        let mut soa = edits
            .iter()
            .filter(|edit| edit.key.rtype == RecordType::SOA);
        let soa = soa
            .next()
            .map(|edit| (serial_in(&edit.before), serial_in(&edit.after)));
        let Some((Some(from), Some(to))) = soa else {
            // The zone begins here, or its names were another's.
            journal = Journal::new(*revision);
            continue;
        };
        edits.retain(|edit| !is_serial_only(edit));
        let revision = *revision;
        journal.push(Entry {
            revision,
            from,
            to,
            edits,
        });
    }
    match journal.serial() {
        Some(last) if last != serial => Journal::new(loaded.revision),
        _ => journal,
    }
}

fn serial_in(set: &Option<RecordSet>) -> Option<u32> {
    serial_of(set.as_ref()?.data.first()?)
}
