//! Objects as the API server sends them.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_kube::{Encoding, Object};

use super::{Claimant, Id, Place, RpcService, Service, Slice, Unfit};
use crate::store::tests::{field, service, slice};

fn json(text: &str) -> Object<'_> {
    Object {
        encoding: Encoding::Json,
        bytes: text.as_bytes(),
    }
}

#[test]
fn the_original_object_is_read() {
    let text = r#"{"apiVersion":"rpccontroller.istio.io/v1","kind":"RpcService",
        "metadata":{"name":"user","namespace":"shop","creationTimestamp":"2026-01-02T03:04:05Z"},
        "spec":{"selector":{"app":"user"},"domainsuffix":".RPC.cluster.local"}}"#;
    let rpc = RpcService::read(&json(text), Claimant::Istio).unwrap();
    assert_eq!(rpc.id, Id::new("shop", "user").unwrap());
    assert_eq!(rpc.suffix.to_string(), "rpc.cluster.local.");
    assert_eq!(*rpc.selector, ["app=user".into()]);
    assert_eq!(&*rpc.created, "2026-01-02T03:04:05Z");
}

#[test]
fn a_suffix_or_selector_that_cannot_be_is_wrong() {
    for spec in [
        r#"{"selector":{"a":"b"}}"#,
        r#"{"selector":{"a":"b"},"domainSuffix":"."}"#,
        r#"{"selector":{"a":"b"},"domainSuffix":"*.example.org"}"#,
        r#"{"domainSuffix":"example.org"}"#,
        r#"{"selector":{},"domainSuffix":"example.org"}"#,
    ] {
        let text = format!(r#"{{"metadata":{{"name":"n","namespace":"s"}},"spec":{spec}}}"#);
        let read = RpcService::read(&json(&text), Claimant::Ours);
        assert!(matches!(read, Err(Unfit::Wrong(..))), "{spec}");
    }
    let read = RpcService::read(&json("{}"), Claimant::Ours);
    assert_eq!(read, Err(Unfit::Malformed));
}

#[test]
fn services_are_read_with_labels_addresses_and_annotation() {
    let message = service(
        "shop",
        "user",
        &[("app", "user")],
        &["10.0.0.1", "fd00::1"],
        "com.A",
    );
    let read = Service::read(&message).unwrap();
    assert_eq!(read.id.to_string(), "shop/user");
    assert_eq!(*read.labels, ["app=user".into()]);
    let both = ["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
    assert_eq!(read.place, Place::Addresses(both.into()));
    assert_eq!(*read.annotated.unwrap(), ["com.a".into()]);
    let headless = service("shop", "user", &[], &["None"], "");
    assert_eq!(Service::read(&headless).unwrap().place, Place::Endpoints);
}

#[test]
fn slices_are_read_with_their_ready_addresses() {
    let mut message = slice("shop", "user-1", "user", &["10.1.0.1", "example.org"]);
    let unready = [field(1, b"10.1.0.9"), field(2, &[8, 0])].concat();
    message.extend(field(2, &unready));
    let read = Slice::read(&message).unwrap();
    assert_eq!(read.service, Id::new("shop", "user"));
    assert_eq!(
        *read.addresses,
        ["10.1.0.1".parse::<std::net::IpAddr>().unwrap()]
    );
}

#[test]
fn what_is_cut_off_is_no_object() {
    let message = service("shop", "user", &[("app", "user")], &["10.0.0.1"], "com.A");
    for length in 0..message.len() {
        let _any = Service::read(&message[..length]);
        let _any = Slice::read(&message[..length]);
    }
    assert!(Service::read(&message[..message.len() - 1]).is_err());
}
