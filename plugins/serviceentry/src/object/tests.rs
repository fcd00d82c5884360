//! What is taken out of objects.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use catena_kube::{Encoding, Object};
use catena_mesh::{Egress, Exports, HostName, Without};

use super::{EntryPlace, exports, read_entry, read_sidecar};

fn entry(spec: &str) -> super::Entry {
    let text = format!(
        r#"{{"metadata":{{"name":"a","namespace":"app",
        "creationTimestamp":"2026-01-02T03:04:05Z"}},"spec":{spec}}}"#
    );
    let object = Object {
        encoding: Encoding::Json,
        bytes: text.as_bytes(),
    };
    read_entry(&object).unwrap()
}

fn given(addresses: &str) -> String {
    let spec = format!(r#"{{"hosts":["a.com"],"addresses":{addresses},"resolution":"DNS"}}"#);
    match entry(&spec).place {
        EntryPlace::Given(list) => format!("{list:?}"),
        place => format!("{place:?}"),
    }
}

#[test]
fn addresses_are_whole_ones() {
    assert_eq!(given(r#"["192.0.2.1","192.0.2.1"]"#), "[192.0.2.1]");
    assert_eq!(
        given(r#"["192.0.2.2/32","2001:db8::2/128"]"#),
        "[192.0.2.2, 2001:db8::2]"
    );
    assert_eq!(given(r#"["192.0.2.0/24","192.0.2.3"]"#), "[192.0.2.3]");
    assert_eq!(given(r#"["::ffff:192.0.2.4"]"#), "[192.0.2.4]");
    for bad in [r#"["192.0.2.0/24"]"#, r#"["0.0.0.0"]"#, r#"["x"]"#] {
        assert_eq!(given(bad), "Nowhere(NoAddress)");
    }
}

#[test]
fn half_written_entries_have_no_hosts_or_no_addresses() {
    assert!(entry("null").hosts.is_empty());
    assert!(entry(r#"{"hosts":null,"addresses":null}"#).hosts.is_empty());
    let entry = entry(r#"{"hosts":["*","a b.com","ok.com",""]}"#);
    assert_eq!(entry.hosts.len(), 2);
    assert_eq!(entry.bad_hosts, 2);
    assert_eq!(entry.place, EntryPlace::Nowhere(Without::Unresolved));
    assert_eq!(entry.created, 1_767_323_045);
}

#[test]
fn automatic_addresses_are_those_of_the_status() {
    let text = r#"{"metadata":{"name":"a","namespace":"app"},
        "spec":{"hosts":["a.com"],"resolution":"DNS"},
        "status":{"addresses":[{"value":"240.240.0.1","host":"a.com"},{"value":"x"},{}]}}"#;
    let object = Object {
        encoding: Encoding::Json,
        bytes: text.as_bytes(),
    };
    let EntryPlace::Automatic(written) = read_entry(&object).unwrap().place else {
        unreachable!("it is automatic");
    };
    let host = HostName::parse("a.com").unwrap();
    assert_eq!(*written, [(host, "240.240.0.1".parse().unwrap())]);
}

#[test]
fn a_dot_exports_to_the_own_namespace() {
    let own: Arc<str> = "app".into();
    let read = |names: &'static [&'static str]| exports(names.iter().copied(), &own);
    assert_eq!(read(&[]), None);
    assert_eq!(read(&["*", "~"]), Some(Exports::All));
    assert_eq!(read(&["~"]), Some(Exports::Nobody));
    let both: Arc<[Arc<str>]> = ["app".into(), "other".into()].into();
    assert_eq!(read(&[".", "other"]), Some(Exports::To(both)));
}

#[test]
fn a_sidecar_without_egress_imports_all() {
    let text = r#"{"metadata":{"name":"default","namespace":"app"},"spec":{},
        "status":{}}"#;
    let object = Object {
        encoding: Encoding::Json,
        bytes: text.as_bytes(),
    };
    let (_, sidecar) = read_sidecar(&object).unwrap();
    assert_eq!(*sidecar.egress, [Egress::new(None, ["*/*"].into_iter())]);
}

#[test]
fn lists_are_bounded() {
    let hosts: Vec<String> = (0..1000).map(|n| format!("\"h{n}.example.com\"")).collect();
    let addresses: Vec<String> = (0..1000)
        .map(|n| format!("\"10.0.{}.{}\"", n / 256, n % 256))
        .collect();
    let spec = format!(
        r#"{{"hosts":[{}],"addresses":[{}],"resolution":"DNS"}}"#,
        hosts.join(","),
        addresses.join(",")
    );
    let entry = entry(&spec);
    assert_eq!(entry.hosts.len(), 256);
    let EntryPlace::Given(list) = entry.place else {
        unreachable!("it has addresses");
    };
    assert_eq!(list.len(), 256);
}
