//! Finding names: their zones, nodes, wildcards, cuts and empty non-terminals.

#![expect(clippy::unwrap_used, reason = "tests")]

use catena_dns::{Class, Name, NameRef, RecordRef, RecordType};

use super::*;

fn zone(records: &[(&str, RecordType)]) -> Zone {
    let origin: Name = "example.org.".parse().unwrap();
    let mut builder = ZoneBuilder::new(origin.view());
    for (number, (name, rtype)) in (0u32..).zip(records) {
        let name = Name::parse(name, origin.view()).unwrap();
        let rdata = match *rtype {
            RecordType::A => vec![192, 0, 2, u8::try_from(number % 256).unwrap()],
            _ => vec![1, b'x', 0],
        };
        builder
            .add(RecordRef {
                name: name.view(),
                rtype: *rtype,
                class: Class::IN,
                ttl: number,
                rdata: &rdata,
            })
            .unwrap();
    }
    builder.build().unwrap()
}

/// What there is for `name`, in one word and a name.
fn find(zone: &Zone, name: &str, rtype: RecordType) -> String {
    let name: Name = name.parse().unwrap();
    match zone.find(name.view(), rtype) {
        None => "outside".to_owned(),
        Some(Found::Name(node)) if node.is_empty() => format!("empty {}", node.name()),
        Some(Found::Name(node)) => format!("name {}", node.name()),
        Some(Found::Wildcard(node)) => format!("wildcard {}", node.name()),
        Some(Found::Cut(node)) => format!("cut {}", node.name()),
        Some(Found::Dname(node)) => format!("dname {}", node.name()),
        Some(Found::Missing(node)) => format!("missing below {}", node.name()),
    }
}

const A: RecordType = RecordType::A;
const DS: RecordType = RecordType::DS;

#[test]
fn names_between_others_exist() {
    let zone = zone(&[("a.b.c", A), ("*.w.x", A)]);
    assert_eq!(
        find(&zone, "a.b.c.example.org.", A),
        "name a.b.c.example.org."
    );
    assert_eq!(find(&zone, "b.c.example.org.", A), "empty b.c.example.org.");
    assert_eq!(find(&zone, "c.example.org.", A), "empty c.example.org.");
    assert_eq!(find(&zone, "x.example.org.", A), "empty x.example.org.");
    assert_eq!(
        find(&zone, "d.example.org.", A),
        "missing below example.org."
    );
    assert_eq!(find(&zone, "example.org.", A), "empty example.org.");
    assert_eq!(find(&zone, "example.net.", A), "outside");
    assert_eq!(find(&zone, "xexample.org.", A), "outside");
    assert_eq!(find(&zone, "org.", A), "outside");
}

#[test]
fn only_the_wildcard_of_the_nearest_name_counts() {
    let zone = zone(&[("*", A), ("b.ent", A), ("*.deep", A), ("*.e.up", A)]);
    assert_eq!(find(&zone, "x.example.org.", A), "wildcard *.example.org.");
    assert_eq!(
        find(&zone, "x.y.example.org.", A),
        "wildcard *.example.org."
    );
    assert_eq!(
        find(&zone, "x.ent.example.org.", A),
        "missing below ent.example.org."
    );
    assert_eq!(
        find(&zone, "x.y.deep.example.org.", A),
        "wildcard *.deep.example.org."
    );
    assert_eq!(find(&zone, "*.example.org.", A), "name *.example.org.");
    assert_eq!(
        find(&zone, "x.*.example.org.", A),
        "missing below *.example.org."
    );
    assert_eq!(
        find(&zone, "x.up.example.org.", A),
        "missing below up.example.org."
    );
}

#[test]
fn cuts_hide_what_is_below_them_but_for_their_ds() {
    let ns = RecordType::NS;
    let zone = zone(&[
        ("@", ns),
        ("cut", ns),
        ("cut", DS),
        ("low.cut", ns),
        ("h.cut", A),
        ("*", A),
    ]);
    assert_eq!(find(&zone, "cut.example.org.", A), "cut cut.example.org.");
    assert_eq!(find(&zone, "cut.example.org.", DS), "name cut.example.org.");
    assert_eq!(find(&zone, "h.cut.example.org.", A), "cut cut.example.org.");
    assert_eq!(
        find(&zone, "x.low.cut.example.org.", DS),
        "cut cut.example.org."
    );
    assert_eq!(find(&zone, "example.org.", A), "name example.org.");
    assert_eq!(find(&zone, "x.example.org.", A), "wildcard *.example.org.");
}

