//! Any dynamic update is refused or done, and a zone keeps what it cannot do without.
#![no_main]

use std::sync::{Arc, LazyLock};

use catena_dns::{Class, Name, NameRef, QueryMessage, RecordRef, RecordType};
use catena_index::{Zone, ZoneBuilder};
use catena_records::Update;
use libfuzzer_sys::fuzz_target;

static ZONE: LazyLock<Arc<Zone>> = LazyLock::new(|| {
    let origin: Name = "example.org.".parse().unwrap();
    let mut builder = ZoneBuilder::new(origin.view());
    let soa = [&[0u8, 0][..], &[0; 20]].concat();
    let records: [(&str, RecordType, &[u8]); 5] = [
        ("example.org.", RecordType::SOA, &soa),
        ("example.org.", RecordType::NS, &[2, b'n', b's', 0]),
        ("a.example.org.", RecordType::A, &[192, 0, 2, 1]),
        ("b.example.org.", RecordType::CNAME, &[1, b'a', 0]),
        ("a.b.c.example.org.", RecordType::TXT, &[1, b'x']),
    ];
    for (name, rtype, rdata) in records {
        let name: Name = name.parse().unwrap();
        let (class, ttl) = (Class::IN, 60);
        let name: NameRef<'_> = name.view();
        let record = RecordRef { name, rtype, class, ttl, rdata };
        builder.add(record).unwrap();
    }
    Arc::new(builder.build().unwrap())
});

fuzz_target!(|packet: &[u8]| {
    let mut scratch = Vec::new();
    let Ok(message) = QueryMessage::admit_with_updates(packet, &mut scratch) else {
        return;
    };
    let Ok(update) = Update::read(&message) else {
        return;
    };
    let Ok(edits) = update.edits(&ZONE) else {
        return;
    };
    for edit in edits {
        assert!(edit.key.name.view().is_within(ZONE.origin()));
        assert_ne!(edit.before, edit.after);
        let is_apex = edit.key.name.view() == ZONE.origin();
        if is_apex && matches!(edit.key.rtype, RecordType::SOA | RecordType::NS) {
            assert!(edit.after.is_some());
        }
        if let Some(set) = edit.after {
            assert!(!set.data.is_empty());
        }
    }
});
