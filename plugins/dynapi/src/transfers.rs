//! The zones as `transfer` sees them: all records, the journal, and word of changes.

use std::sync::Arc;

use catena_authority::ZoneRecords;
use catena_dns::{Class, Name, NameRef, Record, RecordType};
use catena_index::Zone;
use catena_plugin::{Lent, LentZone, Listed, RecordSource, StartContext, Transfers};
use catena_records::{Edit, Entry, LiveZone, RecordSet, with_serial};
use tokio::sync::watch;

use crate::serve::DynApi;

/// Tells of changes in any of `zones`.
pub(crate) fn follow(zones: &[Arc<LiveZone>], context: &StartContext<'_>) -> watch::Receiver<()> {
    let sender = Arc::new(watch::Sender::new(()));
    let receiver = sender.subscribe();
    for zone in zones {
        let (sender, mut marks) = (Arc::clone(&sender), zone.marks());
        context.spawn(async move {
            while marks.changed().await.is_ok() {
                sender.send_replace(());
            }
        });
    }
    receiver
}

impl Transfers for DynApi {
    fn zones(&self) -> Vec<Name> {
        self.zones.iter().map(|zone| zone.origin.clone()).collect()
    }

    fn lend(&self, zone: NameRef<'_>) -> Lent {
        if !self.zones.iter().any(|own| own.origin.view() == zone) {
            return Lent::Missing;
        }
        let served = self.served.get().map(|served| served.zones.iter());
        let live = served.and_then(|mut zones| zones.find(|own| own.origin() == zone));
        let lent = live.and_then(|live| {
            let zone = live.zone().clone()?;
            let live = Arc::clone(live);
            Some(Box::new(Snapshot { live, zone }))
        });
        match lent {
            Some(lent) => Lent::Zone(lent),
            None => Lent::failed("the records are not loaded yet"),
        }
    }

    fn changes(&self) -> Option<watch::Receiver<()>> {
        self.served.get().map(|served| served.changes.clone())
    }
}

/// A zone as it is at one moment.
struct Snapshot {
    live: Arc<LiveZone>,
    zone: Arc<Zone>,
}

impl LentZone for Snapshot {
    fn soa(&self) -> Record {
        let apex = self.zone.apex().name();
        let soa = self.zone.soa().map(|soa| Record::from(soa.owned_by(apex)));
        // A zone that was loaded has one.
        soa.unwrap_or_else(|| Record {
            name: apex.to_name(),
            rtype: RecordType::SOA,
            class: Class::IN,
            ttl: 0,
            rdata: Box::default(),
        })
    }

    fn into_records(self: Box<Self>) -> Box<dyn RecordSource> {
        Box::new(ZoneRecords::new(self.zone))
    }

    fn changes_since(&self, serial: u32) -> Option<Box<dyn RecordSource>> {
        let mut entries = self.live.changes_from(serial)?;
        // The zone may have gone on since the snapshot.
        let now = self.zone.serial()?;
        let last = entries.iter().position(|entry| entry.to == now)?;
        entries.truncate(last + 1);
        Some(Box::new(Listed::new(steps(&self.soa(), &entries))))
    }

    fn has_journal(&self) -> bool {
        true
    }
}

/// The records of an incremental transfer, RFC 1995 section 4; `soa` is the last SOA record.
fn steps(soa: &Record, entries: &[Arc<Entry>]) -> Vec<Record> {
    let apex = soa.name.view();
    let mut after = RecordSet {
        ttl: soa.ttl,
        data: vec![soa.rdata.clone()],
        lease: None,
    };
    let mut steps = Vec::new();
    for entry in entries.iter().rev() {
        let mut own = entry
            .edits
            .iter()
            .filter(|edit| edit.key.rtype == RecordType::SOA);
        let before = own.next().and_then(|edit| edit.before.clone());
        let before = before.unwrap_or_else(|| with_serial(&after, entry.from));
        let edits = || {
            entry
                .edits
                .iter()
                .filter(|edit| edit.key.rtype != RecordType::SOA)
        };
        let mut step = records(apex, RecordType::SOA, &before, None);
        step.extend(edits().flat_map(|edit| one_side(edit, (&edit.before, &edit.after))));
        step.extend(records(apex, RecordType::SOA, &after, None));
        step.extend(edits().flat_map(|edit| one_side(edit, (&edit.after, &edit.before))));
        steps.push(step);
        after = before;
    }
    steps.reverse();
    steps.into_iter().flatten().collect()
}

/// The records that one side of an edit has and the other has not.
fn one_side(edit: &Edit, (side, other): (&Option<RecordSet>, &Option<RecordSet>)) -> Vec<Record> {
    let Some(side) = side else {
        return Vec::new();
    };
    let other = other.as_ref().filter(|other| other.ttl == side.ttl);
    records(edit.key.name.view(), edit.key.rtype, side, other)
}

/// The records of `set` that `other` has not.
fn records(
    name: NameRef<'_>,
    rtype: RecordType,
    set: &RecordSet,
    other: Option<&RecordSet>,
) -> Vec<Record> {
    let data = set.data.iter();
    let data = data.filter(|rdata| !other.is_some_and(|other| other.has(rdata)));
    data.map(|rdata| Record {
        name: name.to_name(),
        rtype,
        class: Class::IN,
        ttl: set.ttl,
        rdata: rdata.clone(),
    })
    .collect()
}
