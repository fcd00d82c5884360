//! Istio's rules, the life of an entry as it was recorded, and what goes beyond.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::sync::Arc;

use catena_kube::Id;

use super::{Allocator, Step};
use crate::entry::{Entry, Held};
use crate::range::{V4, V6};

struct Mesh {
    allocator: Allocator,
    version: u32,
}

fn id(name: &str) -> Id {
    Id {
        namespace: "app".into(),
        name: name.into(),
    }
}

fn entry(name: &str, created: i64, hosts: &[&str]) -> Entry {
    Entry {
        id: id(name),
        version: "0".into(),
        created,
        wanted: hosts.iter().map(|host| Arc::from(*host)).collect(),
        given: Vec::new(),
        held: Vec::new(),
        has_list: false,
    }
}

fn holding(mut entry: Entry, held: &[(&str, &str)]) -> Entry {
    entry.held = held
        .iter()
        .map(|(host, address)| Held {
            host: Arc::from(*host),
            address: address.parse().unwrap(),
        })
        .collect();
    entry.has_list = !held.is_empty();
    entry
}

fn given(mut entry: Entry, addresses: &[&str]) -> Entry {
    entry.given = addresses.iter().map(|text| text.parse().unwrap()).collect();
    entry.wanted.clear();
    entry
}

impl Mesh {
    fn new() -> Mesh {
        Mesh {
            allocator: Allocator::new(&[V4, V6]),
            version: 0,
        }
    }

    /// Has an entry changed by its owner; its status stays.
    fn change(&mut self, mut entry: Entry) {
        if let Some(known) = self.allocator.entries.get(&entry.id)
            && entry.held.is_empty()
        {
            entry.held.clone_from(&known.held);
            entry.has_list = known.has_list;
        }
        self.allocator.apply(entry);
    }

    /// Takes `step` as an API server would.
    fn write(&mut self, step: &Step) {
        let mut entry = self.allocator.entries.get(&step.id).unwrap().clone();
        self.version += 1;
        entry.version = self.version.to_string().into();
        entry.held.clone_from(&step.held);
        entry.has_list = !step.held.is_empty();
        self.allocator.done(step, entry);
    }

    /// Takes all steps; how many there were.
    fn settle(&mut self) -> usize {
        let mut steps = 0;
        while let Some(step) = self.allocator.next_step() {
            self.write(&step);
            steps += 1;
        }
        steps
    }

    /// The IPv4 addresses of an entry, with the last octet only.
    fn held(&self, name: &str) -> String {
        let entry = self.allocator.entries.get(&id(name)).unwrap();
        let held = entry.held.iter().filter(|held| held.address.is_ipv4());
        let held = held.map(|held| {
            let address = held.address.to_string();
            let octet = address.rsplit('.').next().unwrap().to_owned();
            format!("{} {octet}", held.host.split('.').next().unwrap())
        });
        held.collect::<Vec<_>>().join(", ")
    }
}

#[test]
fn life_of_an_entry_is_as_recorded() {
    let mut mesh = Mesh::new();
    mesh.change(entry("keep", 1, &["keep.test"]));
    mesh.change(entry("live", 1, &["live.test"]));
    assert_eq!(mesh.settle(), 2);
    assert_eq!(mesh.held("keep"), "keep 1");
    assert_eq!(mesh.held("live"), "live 2");
    mesh.change(entry("live", 1, &["live.test", "live2.test"]));
    mesh.settle();
    assert_eq!(mesh.held("live"), "live 2, live2 3");
    mesh.change(entry("live", 1, &["live2.test"]));
    mesh.settle();
    mesh.change(entry("live", 1, &["live.test", "live2.test"]));
    mesh.settle();
    assert_eq!(mesh.held("live"), "live 4, live2 3");
    mesh.change(given(entry("live", 1, &["live.test"]), &["198.51.100.50"]));
    mesh.settle();
    assert_eq!(mesh.held("live"), "");
    mesh.allocator.delete(&id("live"));
    mesh.change(entry("live", 9, &["live.test"]));
    mesh.change(entry("third", 11, &["third.test"]));
    mesh.settle();
    assert_eq!(mesh.held("live"), "live 3");
    assert_eq!(mesh.held("third"), "third 4");
    mesh.change(given(
        entry("thief", 12, &["thief.test"]),
        &["240.240.0.1", "240.240.0.2"],
    ));
    assert_eq!(mesh.allocator.contested(), 1);
    mesh.settle();
    assert_eq!(mesh.held("keep"), "keep 5");
    assert_eq!(mesh.allocator.contested(), 0);
    mesh.allocator.delete(&id("thief"));
    mesh.change(entry("fourth", 13, &["fourth.test"]));
    mesh.settle();
    assert_eq!(mesh.held("fourth"), "fourth 6");
    assert_eq!(mesh.held("keep"), "keep 5");
}