#[test]
fn a_dname_takes_what_is_below_it() {
    let zone = zone(&[
        ("d", RecordType::DNAME),
        ("h.d", A),
        ("@", RecordType::DNAME),
    ]);
    assert_eq!(find(&zone, "h.d.example.org.", A), "dname example.org.");
    assert_eq!(find(&zone, "example.org.", A), "name example.org.");
    let zone = self::zone(&[("d", RecordType::DNAME), ("h.d", A)]);
    assert_eq!(find(&zone, "h.d.example.org.", A), "dname d.example.org.");
    assert_eq!(find(&zone, "d.example.org.", A), "name d.example.org.");
    let zone = self::zone(&[("d", RecordType::DNAME), ("d", RecordType::NS), ("h.d", A)]);
    assert_eq!(find(&zone, "h.d.example.org.", A), "dname d.example.org.");
    assert_eq!(find(&zone, "d.example.org.", A), "cut d.example.org.");
}

#[test]
fn records_keep_their_order_when_their_name_returns() {
    let records: Vec<_> = (0..999).map(|n| (["a", "b", "C"][n % 3], A)).collect();
    let zone = zone(&records);
    let name: Name = "c.example.org.".parse().unwrap();
    let ttls: Vec<u32> = zone
        .node(name.view())
        .unwrap()
        .records()
        .map(Record::ttl)
        .collect();
    let expected: Vec<u32> = (0..333).map(|n| n * 3 + 2).collect();
    assert_eq!(ttls, expected);
    assert_eq!((zone.record_count(), zone.in_order().len()), (999, 3));
}

#[test]
fn a_record_is_ready_for_the_wire() {
    let zone = zone(&[("a", A)]);
    let name: Name = "a.example.org.".parse().unwrap();
    let record = zone.node(name.view()).unwrap().first(A).unwrap();
    assert_eq!(record.wire(), [0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 0]);
    assert_eq!(
        (record.rtype(), record.ttl(), record.rdata()),
        (A, 0, &[192, 0, 2, 0][..])
    );
}

#[test]
fn each_of_many_names_is_found() {
    let names: Vec<String> = (0..50_000).map(|n| format!("h{n}")).collect();
    let records: Vec<_> = names.iter().map(|name| (name.as_str(), A)).collect();
    let zone = zone(&records);
    for name in &names {
        let name = format!("{name}.example.org.");
        assert_eq!(find(&zone, &name, A), format!("name {name}"));
        assert_eq!(
            find(&zone, &format!("x{name}"), A),
            "missing below example.org."
        );
    }
}

#[test]
fn the_denial_is_the_last_name_before() {
    let nsec = RecordType::NSEC;
    let zone = zone(&[
        ("@", nsec),
        ("d", nsec),
        ("b", A),
        ("b", nsec),
        ("*.d", nsec),
    ]);
    let denial = |name: &str| {
        let name: Name = name.parse().unwrap();
        zone.denial(name.view()).unwrap().name().to_string()
    };
    assert_eq!(denial("c.example.org."), "b.example.org.");
    assert_eq!(denial("a.example.org."), "example.org.");
    assert_eq!(denial("d.example.org."), "d.example.org.");
    assert_eq!(denial("a.d.example.org."), "*.d.example.org.");
    assert_eq!(zone.in_order().first().unwrap().name(), zone.origin());
    assert!(NameRef::ROOT.is_root() && zone.soa().is_none() && zone.serial().is_none());
}

/// The changes that `lines` name: `NAME A..` sets that many records, `NAME` removes the name.
fn edited(zone: &Zone, lines: &[(&str, usize, bool)]) -> Zone {
    let names: Vec<Name> = lines
        .iter()
        .map(|(name, ..)| Name::parse(name, zone.origin()).unwrap())
        .collect();
    let changes: Vec<NameChange<'_>> = names
        .iter()
        .zip(lines)
        .map(|(name, (_, count, exists))| NameChange {
            name: name.view(),
            records: (0..*count)
                .map(|_| RecordRef {
                    name: name.view(),
                    rtype: A,
                    class: Class::IN,
                    ttl: 7,
                    rdata: &[192, 0, 2, 9],
                })
                .collect(),
            exists: *exists,
        })
        .collect();
    zone.edited(&changes).unwrap()
}

