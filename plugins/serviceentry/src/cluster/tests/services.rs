//! Names and addresses of Services.

use super::{Mesh, addresses, of};
use crate::object::{Endpoint, ServicePlace};

fn at(address: &str) -> ServicePlace {
    ServicePlace::Addresses(addresses(&[address]).into())
}

fn endpoint(address: &str, is_ready: bool, hostname: Option<&str>) -> Endpoint {
    Endpoint {
        addresses: addresses(&[address]).into(),
        is_ready,
        hostname: hostname.map(Into::into),
    }
}

#[test]
fn services_have_short_names_and_entries_of_their_domain_have_none() {
    let mut mesh = Mesh::new();
    mesh.service("app/web", at("10.0.0.1"), None);
    mesh.entry("app/1", "fake.app.svc.cluster.local", "192.0.2.1", "");
    for (name, told) in [
        ("web", "10.0.0.1"),
        ("web.app", "10.0.0.1"),
        ("web.app.svc", "10.0.0.1"),
        ("web.app.svc.cluster.local", "10.0.0.1"),
        ("web.app.svc.cluster", "missing"),
        ("fake", "missing"),
        ("fake.app.svc", "missing"),
        ("fake.app.svc.cluster.local", "192.0.2.1"),
    ] {
        assert_eq!(mesh.find(name, of("app")), told, "{name}");
    }
    assert_eq!(mesh.find("web", of("other")), "missing");
    assert_eq!(mesh.find("web.app", of("other")), "10.0.0.1");
}

#[test]
fn a_service_hides_entries_of_its_host_unless_they_are_in_the_own_namespace() {
    let mut mesh = Mesh::new();
    let host = "web.app.svc.cluster.local";
    mesh.entry("app/1", host, "192.0.2.1", "");
    mesh.entry("zoo/2", host, "192.0.2.2", "");
    mesh.service("app/web", at("10.0.0.1"), None);
    assert_eq!(mesh.find(host, of("app")), "10.0.0.1");
    assert_eq!(mesh.find(host, of("other")), "10.0.0.1");
    assert_eq!(mesh.find(host, of("zoo")), "192.0.2.2");
}

#[test]
fn a_headless_service_is_at_the_ready_endpoints_of_all_its_ports() {
    let mut mesh = Mesh::new();
    mesh.service("app/db", ServicePlace::Endpoints { all: false }, None);
    let http = vec![
        endpoint("10.244.0.1", true, Some("db-0")),
        endpoint("10.244.0.2", false, Some("db-1")),
    ];
    mesh.slice(("app/db-a", "app/db"), "http", http);
    let grpc = vec![endpoint("10.244.0.3", true, None)];
    mesh.slice(("app/db-b", "app/db"), "grpc", grpc);
    let foreign = vec![endpoint("10.244.0.4", true, None)];
    mesh.slice(("app/db-c", "app/db"), "metrics", foreign);
    assert_eq!(mesh.find("db", of("app")), "10.244.0.1 10.244.0.3");
    assert_eq!(mesh.find("db-0.db", of("app")), "10.244.0.1");
    assert_eq!(
        mesh.find("db-0.db.app.svc.cluster.local", of("zoo")),
        "10.244.0.1"
    );
    assert_eq!(mesh.find("db-1.db", of("app")), "missing");
    // Who wants to see the Service sees its pods.
    for (imported, told) in [("db", "10.244.0.1"), ("web", "missing")] {
        let import = format!(r#""egress":[{{"hosts":["*/{imported}.app.svc.cluster.local"]}}]"#);
        mesh.sidecar("zoo/default", &import);
        mesh.state.publish();
        let name = "db-0.db.app.svc.cluster.local";
        assert_eq!(mesh.find(name, of("zoo")), told);
    }
    mesh.service("app/db", ServicePlace::Endpoints { all: true }, None);
    let all = "10.244.0.1 10.244.0.2 10.244.0.3";
    assert_eq!(mesh.find("db", of("app")), all);
    assert_eq!(mesh.find("db-1.db", of("app")), "10.244.0.2");
}
