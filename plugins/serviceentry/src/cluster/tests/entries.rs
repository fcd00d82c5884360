//! Where hosts of ServiceEntries are.

use std::sync::Arc;

use catena_dns::Name;
use catena_kube::Reader;
use hashbrown::HashSet;
use parking_lot::Mutex;

use super::{Kind, Mesh, Objects, json, of};

const STATUS: &str = r#""addresses":[{"value":"240.240.0.1","host":"a.test"},
    {"value":"2001:2::1","host":"a.test"},{"value":"240.240.0.2","host":"b.test"},
    {"value":"240.240.0.9","host":"gone.test"},{"value":"240.240.0.3","host":"*.w.test"}]"#;

const ALL: [&str; 5] = ["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"];

#[test]
fn written_addresses_are_told_whatever_the_resolution() {
    for resolution in ALL {
        let mut mesh = Mesh::new();
        let more = format!(r#","resolution":"{resolution}""#);
        mesh.entry("app/a", "a.test", "192.0.2.1", &more);
        assert_eq!(mesh.find("a.test", of("app")), "192.0.2.1", "{resolution}");
    }
}

#[test]
fn automatic_addresses_are_told_with_every_resolution_but_none() {
    for resolution in ALL {
        let mut mesh = Mesh::new();
        let spec = format!(r#""hosts":["a.test","b.test"],"resolution":"{resolution}""#);
        mesh.entry_of("app/a", &spec, STATUS);
        let told = ["a.test", "b.test"].map(|name| mesh.find(name, of("app")));
        match resolution {
            "NONE" => assert_eq!(told, ["bare", "bare"]),
            _ => assert_eq!(
                told,
                ["240.240.0.1 2001:2::1", "240.240.0.2"],
                "{resolution}"
            ),
        }
        assert_eq!(mesh.find("gone.test", of("app")), "missing");
    }
}

#[test]
fn wildcards_have_the_automatic_address_that_is_written_for_them() {
    let mut mesh = Mesh::new();
    let spec = r#""hosts":["*.w.test"],"resolution":"DYNAMIC_DNS""#;
    mesh.entry_of("app/w", spec, STATUS);
    assert_eq!(mesh.find("x.y.w.test", of("app")), "240.240.0.3");
    assert_eq!(mesh.find("w.test", of("app")), "missing");
}

#[test]
fn addresses_by_hand_go_before_automatic_ones_even_if_they_are_networks() {
    let mut mesh = Mesh::new();
    for (address, told) in [
        ("192.0.2.1/32", "192.0.2.1"),
        ("2001:db8::1/128", "2001:db8::1"),
        ("10.0.0.0/8", "bare"),
        ("2001:db8::/64", "bare"),
        ("0.0.0.0", "bare"),
        ("::", "bare"),
    ] {
        let spec = format!(r#""hosts":["a.test"],"resolution":"STATIC","addresses":["{address}"]"#);
        mesh.entry_of("app/a", &spec, STATUS);
        assert_eq!(mesh.find("a.test", of("app")), told, "{address}");
    }
    let both = r#""hosts":["a.test"],"addresses":["10.0.0.0/8","192.0.2.1"]"#;
    mesh.entry_of("app/a", both, STATUS);
    assert_eq!(mesh.find("a.test", of("app")), "192.0.2.1");
}

#[test]
fn a_host_without_address_leaves_its_names_to_wildcards() {
    let mut mesh = Mesh::new();
    mesh.entry("app/w", "*.example.test", "192.0.2.1", "");
    mesh.entry_of(
        "app/a",
        r#""hosts":["a.example.test"],"resolution":"DNS""#,
        "",
    );
    assert_eq!(mesh.find("a.example.test", of("app")), "192.0.2.1");
}

#[test]
fn endpoints_of_entries_are_no_addresses_of_hosts() {
    let mut mesh = Mesh::new();
    let spec = r#""hosts":["a.test"],"resolution":"STATIC","endpoints":[{"address":"10.0.0.1"}]"#;
    mesh.entry_of("app/a", spec, "");
    assert_eq!(mesh.find("a.test", of("app")), "bare");
}

#[test]
fn a_selector_with_resolution_none_selects_ready_pods_of_the_namespace() {
    let mut mesh = Mesh::new();
    let ports = r#""ports":[{"number":80,"name":"http","protocol":"HTTP"}]"#;
    let selector = r#""workloadSelector":{"labels":{"app":"db"}}"#;
    let spec = format!(r#""hosts":["db.test"],{ports},{selector}"#);
    mesh.entry_of("app/db", &spec, "");
    assert_eq!(mesh.find("db.test", of("app")), "bare");
    mesh.pod("app/1", "10.244.0.1", true);
    mesh.pod("app/2", "10.244.0.2", false);
    mesh.pod("other/3", "10.244.0.3", true);
    assert_eq!(mesh.find("db.test", of("other")), "10.244.0.1");
    mesh.pod("app/2", "10.244.0.2", true);
    assert_eq!(mesh.find("db.test", of("app")), "10.244.0.1 10.244.0.2");
    mesh.pod("app/1", "10.244.0.1", false);
    assert_eq!(mesh.find("db.test", of("app")), "10.244.0.2");
    // A selector without labels selects all of the namespace.
    for selector in [
        r#""workloadSelector":{}"#,
        r#""workloadSelector":{"labels":{}}"#,
    ] {
        let spec = format!(r#""hosts":["all.test"],{ports},{selector}"#);
        mesh.entry_of("app/all", &spec, "");
        assert_eq!(mesh.find("all.test", of("app")), "10.244.0.2");
    }
    // Without ports there is nothing to be reached, with another resolution there are proxies.
    let spec = format!(r#""hosts":["db.test"],{selector}"#);
    mesh.entry_of("app/db", &spec, "");
    assert_eq!(mesh.find("db.test", of("app")), "bare");
    let spec = format!(r#""hosts":["db.test"],{ports},{selector},"resolution":"STATIC""#);
    mesh.entry_of("app/db", &spec, "");
    assert_eq!(mesh.find("db.test", of("app")), "bare");
}

#[test]
fn all_addresses_of_a_host_in_one_namespace_are_told_together_each_once() {
    let mut mesh = Mesh::new();
    mesh.entry("app/1", "same.test", "192.0.2.2", "");
    mesh.entry("app/2", "SAME.test", "192.0.2.1", "");
    mesh.entry("app/3", "same.test", "192.0.2.2", "");
    assert_eq!(mesh.find("same.test", of("other")), "192.0.2.1 192.0.2.2");
}

#[test]
fn wildcards_answer_at_every_depth_and_the_longest_one_counts() {
    let mut mesh = Mesh::new();
    mesh.entry("app/1", "*.test", "192.0.2.1", "");
    mesh.entry("app/2", "*.b.test", "192.0.2.2", "");
    mesh.entry("app/3", "*.a.b.test", "192.0.2.3", "");
    mesh.entry("app/4", "c.a.b.test", "192.0.2.4", "");
    mesh.entry("app/5", "*-x.b.test", "192.0.2.5", "");
    for (name, told) in [
        ("z.test", "192.0.2.1"),
        ("z.y.x.w.v.test", "192.0.2.1"),
        ("b.test", "192.0.2.1"),
        ("a.b.test", "192.0.2.2"),
        ("z.b.test", "192.0.2.2"),
        ("z.a.b.test", "192.0.2.3"),
        ("z.y.a.b.test", "192.0.2.3"),
        ("c.a.b.test", "192.0.2.4"),
        ("z.c.a.b.test", "192.0.2.3"),
        ("1-x.b.test", "192.0.2.2"),
        ("*-x.b.test", "192.0.2.5"),
        ("test", "missing"),
    ] {
        assert_eq!(mesh.find(name, of("app")), told, "{name}");
        // The same behind each search domain of a pod.
        for domain in [
            "app.svc.cluster.local",
            "svc.cluster.local",
            "cluster.local",
        ] {
            let name = format!("{name}.{domain}");
            assert_eq!(mesh.find(&name, of("app")), told, "{name}");
        }
    }
}

#[test]
fn an_entry_that_makes_no_sense_any_more_stays_what_it_was() {
    let mut mesh = Mesh::new();
    mesh.entry("app/a", "a.test", "192.0.2.1", "");
    let half = r#"{"metadata":{"namespace":"app","name":"a"},"spec":{"hosts":7}}"#;
    let mut named = HashSet::new();
    let table = Arc::clone(&mesh.table);
    let is_there = || {
        let name: Name = "a.test.".parse().unwrap();
        table.exact(name.view(), |host| host.is_some())
    };
    let mut objects = Objects {
        kind: Kind::Entries,
        state: Arc::new(Mutex::new(mesh.state)),
    };
    assert!(!objects.apply(&json(half), None));
    objects.flush();
    assert!(is_there());
    // Nor is it gone when all are listed anew.
    assert!(!objects.apply(&json(half), Some(&mut named)));
    objects.listed(named);
    assert!(is_there());
    objects.listed(HashSet::new());
    assert!(!is_there());
}
