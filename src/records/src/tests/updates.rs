//! Updates against a zone: whatever they say, the zone stays a zone.

use catena_dns::{Class, Message, Opcode, QueryMessage, Record};
use catena_index::{Zone, ZoneBuilder};
use proptest::prelude::*;

use super::*;

fn zone() -> Arc<Zone> {
    let zone = new_zone();
    let mut builder = ZoneBuilder::new(zone.origin.view());
    let sets = [
        ("@", RecordType::SOA, zone.soa.set(7)),
        ("@", RecordType::NS, zone.ns.clone()),
        ("a", A, address(1)),
        (
            "b",
            RecordType::CNAME,
            RecordSet::new(RecordType::CNAME, 60, vec![[0].into()]).unwrap(),
        ),
    ];
    for (owner, rtype, set) in &sets {
        let name = name(owner);
        for rdata in &set.data {
            let record = catena_dns::RecordRef {
                name: name.view(),
                rtype: *rtype,
                class: Class::IN,
                ttl: set.ttl,
                rdata,
            };
            builder.add(record).unwrap();
        }
    }
    Arc::new(builder.build().unwrap())
}

fn records() -> impl Strategy<Value = Record> {
    let owners = prop::sample::select(vec!["@", "a", "b", "c", "x.c"]);
    let types = prop::sample::select(vec![1u16, 2, 5, 6, 16, 255]);
    let classes = prop::sample::select(vec![1u16, 254, 255]);
    (owners, types, classes, any::<u8>()).prop_map(|(owner, rtype, class, last)| {
        let rtype = RecordType(rtype);
        let rdata: Vec<u8> = match (class, rtype) {
            (255, _) | (_, RecordType::ANY) => Vec::new(),
            (_, A) => vec![192, 0, 2, last % 3],
            (_, RecordType::TXT) => vec![1, last % 3],
            (_, RecordType::SOA) => new_zone().soa.set(u32::from(last)).data[0].to_vec(),
            _ => vec![1, b'a' + last % 3, 0],
        };
        Record {
            name: name(owner),
            rtype,
            class: Class(class),
            ttl: if class == 1 { 60 } else { 0 },
            rdata: rdata.into(),
        }
    })
}

proptest! {
    #[test]
    fn the_zone_keeps_its_soa_and_ns_and_aliases_stand_alone(
        changes in prop::collection::vec(records(), 0..12),
    ) {
        let mut message = Message::query(origin().view(), RecordType::SOA);
        message.flags = u16::from(Opcode::UPDATE.0) << 11;
        message.authorities = changes;
        let (packet, mut scratch) = (message.to_packet(), Vec::new());
        let message = QueryMessage::admit_with_updates(&packet, &mut scratch);
        let update = message.ok().and_then(|message| Update::read(&message).ok());
        let zone = zone();
        let edits = update.and_then(|update| update.edits(&zone).ok()).unwrap_or_default();
        let mut after = std::collections::BTreeMap::new();
        for node in zone.nodes() {
            let leases = Leases::default();
            for (rtype, set) in crate::draft::sets_of(&zone, node.name(), &leases) {
                after.insert((node.name().to_string(), rtype.0), set);
            }
        }
        for edit in edits {
            let key = (edit.key.name.to_string(), edit.key.rtype.0);
            assert_eq!(after.get(&key), edit.before.as_ref());
            match edit.after {
                Some(set) => drop(after.insert(key, set)),
                None => drop(after.remove(&key)),
            }
        }
        for rtype in [RecordType::SOA, RecordType::NS] {
            assert!(after.contains_key(&("example.org.".to_owned(), rtype.0)));
        }
        for (owner, rtype) in after.keys() {
            let beside = after.keys().filter(|(other, _)| other == owner).count();
            assert!(*rtype != RecordType::CNAME.0 || beside == 1, "{owner}");
        }
    }
}
