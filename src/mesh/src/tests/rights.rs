//! Who has an automatic address that several claim.

use std::net::IpAddr;

use super::{AUTOMATIC, Mesh, of, row};
use crate::{Addresses, HostName, Owner, Reach, Row, Viewer};

fn automatic(owner: &str, created: u64, addresses: &[&str]) -> Row {
    let list: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Row {
        addresses: Addresses::of(list, Reach::Automatic),
        ..row(owner, created, &[])
    }
}

#[test]
fn an_automatic_address_of_two_hosts_is_that_of_the_older_entry() {
    let claims = [
        ("young.test", automatic("entry/app/young", 9, AUTOMATIC)),
        ("old.test", automatic("entry/app/old", 5, &AUTOMATIC[..1])),
        (
            "*.young.test",
            automatic("entry/app/wild", 9, &AUTOMATIC[..1]),
        ),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut mesh = Mesh::new();
        for place in order {
            let (host, row) = claims[place].clone();
            mesh.add(host, row);
        }
        let find = |mesh: &Mesh, name| mesh.find(name, &Viewer::ANYBODY);
        assert_eq!(find(&mesh, "old.test."), "= 240.240.0.1");
        assert_eq!(find(&mesh, "young.test."), "= 2001:2::1");
        assert_eq!(find(&mesh, "x.young.test."), "bare");
        assert_eq!(mesh.writer.disputes(), 1);
        let disputes = mesh.writer.new_disputes();
        let [dispute] = disputes.as_slice() else {
            unreachable!("{disputes:?}");
        };
        assert_eq!(dispute.owner, Owner::new("entry/app/old"));
        assert_eq!(dispute.yielding.len(), 2);
        let address = AUTOMATIC[0].parse().unwrap();
        let hosts = mesh.table.hosts_at(address, &Viewer::ANYBODY);
        assert_eq!(hosts.len(), 1);
        // The elder goes, and the others have what they claim, the next one first.
        mesh.remove("entry/app/old");
        assert_eq!(find(&mesh, "x.young.test."), "= 240.240.0.1");
        assert_eq!(find(&mesh, "young.test."), "= 2001:2::1");
        mesh.remove("entry/app/wild");
        assert_eq!(find(&mesh, "young.test."), "= 240.240.0.1 2001:2::1");
        assert_eq!(mesh.writer.disputes(), 0);
        assert!(mesh.writer.new_disputes().is_empty());
        mesh.remove("entry/app/young");
        assert!(mesh.table.is_empty());
    }
}

#[test]
fn an_address_written_by_hand_goes_before_automatic_ones() {
    let mut mesh = Mesh::new();
    mesh.add("auto.test", automatic("entry/app/auto", 1, AUTOMATIC));
    mesh.add("hand.test", row("entry/app/hand", 9, &AUTOMATIC[..1]));
    let anybody = Viewer::ANYBODY;
    assert_eq!(mesh.find("auto.test.", &anybody), "= 2001:2::1");
    assert_eq!(mesh.find("hand.test.", &anybody), "= 240.240.0.1");
    // The allocator moves it.
    mesh.add(
        "auto.test",
        automatic("entry/app/auto", 1, &["240.240.0.2"]),
    );
    assert_eq!(mesh.find("auto.test.", &anybody), "= 240.240.0.2");
    assert_eq!(mesh.writer.disputes(), 0);
}

#[test]
fn entries_of_one_host_share_an_automatic_address_in_their_namespace_only() {
    let mut mesh = Mesh::new();
    for (owner, created) in [("entry/app/1", 1), ("entry/app/2", 2), ("entry/other/3", 3)] {
        mesh.add("same.test", automatic(owner, created, AUTOMATIC));
    }
    let both = "= 240.240.0.1 2001:2::1";
    assert_eq!(mesh.find("same.test.", &of("app")), both);
    assert_eq!(mesh.find("same.test.", &of("third")), both);
    assert_eq!(mesh.find("same.test.", &of("other")), "bare");
    let disputes = mesh.writer.new_disputes();
    assert_eq!(disputes.len(), 2);
    assert_eq!(disputes[0].yielding, [Owner::new("entry/other/3")]);
}

#[test]
fn who_has_a_disputed_address_does_not_depend_on_what_came_at_once() {
    let mut mesh = Mesh::new();
    let claims = [
        ("a.test", automatic("entry/app/a", 2, AUTOMATIC)),
        ("b.test", automatic("entry/app/b", 2, AUTOMATIC)),
    ];
    for (host, row) in claims.iter().rev() {
        let host = HostName::parse(host).unwrap();
        mesh.writer.say(&row.owner, vec![(host, row.clone())]);
    }
    mesh.writer.publish();
    assert_eq!(mesh.find("b.test.", &Viewer::ANYBODY), "bare");
    // Made anew it is the younger one, though its addresses are the same.
    mesh.add("a.test", automatic("entry/app/a", 3, AUTOMATIC));
    assert_eq!(mesh.find("a.test.", &Viewer::ANYBODY), "bare");
    let all = "= 240.240.0.1 2001:2::1";
    assert_eq!(mesh.find("b.test.", &Viewer::ANYBODY), all);
}
