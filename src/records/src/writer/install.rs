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

type Commit = (u64, Vec<Edit>);

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

    /// The commits that changed the zone.
    fn history<'l>(&'l self, loaded: &'l Loaded) -> impl DoubleEndedIterator<Item = Commit> + 'l {
        let commits = loaded.history.iter().map(|(revision, edits)| {
            let own = edits.iter().filter(|edit| self.have(edit.key.name.view()));
            (*revision, own.cloned().collect::<Vec<_>>())
        });
        commits.filter(|(_, edits)| !edits.is_empty())
    }

    /// The revision that changed the zone last, as far as is known.
    fn changed(&self, loaded: &Loaded) -> u64 {
        let last = self.history(loaded).next_back();
        last.map_or(loaded.since, |(revision, _)| revision)
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
            // Where the serial is the revision that changed the zone last, that is how far it is.
            let changed = bounds.changed(loaded);
            let derived = self.store.serial_at(changed);
            let zone = built(&bounds, loaded, derived);
            let zone = zone.map_err(|error| StoreError::Broken(error.to_string()))?;
            count += zone.record_count();
            let shown = self.shown.zones.read();
            let live = shown.iter().find(|live| live.origin() == origin);
            let Some(live) = live.map(Arc::clone) else {
                continue;
            };
            drop(shown);
            let mark = Mark {
                revision: derived.map_or(loaded.revision, |_| changed),
                serial: zone.serial().unwrap_or(0),
            };
            let tree = Tree::of(&zone);
            live.reset(zone, mark, self.journal(&bounds, loaded, mark.serial));
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

    /// The changes of a zone as the store remembers them; the last one has led to `serial`.
    fn journal(&self, bounds: &Bounds<'_>, loaded: &Loaded, serial: u32) -> Journal {
        let mut journal = Journal::new(loaded.since);
        let mut derived = self.store.serial_at(loaded.since);
        for (revision, mut edits) in bounds.history(loaded) {
            let soa = |edit: &&Edit| edit.key.rtype == RecordType::SOA;
            let soa = edits.iter().find(soa);
            let is_begun = soa.is_some_and(|edit| edit.before.is_none());
            let serials = match self.store.serial_at(revision) {
                Some(to) => derived.replace(to).map(|from| (from, to)),
                None => {
                    let serials = |edit: &Edit| serial_in(&edit.before).zip(serial_in(&edit.after));
                    soa.and_then(serials)
                }
            };
            let Some((from, to)) = serials.filter(|_| !is_begun) else {
                // The zone begins here, or its names were another's.
                journal = Journal::new(revision);
                continue;
            };
            edits.retain(|edit| !is_serial_only(edit));
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

/// The zone that was loaded, its serial in the SOA record unless that holds its own.
fn built(bounds: &Bounds<'_>, loaded: &Loaded, serial: Option<u32>) -> Result<Zone, AddError> {
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

fn record_of<'s>(set: StoredSet<'s>, rdata: &'s [u8]) -> RecordRef<'s> {
    RecordRef {
        name: set.name,
        rtype: set.rtype,
        class: Class::IN,
        ttl: set.ttl,
        rdata,
    }
}

fn serial_in(set: &Option<RecordSet>) -> Option<u32> {
    serial_of(set.as_ref()?.data.first()?)
}
