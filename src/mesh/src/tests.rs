//! Rules of one host in many places, and of names that mean a host.
#![expect(clippy::unwrap_used, reason = "tests")]

mod rights;

use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::{Name, NameRef};

use crate::{
    Addresses, Egress, Exports, Families, HostName, Looked, Origin, Owner, Reach, Row, Search,
    Sidecar, Table, Verdict, Viewer, Without, Writer,
};

const AUTOMATIC: &[&str] = &["240.240.0.1", "2001:2::1"];

struct Mesh {
    table: Arc<Table>,
    writer: Writer,
}

fn row(owner: &str, created: u64, addresses: &[&str]) -> Row {
    let namespace = owner.split('/').nth(1).unwrap();
    let list: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Row {
        owner: Owner::new(owner),
        namespace: namespace.into(),
        origin: match owner.starts_with("service/") {
            true => Origin::Service,
            false => Origin::Entry,
        },
        created,
        exports: Exports::All,
        has_exports: true,
        addresses: Addresses::given(list),
        ports: Arc::new([]),
    }
}

impl Mesh {
    fn new() -> Mesh {
        let table = Arc::new(Table::default());
        let writer = Writer::new(Arc::clone(&table));
        Mesh { table, writer }
    }

    fn add(&mut self, host: &str, row: Row) {
        let owner = row.owner.clone();
        let host = HostName::parse(host).unwrap();
        self.writer.say(&owner, vec![(host, row)]);
        self.writer.publish();
    }

    fn remove(&mut self, owner: &str) {
        self.writer.retract(&Owner::new(owner));
        self.writer.publish();
    }

    /// What `namespace` finds, as `CANONICAL: ADDRESSES`.
    fn find(&self, name: &str, viewer: &Viewer<'_>) -> String {
        let domains: Vec<Name> = match viewer.namespace {
            Some(own) => [&*format!("{own}.svc.cluster.local."), "svc.cluster.local."]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect(),
            None => Vec::new(),
        };
        let cluster: Name = "cluster.local.".parse().unwrap();
        let search = Search {
            domains: &domains,
            cluster: Some(cluster.view()),
        };
        let name: Name = name.parse().unwrap();
        let looked = self.table.find(name.view(), viewer, &search, |found| {
            let addresses = found.choice.addresses();
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            let canonical = found
                .canonical
                .map_or("=".to_owned(), |name| name.to_string());
            format!("{canonical} {}", addresses.join(" "))
        });
        match looked {
            Looked::Found(text) => text,
            Looked::Bare => "bare".to_owned(),
            Looked::Missing => "missing".to_owned(),
        }
    }
}

fn of(namespace: &str) -> Viewer<'_> {
    Viewer {
        namespace: Some(namespace),
        ..Viewer::ANYBODY
    }
}

#[test]
fn the_own_namespace_has_a_host_else_the_oldest_has() {
    let mut mesh = Mesh::new();
    mesh.add("same.example.com", row("entry/app/1", 5, &["192.0.2.1"]));
    mesh.add("same.example.com", row("entry/app/2", 5, &["192.0.2.2"]));
    mesh.add("same.example.com", row("entry/other/3", 4, &["192.0.2.3"]));
    assert_eq!(
        mesh.find("same.example.com.", &of("app")),
        "= 192.0.2.1 192.0.2.2"
    );
    assert_eq!(mesh.find("same.example.com.", &of("other")), "= 192.0.2.3");
    assert_eq!(mesh.find("same.example.com.", &of("third")), "= 192.0.2.3");
    assert_eq!(
        mesh.find("same.example.com.", &Viewer::ANYBODY),
        "= 192.0.2.3"
    );
    mesh.remove("entry/other/3");
    assert_eq!(
        mesh.find("same.example.com.", &of("other")),
        "= 192.0.2.1 192.0.2.2"
    );
}

