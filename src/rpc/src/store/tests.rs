//! Which names follow from which objects.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use catena_kube::{Encoding, Object};

use super::Store;
use crate::Id;
use crate::object::{Claimant, RpcService, Service, Slice};

/// A field of a protobuf message, shorter than 128 octets.
pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let length = bytes.len();
    if length >= 128 {
        out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        out.push(u8::try_from(length >> 7).unwrap());
    } else {
        out.push(u8::try_from(length).unwrap());
    }
    out.extend_from_slice(bytes);
    out
}

fn wide(number: u16, bytes: &[u8]) -> Vec<u8> {
    let key = number << 3 | 2;
    let mut out = vec![
        u8::try_from(key & 0x7f).unwrap() | 0x80,
        u8::try_from(key >> 7).unwrap(),
    ];
    out.push(u8::try_from(bytes.len()).unwrap());
    out.extend_from_slice(bytes);
    out
}

fn pair(key: &str, value: &str) -> Vec<u8> {
    [field(1, key.as_bytes()), field(2, value.as_bytes())].concat()
}

/// A Service as the API server encodes it.
pub(crate) fn service(
    namespace: &str,
    name: &str,
    labels: &[(&str, &str)],
    addresses: &[&str],
    annotation: &str,
) -> Vec<u8> {
    let mut meta = [field(1, name.as_bytes()), field(3, namespace.as_bytes())].concat();
    for (key, value) in labels {
        meta.extend(field(11, &pair(key, value)));
    }
    if !annotation.is_empty() {
        meta.extend(field(12, &pair("rpc.catena.dev/interfaces", annotation)));
    }
    let mut spec = field(3, addresses.first().unwrap_or(&"").as_bytes());
    for address in addresses {
        spec.extend(wide(18, address.as_bytes()));
    }
    [field(1, &meta), field(2, &spec)].concat()
}

/// An endpoint slice as the API server encodes it.
pub(crate) fn slice(namespace: &str, name: &str, service: &str, addresses: &[&str]) -> Vec<u8> {
    let label = pair("kubernetes.io/service-name", service);
    let meta = [
        field(1, name.as_bytes()),
        field(3, namespace.as_bytes()),
        field(11, &label),
    ];
    let endpoint: Vec<u8> = addresses
        .iter()
        .flat_map(|address| field(1, address.as_bytes()))
        .collect();
    [field(1, &meta.concat()), field(2, &endpoint)].concat()
}

fn add_service(store: &mut Store, message: &[u8]) {
    store.apply_service(Service::read(message).unwrap());
}

fn add_slice(store: &mut Store, message: &[u8]) {
    store.apply_slice(Slice::read(message).unwrap());
}

/// Adds an object of `namespace/name` that was made in `year` and selects `app=APP`.
fn add_rpc(store: &mut Store, claimant: Claimant, (id, year, app): (&str, u32, &str)) {
    let (namespace, name) = id.split_once('/').unwrap();
    let text = format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"{namespace}",
        "creationTimestamp":"{year}-01-01T00:00:00Z"}},
        "spec":{{"selector":{{"app":"{app}"}},"domainSuffix":"rpc.local"}}}}"#
    );
    let object = Object {
        encoding: Encoding::Json,
        bytes: text.as_bytes(),
    };
    let read = RpcService::read(&object, claimant);
    store.apply_rpc_service(claimant, read).unwrap();
}

fn id(text: &str) -> Id {
    let (namespace, name) = text.split_once('/').unwrap();
    Id::new(namespace, name).unwrap()
}

fn told(interfaces: &[&str]) -> super::Told {
    Some(interfaces.iter().map(|one| Box::from(*one)).collect())
}

/// The names with their addresses.
fn names(store: &Store) -> Vec<String> {
    let composed = store.compose();
    let mut printed = Vec::new();
    for (name, target) in &composed.names.targets {
        let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
        printed.push(format!("{name} {}", addresses.join(",")));
    }
    printed
}

fn shop() -> Store {
    let mut store = Store::default();
    add_rpc(&mut store, Claimant::Istio, ("mesh/user", 2026, "user"));
    add_service(
        &mut store,
        &service("shop", "user", &[("app", "user")], &["10.0.0.1"], ""),
    );
    add_slice(
        &mut store,
        &slice("shop", "user-1", "user", &["10.1.0.2", "10.1.0.1"]),
    );
    store
}

