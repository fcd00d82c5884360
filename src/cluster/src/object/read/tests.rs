//! Objects in protobuf, good and broken.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_kube::{Encoding, Object};

use super::{Pool, ReadSlice, Reading, key, pod};
use crate::object::{Addresses, Host, Protocol, Service, ServiceKind, Slice};
use crate::store::wire::{field, number, text};

fn meta(namespace: &str, name: &str, more: &[u8]) -> Vec<u8> {
    field(
        1,
        &[text(1, name), text(3, namespace), more.to_vec()].concat(),
    )
}

fn label(key: &str, value: &str) -> Vec<u8> {
    field(11, &[text(1, key), text(2, value)].concat())
}

#[test]
fn a_service_has_addresses_ports_and_ways_in_from_outside() {
    let port = field(
        1,
        &[text(1, "HTTP"), text(2, "TCP"), number(3, 80)].concat(),
    );
    let spec = [
        port,
        text(3, "10.0.0.1"),
        text(4, "LoadBalancer"),
        text(5, "192.0.2.1"),
        text(18, "10.0.0.1"),
        text(18, "fd00::1"),
    ];
    let ingress = field(1, &field(1, &text(2, "lb.example.org")));
    let message = [
        meta("Shop", "Web", b""),
        field(2, &spec.concat()),
        field(3, &ingress),
    ];
    let service = Service::read(&message.concat(), &mut Pool::default()).unwrap();
    assert_eq!(*service.key, *b"\x03web\x04shop");
    let addresses = ["10.0.0.1", "fd00::1"].map(|address| address.parse().unwrap());
    assert_eq!(
        service.kind,
        ServiceKind::Cluster(addresses.into_iter().collect())
    );
    let port = &service.ports[0];
    assert_eq!((&*port.name, port.protocol), (&b"http"[..], Protocol::Tcp));
    assert_eq!(port.number, Some(80));
    let outside = [
        Host::Address("192.0.2.1".parse().unwrap()),
        Host::Name("lb.example.org.".parse().unwrap()),
    ];
    assert_eq!(*service.external, outside);
}

#[test]
fn kinds_of_services_are_told_apart() {
    for (spec, expected) in [
        (text(18, "None"), ServiceKind::Headless),
        (text(3, "None"), ServiceKind::Headless),
        (text(3, ""), ServiceKind::Cluster(Addresses::new())),
        (
            [text(4, "ExternalName"), text(10, "a.example.org")].concat(),
            ServiceKind::External("a.example.org.".parse().unwrap()),
        ),
        (
            [text(4, "ExternalName"), text(10, "192.0.2.1")].concat(),
            ServiceKind::Unnamed,
        ),
    ] {
        let message = [meta("ns", "a", b""), field(2, &spec)].concat();
        let service = Service::read(&message, &mut Pool::default()).unwrap();
        assert_eq!(service.kind, expected);
        assert_eq!(service.ports[0].number, None);
    }
}

#[test]
fn only_endpoints_that_are_ready_are_kept() {
    let endpoint = |address: &str, more: &[u8]| field(2, &[&*text(1, address), more].concat());
    let message = [
        meta("ns", "web-1", &label("kubernetes.io/service-name", "web")),
        endpoint("10.0.0.1", b""),
        endpoint("10.0.0.2", &field(2, &number(1, 0))),
        endpoint("10.0.0.3", &field(2, &number(1, 1))),
        endpoint("not-an-address", b""),
        endpoint("10.0.0.4", &text(3, "Db-0")),
    ]
    .concat();
    let read = Slice::read(&message, false, Reading::default(), &mut Pool::default());
    let Some(ReadSlice::Of(slice, _)) = read else {
        unreachable!("no slice");
    };
    let addresses = slice.endpoints.iter().map(|e| e.address.to_string());
    assert_eq!(
        Vec::from_iter(addresses),
        ["10.0.0.1", "10.0.0.3", "10.0.0.4"]
    );
    assert!(slice.endpoints[2].is_called(b"db-0"));
    assert!(!slice.endpoints[2].is_called(b"10-0-0-4"));
    assert_eq!(slice.namespace(), "ns");
}

#[test]
fn a_slice_without_a_service_is_loose() {
    let message = meta("ns", "web-1", b"");
    let read = Slice::read(&message, false, Reading::default(), &mut Pool::default());
    assert!(matches!(read, Some(ReadSlice::Loose { name: "web-1", .. })));
}

#[test]
fn a_pod_that_ends_says_so() {
    let status = field(3, &text(6, "10.0.0.9"));
    for (more, ends) in [(&b""[..], false), (&field(9, b""), true)] {
        let more = [label("app", "web"), more.to_vec()].concat();
        let message = [meta("ns", "a", &more), status.clone()].concat();
        let (pod, is_ending) = pod(&message).unwrap();
        assert_eq!(pod.address, Some("10.0.0.9".parse().unwrap()));
        assert_eq!(*pod.labels, [("app".into(), "web".into())]);
        assert_eq!(is_ending, ends);
    }
}

#[test]
fn an_import_is_read_from_json() {
    let json = br#"{"metadata":{"name":"web","namespace":"ns"},"spec":{"type":"ClusterSetIP",
        "ips":["10.1.0.1"],"ports":[{"name":"http","protocol":"TCP","port":80}]}}"#;
    let object = Object {
        encoding: Encoding::Json,
        bytes: json,
    };
    let service = Service::read_import(&object, &mut Pool::default()).unwrap();
    assert_eq!(
        service.kind,
        ServiceKind::Cluster(["10.1.0.1".parse().unwrap()].into_iter().collect())
    );
}

#[test]
fn junk_and_bad_names_are_refused() {
    let cut_off = [0x0a, 9, b'a'];
    assert!(Service::read(&cut_off, &mut Pool::default()).is_none());
    assert!(pod(&cut_off).is_none());
    assert!(key("", "ns").is_none());
    assert!(key(&"x".repeat(64), "ns").is_none());
}