#[test]
fn a_service_hides_entries_unless_it_has_no_address() {
    let mut mesh = Mesh::new();
    let host = "shop.app.svc.cluster.local";
    mesh.add(host, row("entry/app/shop", 1, &["192.0.2.1"]));
    mesh.add(host, row("service/app/shop", 9, &["10.0.0.1"]));
    let name = format!("{host}.");
    assert_eq!(mesh.find(&name, &of("other")), "= 10.0.0.1");
    mesh.add(host, row("service/app/shop", 9, &[]));
    assert_eq!(mesh.find(&name, &of("other")), "= 192.0.2.1");
}

#[test]
fn a_service_of_another_namespace_goes_before_older_entries_of_others() {
    let mut mesh = Mesh::new();
    let host = "shop.app.svc.cluster.local";
    mesh.add(host, row("entry/third/squatter", 1, &["192.0.2.1"]));
    mesh.add(host, row("service/app/shop", 9, &["10.0.0.1"]));
    let name = format!("{host}.");
    assert_eq!(mesh.find(&name, &of("other")), "= 10.0.0.1");
    assert_eq!(mesh.find(&name, &of("third")), "= 192.0.2.1");
}

#[test]
fn what_is_not_exported_is_not_there() {
    let mut mesh = Mesh::new();
    let own = Exports::To([Arc::from("app")].into());
    let private = Row {
        exports: own,
        ..row("entry/app/1", 1, &["192.0.2.1"])
    };
    mesh.add("private.example.com", private);
    mesh.add("*.example.com", row("entry/other/2", 1, &["192.0.2.2"]));
    assert_eq!(mesh.find("private.example.com.", &of("app")), "= 192.0.2.1");
    assert_eq!(
        mesh.find("private.example.com.", &of("other")),
        "= 192.0.2.2"
    );
    assert_eq!(
        mesh.find("private.example.com.", &Viewer::ANYBODY),
        "= 192.0.2.2"
    );
}

#[test]
fn the_longest_wildcard_matches_and_not_its_own_name() {
    let mut mesh = Mesh::new();
    mesh.add("*.example.com", row("entry/app/1", 1, &["192.0.2.1"]));
    mesh.add("*.a.example.com", row("entry/app/2", 1, &["192.0.2.2"]));
    mesh.add("*.global", row("entry/app/3", 1, &["192.0.2.3"]));
    let anybody = Viewer::ANYBODY;
    assert_eq!(mesh.find("x.y.example.com.", &anybody), "= 192.0.2.1");
    assert_eq!(mesh.find("x.a.example.com.", &anybody), "= 192.0.2.2");
    assert_eq!(mesh.find("a.example.com.", &anybody), "= 192.0.2.1");
    assert_eq!(mesh.find("example.com.", &anybody), "missing");
    assert_eq!(mesh.find("x.global.", &anybody), "= 192.0.2.3");
    mesh.remove("entry/app/2");
    assert_eq!(mesh.find("x.a.example.com.", &anybody), "= 192.0.2.1");
}

#[test]
fn names_behind_search_domains_mean_the_name_before_them() {
    let mut mesh = Mesh::new();
    mesh.add(
        "web.app.svc.cluster.local",
        row("service/app/web", 1, &["10.0.0.1"]),
    );
    mesh.add("api.example.com", row("entry/app/1", 1, &["192.0.2.1"]));
    mesh.add("*.wild.example.com", row("entry/app/2", 1, &["192.0.2.2"]));
    let app = of("app");
    for (name, found) in [
        ("web.", "web.app.svc.cluster.local. 10.0.0.1"),
        ("web.app.", "web.app.svc.cluster.local. 10.0.0.1"),
        ("web.app.svc.", "web.app.svc.cluster.local. 10.0.0.1"),
        (
            "web.app.app.svc.cluster.local.",
            "web.app.svc.cluster.local. 10.0.0.1",
        ),
        ("web.svc.cluster.local.", "missing"),
        (
            "api.example.com.app.svc.cluster.local.",
            "api.example.com. 192.0.2.1",
        ),
        (
            "api.example.com.svc.cluster.local.",
            "api.example.com. 192.0.2.1",
        ),
        (
            "x.wild.example.com.app.svc.cluster.local.",
            "x.wild.example.com. 192.0.2.2",
        ),
        ("x.wild.example.com.", "= 192.0.2.2"),
        ("api.example.app.", "missing"),
    ] {
        assert_eq!(mesh.find(name, &app), found, "{name}");
    }
    assert_eq!(mesh.find("web.", &of("other")), "missing");
}

