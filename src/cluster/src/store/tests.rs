//! What lists and events make of a store.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::IpAddr;
use std::sync::Arc;

use catena_kube::{Encoding, Object};

use super::wire::{field, text};
use super::{Kind, Seen, Serial, Store, Writer};
use crate::object::{Reading, Slice};

fn meta(name: &str, service: &str) -> Vec<u8> {
    let label = [text(1, "kubernetes.io/service-name"), text(2, service)].concat();
    field(
        1,
        &[text(1, name), text(3, "ns"), field(11, &label)].concat(),
    )
}

fn service(name: &str, address: &str) -> Vec<u8> {
    [meta(name, ""), field(2, &text(3, address))].concat()
}

fn slice(name: &str, service: &str, addresses: &[&str]) -> Vec<u8> {
    let endpoints = addresses.iter().map(|address| field(2, &text(1, address)));
    meta(name, service)
        .into_iter()
        .chain(endpoints.flatten())
        .collect()
}

struct Watched {
    store: Arc<Store>,
    writer: Writer,
}

impl Watched {
    fn new() -> Watched {
        let store = Arc::new(Store::new());
        let writer = Writer::new(Arc::clone(&store), Reading::default());
        Watched { store, writer }
    }

    fn apply(&mut self, kind: Kind, bytes: &[u8]) -> u64 {
        let encoding = Encoding::Protobuf;
        self.writer
            .apply(kind, &Object { encoding, bytes })
            .unwrap()
    }

    fn delete(&mut self, kind: Kind, bytes: &[u8]) {
        let encoding = Encoding::Protobuf;
        self.writer
            .delete(kind, &Object { encoding, bytes })
            .unwrap();
    }

    /// A complete list.
    fn list(&mut self, kind: Kind, objects: &[Vec<u8>]) {
        let seen: Seen = objects
            .iter()
            .map(|object| self.apply(kind, object))
            .collect();
        self.writer.sweep(kind, &seen);
        self.writer.publish();
    }

    fn endpoints(&self, service: &str) -> Vec<String> {
        let key = crate::object::key(service, "ns").unwrap();
        Store::entry(&self.store.entries, &key, |entry| {
            let endpoints = entry.into_iter().flat_map(|entry| entry.endpoints());
            let mut found: Vec<String> = endpoints.map(|(_, e)| e.address.to_string()).collect();
            found.sort();
            found
        })
    }

    /// The services and slices that own an address.
    fn owners(&self, address: &str) -> Vec<String> {
        let address: IpAddr = address.parse().unwrap();
        let mut all = Vec::new();
        let hash = self.store.services_at.hash(&address);
        self.store.services_at.read_all(hash, |at| {
            all.push(String::from_utf8_lossy(&at.key[1..4]).into_owned());
        });
        self.store
            .endpoints_at(address, |slice, _| all.push(slice.name.to_string()));
        all.sort();
        all
    }

    fn slice(&self, service: &str) -> Arc<Slice> {
        let key = crate::object::key(service, "ns").unwrap();
        Store::entry(&self.store.entries, &key, |entry| {
            Arc::clone(&entry.unwrap().slices[0])
        })
    }
}

#[test]
fn a_second_list_takes_out_what_is_gone_and_shares_what_stays() {
    let mut watched = Watched::new();
    let (one, two) = (
        slice("one", "web", &["10.0.0.1"]),
        slice("two", "app", &["10.0.0.2"]),
    );
    watched.list(Kind::Slices, &[one.clone(), two]);
    let before = watched.slice("web");
    assert_eq!(watched.endpoints("app"), ["10.0.0.2"]);
    watched.list(Kind::Slices, &[one]);
    assert!(Arc::ptr_eq(&before, &watched.slice("web")));
    assert!(watched.endpoints("app").is_empty());
    assert!(watched.owners("10.0.0.2").is_empty());
}

#[test]
fn endpoints_of_all_slices_are_one_set() {
    let mut watched = Watched::new();
    watched.apply(
        Kind::Slices,
        &slice("one", "web", &["10.0.0.1", "10.0.0.2"]),
    );
    watched.apply(
        Kind::Slices,
        &slice("two", "web", &["10.0.0.2", "10.0.0.3"]),
    );
    watched.writer.publish();
    assert_eq!(watched.endpoints("web").len(), 4);
    assert_eq!(watched.owners("10.0.0.2"), ["one", "two"]);
    watched.apply(Kind::Slices, &slice("one", "web", &["10.0.0.9"]));
    watched.writer.publish();
    assert_eq!(
        watched.endpoints("web"),
        ["10.0.0.2", "10.0.0.3", "10.0.0.9"]
    );
    assert_eq!(watched.owners("10.0.0.2"), ["two"]);
    watched.delete(Kind::Slices, &slice("two", "web", &[]));
    watched.writer.publish();
    assert_eq!(watched.endpoints("web"), ["10.0.0.9"]);
}

#[test]
fn a_slice_may_move_to_another_service_or_to_none() {
    let mut watched = Watched::new();
    watched.list(Kind::Slices, &[slice("one", "web", &["10.0.0.1"])]);
    watched.apply(Kind::Slices, &slice("one", "app", &["10.0.0.1"]));
    watched.writer.publish();
    assert!(watched.endpoints("web").is_empty());
    assert_eq!(watched.endpoints("app"), ["10.0.0.1"]);
    watched.apply(Kind::Slices, &slice("one", "", &["10.0.0.1"]));
    watched.writer.publish();
    assert!(watched.endpoints("app").is_empty());
    assert!(watched.owners("10.0.0.1").is_empty());
}

#[test]
fn an_address_may_have_several_owners() {
    let mut watched = Watched::new();
    watched.apply(Kind::Services, &service("web", "10.0.0.1"));
    watched.apply(Kind::Services, &service("app", "10.0.0.1"));
    watched.apply(Kind::Slices, &slice("one", "web", &["10.0.0.1"]));
    watched.writer.publish();
    assert_eq!(watched.owners("10.0.0.1"), ["app", "one", "web"]);
    watched.delete(Kind::Services, &service("app", ""));
    watched.delete(Kind::Slices, &slice("one", "web", &[]));
    watched.writer.publish();
    assert_eq!(watched.owners("10.0.0.1"), ["web"]);
    watched.apply(Kind::Services, &service("web", "10.0.0.2"));
    watched.writer.publish();
    assert!(watched.owners("10.0.0.1").is_empty());
    assert_eq!(watched.owners("10.0.0.2"), ["web"]);
}

#[test]
fn a_change_changes_the_serial() {
    let mut watched = Watched::new();
    assert_eq!(watched.store.serial(Serial::Internal), 0);
    watched.apply(Kind::Services, &service("web", "10.0.0.1"));
    assert_ne!(watched.store.serial(Serial::Internal), 0);
    assert_eq!(watched.store.serial(Serial::External), 0);
}

#[test]
fn what_is_no_object_is_refused() {
    let mut watched = Watched::new();
    for (encoding, bytes) in [
        (Encoding::Json, &b"{}"[..]),
        (Encoding::Protobuf, b"\x0a\x09a"),
    ] {
        let object = Object { encoding, bytes };
        for kind in [Kind::Services, Kind::Slices, Kind::Pods, Kind::Namespaces] {
            assert!(watched.writer.apply(kind, &object).is_err());
        }
    }
}
