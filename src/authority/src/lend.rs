//! The records of a zone as `transfer` wants them.

use std::sync::Arc;

use catena_dns::{Record, RecordRef};
use catena_index::{Walk, Zone};
use catena_plugin::{LentZone, RecordSource};

/// A zone without a journal, at one moment: it never changes, another takes its place.
pub struct Snapshot {
    zone: Arc<Zone>,
    soa: Record,
}

impl Snapshot {
    /// `zone` as it is; `None` if it has no SOA record.
    pub fn of(zone: Arc<Zone>) -> Option<Snapshot> {
        let soa = Record::from(zone.soa()?.owned_by(zone.origin()));
        Some(Snapshot { zone, soa })
    }
}

impl LentZone for Snapshot {
    fn soa(&self) -> Record {
        self.soa.clone()
    }

    fn into_records(self: Box<Self>) -> Box<dyn RecordSource> {
        Box::new(ZoneRecords::new(self.zone))
    }
}

/// All records of a zone but the SOA, in the order they were added.
///
/// It needs a few octets for each name, and a while to collect them.
pub struct ZoneRecords {
    zone: Arc<Zone>,
    walk: Walk,
    /// The place of the name that is next.
    name: usize,
    /// How many of its records were taken.
    record: usize,
}

impl ZoneRecords {
    /// The records of `zone`.
    pub fn new(zone: Arc<Zone>) -> ZoneRecords {
        ZoneRecords {
            walk: zone.walk(),
            zone,
            name: 0,
            record: 0,
        }
    }
}

impl RecordSource for ZoneRecords {
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