#[test]
fn families_choose_among_what_nobody_wrote_by_hand() {
    let mut mesh = Mesh::new();
    let automatic: Vec<IpAddr> = AUTOMATIC.iter().map(|text| text.parse().unwrap()).collect();
    let auto = Row {
        addresses: Addresses::of(automatic, Reach::Automatic),
        ..row("entry/app/1", 1, &[])
    };
    mesh.add("auto.example.com", auto);
    mesh.add("given.example.com", row("entry/app/2", 1, &["192.0.2.1"]));
    let both: Vec<IpAddr> = ["192.0.2.3", "2001:db8::3"]
        .map(|text| text.parse().unwrap())
        .into();
    let endpoints = Row {
        addresses: Addresses::of(both, Reach::Endpoints),
        ..row("service/app/db", 1, &[])
    };
    mesh.add("db.example.com", endpoints);
    let of = |families| Viewer {
        families,
        ..Viewer::ANYBODY
    };
    let find = |viewer| mesh.find("auto.example.com.", &viewer);
    assert_eq!(find(of(Families::All)), "= 240.240.0.1 2001:2::1");
    assert_eq!(find(of(Families::First)), "= 240.240.0.1");
    assert_eq!(find(of(Families::V6)), "= 2001:2::1");
    assert_eq!(
        mesh.find("given.example.com.", &of(Families::V6)),
        "= 192.0.2.1"
    );
    for (families, told) in [
        (Families::V4, "= 192.0.2.3 2001:db8::3"),
        (Families::First, "= 192.0.2.3 2001:db8::3"),
        (Families::V6, "bare"),
    ] {
        assert_eq!(mesh.find("db.example.com.", &of(families)), told);
    }
    let refuses = Viewer {
        takes_automatic: false,
        ..Viewer::ANYBODY
    };
    assert_eq!(find(refuses), "bare");
}

#[test]
fn a_sidecar_resource_imports_what_it_names() {
    let mut mesh = Mesh::new();
    mesh.add("dup.example.com", row("entry/other/1", 1, &["192.0.2.1"]));
    mesh.add("dup.example.com", row("entry/third/2", 1, &["192.0.2.2"]));
    mesh.add("bar.example.com", row("entry/third/3", 1, &["192.0.2.3"]));
    let sidecar = |imports: &[&str]| Sidecar {
        namespace: "app".into(),
        name: "default".into(),
        created: 0,
        selector: None,
        egress: [Egress::new(None, imports.iter().copied())].into(),
    };
    let some = sidecar(&["third/dup.example.com", "*/*.net"]);
    let viewer = Viewer {
        sidecar: Some(&some),
        ..of("app")
    };
    assert_eq!(mesh.find("dup.example.com.", &viewer), "= 192.0.2.2");
    assert_eq!(mesh.find("bar.example.com.", &viewer), "missing");
    let none = sidecar(&["~/*"]);
    let viewer = Viewer {
        sidecar: Some(&none),
        ..of("app")
    };
    assert_eq!(mesh.find("dup.example.com.", &viewer), "missing");
}

#[test]
fn hosts_are_found_by_address_and_names_above_hosts_exist() {
    let mut mesh = Mesh::new();
    mesh.add("b.example.com", row("entry/app/1", 1, &["192.0.2.1"]));
    mesh.add("a.example.com", row("entry/app/2", 1, &["192.0.2.1"]));
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let hosts = |mesh: &Mesh| -> Vec<String> {
        let hosts = mesh.table.hosts_at(address, &Viewer::ANYBODY);
        hosts.iter().map(ToString::to_string).collect()
    };
    assert_eq!(hosts(&mesh), ["a.example.com", "b.example.com"]);
    let above: Name = "example.com.".parse().unwrap();
    assert!(mesh.table.has_below(above.view()));
    mesh.remove("entry/app/1");
    mesh.remove("entry/app/2");
    assert!(hosts(&mesh).is_empty());
    assert!(!mesh.table.has_below(above.view()));
    assert!(mesh.table.is_empty());
}