#[test]
fn names_are_known_once_an_agent_told_them() {
    let mut store = shop();
    let composed = store.compose();
    assert!(!composed.is_known && composed.names.targets.is_empty());
    let agents = composed.asked.get(&id("shop/user")).unwrap();
    assert_eq!(format!("{agents:?}"), "[10.1.0.1, 10.1.0.2]");
    assert!(store.note_told(&id("shop/user"), told(&["com.a", "com.b"])));
    assert_eq!(
        names(&store),
        ["com.a.rpc.local. 10.0.0.1", "com.b.rpc.local. 10.0.0.1"]
    );
    assert!(store.compose().names.complete && store.compose().is_known);
    assert!(store.note_told(&id("shop/user"), told(&["com.b"])));
    assert_eq!(names(&store), ["com.b.rpc.local. 10.0.0.1"]);
}

#[test]
fn what_was_told_stays_while_no_agent_answers() {
    let mut store = shop();
    assert!(store.note_told(&id("shop/user"), None));
    assert!(store.compose().is_known && !store.compose().names.complete);
    store.note_told(&id("shop/user"), told(&["com.a"]));
    assert!(!store.note_told(&id("shop/user"), None));
    store.delete_slice(&id("shop/user-1"));
    assert_eq!(names(&store), ["com.a.rpc.local. 10.0.0.1"]);
}

#[test]
fn a_headless_service_has_the_addresses_of_its_endpoints() {
    let mut store = shop();
    let annotated = service("shop", "user", &[("app", "user")], &["None"], "com.A");
    add_service(&mut store, &annotated);
    add_slice(&mut store, &slice("shop", "user-2", "user", &["10.1.0.3"]));
    assert_eq!(
        names(&store),
        ["com.a.rpc.local. 10.1.0.1,10.1.0.2,10.1.0.3"]
    );
    assert!(store.compose().asked.is_empty());
    add_slice(&mut store, &slice("shop", "user-1", "other", &["10.1.0.2"]));
    assert_eq!(names(&store), ["com.a.rpc.local. 10.1.0.3"]);
}

#[test]
fn names_go_with_their_objects() {
    let mut store = shop();
    store.note_told(&id("shop/user"), told(&["com.a"]));
    store.delete_service(&id("shop/user"));
    assert!(names(&store).is_empty());
    let mut store = shop();
    store.note_told(&id("shop/user"), told(&["com.a"]));
    store.delete_rpc_service(Claimant::Istio, &id("mesh/user"));
    assert!(names(&store).is_empty());
    let mut store = shop();
    store.note_told(&id("shop/user"), told(&["com.a"]));
    store.keep_rpc_services(Claimant::Ours, &Default::default());
    assert_eq!(names(&store).len(), 1);
    store.keep_services(&Default::default());
    assert!(names(&store).is_empty());
}

#[test]
fn of_two_claims_the_older_object_has_the_name() {
    let mut store = shop();
    let other = service("shop", "new", &[("app", "new")], &["10.0.0.9"], "com.a");
    add_service(&mut store, &other);
    add_rpc(&mut store, Claimant::Istio, ("mesh/new", 2027, "new"));
    store.note_told(&id("shop/user"), told(&["com.a"]));
    assert_eq!(names(&store), ["com.a.rpc.local. 10.0.0.1"]);
    let conflicts = store.compose().names.conflicts;
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].loser, id("shop/new"));
    add_rpc(&mut store, Claimant::Istio, ("mesh/new", 2025, "new"));
    assert_eq!(names(&store), ["com.a.rpc.local. 10.0.0.9"]);
}

#[test]
fn of_two_services_one_has_the_names_and_it_is_told() {
    let mut store = shop();
    let other = service("ship", "user", &[("app", "user")], &["10.0.0.9"], "com.a");
    add_service(&mut store, &other);
    let composed = store.compose();
    assert_eq!(composed.complaints.len(), 1);
    assert_eq!(names(&store), ["com.a.rpc.local. 10.0.0.9"]);
}

#[test]
fn our_own_objects_select_from_their_namespace() {
    let mut store = Store::default();
    add_service(
        &mut store,
        &service("shop", "user", &[("app", "user")], &["10.0.0.1"], "com.a"),
    );
    add_rpc(&mut store, Claimant::Ours, ("mesh/user", 2026, "user"));
    assert!(names(&store).is_empty());
    add_rpc(&mut store, Claimant::Ours, ("shop/user", 2026, "user"));
    assert_eq!(names(&store).len(), 1);
}

#[test]
fn a_name_that_is_too_long_is_left_out_and_told() {
    let mut store = shop();
    let label = "a".repeat(62);
    let long = [&*label, &*label, &*label, &*label].join(".");
    store.note_told(
        &id("shop/user"),
        Some(Arc::from([long.into(), "com.a".into()])),
    );
    assert_eq!(names(&store).len(), 1);
    assert_eq!(store.compose().complaints.len(), 1);
}
