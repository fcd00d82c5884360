//! Lends zones to `transfer`, each as it is when asked for.

use std::sync::Arc;

use catena_dns::{Name, NameRef, Record, RecordRef};
use catena_index::{Walk, Zone};
use catena_plugin::{Lent, LentZone, RecordSource, Transfers};
use tokio::sync::watch;

use crate::serve::File;

impl Transfers for File {
    fn zones(&self) -> Vec<Name> {
        let zones = self.zones.iter();
        zones.map(|zone| zone.origin().to_lower()).collect()
    }

    fn lend(&self, zone: NameRef<'_>) -> Lent {
        let mut zones = self.zones.iter();
        let Some(served) = zones.find(|served| served.origin() == zone) else {
            return Lent::Missing;
        };
        match Snapshot::of(served.zone().as_ref()) {
            Some(snapshot) => Lent::Zone(Box::new(snapshot)),
            None => Lent::Failed(None),
        }
    }

    fn changes(&self) -> Option<watch::Receiver<()>> {
        Some(self.changes.subscribe())
    }
}

/// A zone at one moment: it never changes, a reload puts another in its place.
struct Snapshot {
    zone: Arc<Zone>,
    soa: Record,
}

impl Snapshot {
    fn of(zone: Option<&Arc<Zone>>) -> Option<Snapshot> {
        let zone = Arc::clone(zone?);
        let soa = Record::from(zone.soa()?.owned_by(zone.origin()));
        Some(Snapshot { zone, soa })
    }
}

impl LentZone for Snapshot {
    fn soa(&self) -> Record {
        self.soa.clone()
    }

    fn into_records(self: Box<Self>) -> Box<dyn RecordSource> {
        let walk = self.zone.walk();
        let zone = self.zone;
        Box::new(Walking {
            zone,
            walk,
            name: 0,
            record: 0,
        })
    }
}

/// A walk through the records of a zone, which needs a few octets a name and none a record.
struct Walking {
    zone: Arc<Zone>,
    walk: Walk,
    /// The place of the name that is next.
    name: usize,
    /// How many of its records were taken.
    record: usize,
}

impl RecordSource for Walking {
    fn feed(&mut self, take: &mut dyn FnMut(RecordRef<'_>) -> bool) -> bool {
        while let Some(node) = self.zone.walked(&self.walk, self.name) {
            for record in node.records().skip(self.record) {
                if !take(record.owned_by(node.name())) {
                    return false;
                }
                self.record += 1;
            }
            self.name += 1;
            self.record = 0;
        }
        true
    }
}