#[test]
fn entry_that_wants_addresses_again_gets_some() {
    let mut mesh = Mesh::new();
    mesh.change(entry("one", 1, &["one.test"]));
    mesh.settle();
    mesh.change(entry("one", 1, &[]));
    assert_eq!(mesh.settle(), 1);
    assert_eq!(mesh.held("one"), "");
    mesh.change(entry("one", 1, &["one.test"]));
    assert_eq!(mesh.settle(), 1);
    assert_eq!(mesh.held("one"), "one 1");
}

#[test]
fn each_host_has_an_address_of_each_range() {
    let mut mesh = Mesh::new();
    mesh.change(entry("one", 1, &["b.test", "a.test"]));
    let step = mesh.allocator.next_step().unwrap();
    let held: Vec<String> = step
        .held
        .iter()
        .map(|held| format!("{} {}", held.host, held.address))
        .collect();
    assert_eq!(
        held,
        [
            "b.test 240.240.0.1",
            "b.test 2001:2::1",
            "a.test 240.240.0.2",
            "a.test 2001:2::2",
        ]
    );
    assert_eq!(&*step.version, "0");
}

#[test]
fn what_is_there_at_the_start_stays() {
    let mut mesh = Mesh::new();
    mesh.change(entry("a", 2, &["a.test"]));
    let held = [("b.test", "240.240.0.1"), ("b.test", "2001:2::1")];
    mesh.change(holding(entry("b", 1, &["b.test"]), &held));
    let held = [("c.test", "240.240.0.2")];
    mesh.change(holding(entry("c", 1, &["c.test"]), &held));
    assert_eq!(mesh.settle(), 1);
    assert_eq!(mesh.held("a"), "a 3");
    assert_eq!(mesh.held("b"), "b 1");
    assert_eq!(mesh.held("c"), "c 2");
}

#[test]
fn of_two_holders_the_older_keeps_the_address() {
    let mut mesh = Mesh::new();
    let young = [("a.test", "240.240.0.1"), ("a.test", "2001:2::7")];
    mesh.change(holding(entry("a", 2, &["a.test"]), &young));
    mesh.change(holding(
        entry("b", 1, &["b.test"]),
        &[("b.test", "240.240.0.1")],
    ));
    assert_eq!(mesh.allocator.contested(), 1);
    let step = mesh.allocator.next_step().unwrap();
    assert_eq!(step.conflicts.len(), 1);
    mesh.write(&step);
    assert_eq!(mesh.settle(), 0);
    assert_eq!(mesh.held("a"), "a 2");
    assert_eq!(mesh.held("b"), "b 1");
    let a = mesh.allocator.entries.get(&id("a")).unwrap();
    assert_eq!(a.held.first().unwrap().address.to_string(), "2001:2::7");
}

#[test]
fn address_under_way_is_nobody_elses_and_comes_back_if_it_fails() {
    let mut mesh = Mesh::new();
    mesh.change(entry("a", 1, &["a.test"]));
    mesh.change(entry("b", 1, &["b.test"]));
    let first = mesh.allocator.next_step().unwrap();
    let second = mesh.allocator.next_step().unwrap();
    assert!(
        first
            .taken
            .iter()
            .all(|address| !second.taken.contains(address))
    );
    assert_eq!(mesh.allocator.next_step(), None);
    mesh.allocator.failed(&first);
    assert_eq!(mesh.allocator.next_step().unwrap(), first);
}

#[test]
fn entry_that_is_deleted_while_it_is_written_stays_deleted() {
    let mut mesh = Mesh::new();
    mesh.change(entry("a", 1, &["a.test"]));
    let step = mesh.allocator.next_step().unwrap();
    mesh.allocator.keep(&HashSet::new());
    mesh.allocator.done(&step, entry("a", 1, &["a.test"]));
    assert_eq!(mesh.allocator.holding().count(), 0);
    assert_eq!(mesh.allocator.pending(), 0);
}

#[test]
fn addresses_of_deleted_entries_are_used_again_when_there_are_no_others() {
    let range = "10.0.0.0/30".parse().unwrap();
    let mut mesh = Mesh {
        allocator: Allocator::new(&[range]),
        version: 0,
    };
    for (at, name) in ["a", "b", "c", "d"].iter().enumerate() {
        mesh.change(entry(
            name,
            i64::try_from(at).unwrap(),
            &[&format!("{name}.test")],
        ));
    }
    mesh.settle();
    assert_eq!(mesh.held("c"), "c 3");
    assert_eq!(mesh.held("d"), "");
    mesh.allocator.delete(&id("b"));
    mesh.allocator.review();
    assert_eq!(mesh.settle(), 1);
    assert_eq!(mesh.held("d"), "d 2");
}