#[test]
fn why_names_every_row_and_what_became_of_it() {
    let mut mesh = Mesh::new();
    mesh.add("a.example.com", row("entry/app/1", 1, &["192.0.2.1"]));
    mesh.add("a.example.com", row("entry/other/2", 2, &["192.0.2.2"]));
    let bare = Row {
        addresses: Addresses::none(Without::Unresolved),
        ..row("entry/app/3", 3, &[])
    };
    mesh.add("a.example.com", bare);
    let hidden = Row {
        exports: Exports::Nobody,
        ..row("entry/app/4", 4, &["192.0.2.4"])
    };
    mesh.add("a.example.com", hidden);
    mesh.add("*.example.com", row("entry/app/5", 5, &["192.0.2.5"]));
    let name: Name = "a.example.com.".parse().unwrap();
    let search = Search::default();
    let why = mesh.table.why(name.view(), &of("app"), &search);
    let verdicts: Vec<Verdict> = why.iter().map(|row| row.verdict).collect();
    assert_eq!(
        verdicts,
        [
            Verdict::Answers,
            Verdict::OtherNamespace,
            Verdict::Bare(Without::Unresolved),
            Verdict::NotExported,
            Verdict::Later,
        ]
    );
    let nothing = mesh.table.why(NameRef::ROOT, &of("app"), &search);
    assert!(nothing.is_empty());
}

#[test]
fn the_order_of_coming_does_not_matter() {
    let rows = [
        ("entry/app/1", 5, "192.0.2.1"),
        ("entry/app/2", 5, "192.0.2.2"),
        ("entry/other/3", 4, "192.0.2.3"),
        ("entry/third/4", 4, "192.0.2.4"),
    ];
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]];
    for order in orders {
        let mut mesh = Mesh::new();
        for place in order {
            let (owner, created, address) = rows[place];
            mesh.add("same.example.com", row(owner, created, &[address]));
        }
        let find = |namespace| mesh.find("same.example.com.", &of(namespace));
        assert_eq!(find("app"), "= 192.0.2.1 192.0.2.2");
        assert_eq!(find("nowhere"), "= 192.0.2.3");
    }
}

#[test]
fn a_host_is_found_without_allocation() {
    let mut mesh = Mesh::new();
    mesh.add("api.example.com", row("entry/app/1", 1, &["192.0.2.1"]));
    mesh.add("*.wild.example.com", row("entry/app/2", 1, &["192.0.2.2"]));
    mesh.add(
        "web.app.svc.cluster.local",
        row("service/app/web", 1, &["10.0.0.1"]),
    );
    let domains = [
        "app.svc.cluster.local.",
        "svc.cluster.local.",
        "cluster.local.",
    ];
    let domains: Vec<Name> = domains.iter().map(|text| text.parse().unwrap()).collect();
    let search = Search {
        domains: &domains,
        cluster: domains.last().map(Name::view),
    };
    for name in [
        "api.example.com.",
        "api.example.com.app.svc.cluster.local.",
        "x.y.wild.example.com.app.svc.cluster.local.",
        "web.app.app.svc.cluster.local.",
        "www.example.org.app.svc.cluster.local.",
    ] {
        let name: Name = name.parse().unwrap();
        let find = || {
            let looked = mesh.table.find(name.view(), &of("app"), &search, |found| {
                found.choice.addresses().len()
            });
            assert_ne!(looked, Looked::Bare);
        };
        find();
        let spent = allocation_counter::measure(find);
        assert_eq!(spent.count_total, 0, "{name}");
    }
}