#[test]
fn an_edited_zone_has_the_changes_and_the_old_one_has_not() {
    let old = zone(&[("a", A), ("*.w", A), ("cut", RecordType::NS)]);
    let new = edited(
        &old,
        &[
            ("a", 0, false),
            ("b", 2, false),
            ("x.y", 1, false),
            ("y", 0, true),
        ],
    );
    assert_eq!(find(&old, "a.example.org.", A), "name a.example.org.");
    assert_eq!(
        find(&new, "a.example.org.", A),
        "missing below example.org."
    );
    assert_eq!(find(&new, "b.example.org.", A), "name b.example.org.");
    assert_eq!(find(&new, "y.example.org.", A), "empty y.example.org.");
    assert_eq!(
        find(&new, "x.w.example.org.", A),
        "wildcard *.w.example.org."
    );
    assert_eq!(find(&new, "x.cut.example.org.", A), "cut cut.example.org.");
    assert_eq!(old.record_count() + 2, new.record_count());
    let without_cut = edited(&new, &[("cut", 0, false), ("@", 3, false)]);
    assert_eq!(
        find(&without_cut, "x.cut.example.org.", A),
        "missing below example.org."
    );
    assert_eq!(without_cut.apex().records().count(), 3);
    assert!(without_cut.has_names_below());
}

#[test]
fn a_zone_that_grows_name_by_name_is_the_one_built_at_once() {
    let mut grown = zone(&[]);
    assert!(!edited(&grown, &[]).has_names_below());
    let names: Vec<String> = (0..3000).map(|number| format!("n{number}")).collect();
    for chunk in names.chunks(7) {
        let lines: Vec<_> = chunk.iter().map(|name| (name.as_str(), 1, false)).collect();
        grown = edited(&grown, &lines);
    }
    let records: Vec<_> = names.iter().map(|name| (name.as_str(), A)).collect();
    let built = zone(&records);
    let told = |zone: &Zone| -> Vec<String> {
        let nodes = zone.in_order();
        nodes.iter().map(|node| node.name().to_string()).collect()
    };
    assert_eq!(told(&grown), told(&built));
    assert_eq!(grown.record_count(), 3000);
    for name in &names {
        assert_ne!(find(&grown, &format!("{name}.example.org."), A), "outside");
    }
}

/// The zone of `names`, each with an address, built in parts.
fn parted(names: &[String]) -> Zone {
    let origin: Name = "example.org.".parse().unwrap();
    let mut builder = PartedBuilder::new(origin.view(), names.len());
    for name in names {
        let name = Name::parse(name, origin.view()).unwrap();
        builder
            .add(RecordRef {
                name: name.view(),
                rtype: A,
                class: Class::IN,
                ttl: 7,
                rdata: &[192, 0, 2, 9],
            })
            .unwrap();
    }
    builder.build().unwrap()
}

#[test]
fn a_zone_that_is_built_in_parts_has_the_same_names() {
    let names = ["@", "a", "x.y.z", "b.y.z", "@", "*.w", "w.a"].map(str::to_owned);
    let zone = parted(&names);
    assert_eq!(zone.record_count(), 7);
    assert_eq!(zone.apex().records().count(), 2);
    assert_eq!(find(&zone, "a.example.org.", A), "name a.example.org.");
    assert_eq!(find(&zone, "y.z.example.org.", A), "empty y.z.example.org.");
    assert_eq!(find(&zone, "z.example.org.", A), "empty z.example.org.");
    assert_eq!(
        find(&zone, "x.w.example.org.", A),
        "wildcard *.w.example.org."
    );
    assert_eq!(
        find(&zone, "c.y.z.example.org.", A),
        "missing below y.z.example.org."
    );
}

#[test]
fn pages_have_every_name_once_while_the_zone_grows() {
    let names: Vec<String> = (0..2000).map(|number| format!("n{number}")).collect();
    let mut zone = parted(&names);
    let (order, mut grown) = (zone.order(), 0);
    let (mut after, mut seen) = (None::<Name>, Vec::new());
    loop {
        let page = zone.page(after.as_ref().map(Name::view), 100);
        seen.extend(page.iter().map(|node| node.name().to_string()));
        let last = page.last().map(|node| node.name().to_name());
        let Some(last) = last else { break };
        after = Some(last);
        // So many that the parts are made anew on the way.
        let new: Vec<String> = (0..2000)
            .map(|number| format!("x{grown}-{number}"))
            .collect();
        if grown < 10 {
            let lines: Vec<_> = new.iter().map(|name| (name.as_str(), 1, false)).collect();
            zone = edited(&zone, &lines);
            grown += 1;
        }
    }
    assert_eq!(zone.order(), order);
    assert_ne!(parted(&names).order(), order);
    seen.retain(|name| name.starts_with('n'));
    assert_eq!(seen.len(), 2000);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 2000);
    let all = zone.page(None, usize::MAX);
    assert_eq!(all.len(), 22_001, "the apex too");
}
