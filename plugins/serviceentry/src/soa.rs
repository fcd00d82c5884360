//! The SOA records of zones, whose serial is the time of the last change.

use catena_dns::{Name, NameRef, RecordRef, RecordType, Reply, Section};

/// SOA records live no longer than this.
const TTL_MAX: u32 = 300;

/// The SOA record of one zone.
pub(crate) struct Soa {
    zone: Name,
    ttl: u32,
    /// The two names.
    names: Vec<u8>,
}

impl Soa {
    pub fn new(zone: Name, ttl: u32) -> Soa {
        let mut names = Vec::with_capacity(2 * zone.wire().len() + 20);
        for labels in [&[b"ns".as_slice(), b"dns"][..], &[b"hostmaster"]] {
            let name = Name::from_labels(labels.iter().copied(), zone.view());
            // What is too long for a label more is left to be the zone's own name.
            names.extend_from_slice(name.as_ref().map_or(zone.wire(), Name::wire));
        }
        Soa { zone, ttl, names }
    }

    pub fn zone(&self) -> NameRef<'_> {
        self.zone.view()
    }

    pub fn push(&self, reply: &mut Reply, section: Section, serial: u32) {
        let mut rdata = smallvec::SmallVec::<[u8; 128]>::from_slice(&self.names);
        for number in [serial, 7200, 1800, 86400, self.ttl] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        let kind = (RecordType::SOA, self.ttl.min(TTL_MAX));
        reply.push(section, RecordRef::new(self.zone.view(), kind, &rdata));
    }
}
