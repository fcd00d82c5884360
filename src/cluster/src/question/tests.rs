//! Names of the specification, and names that are none.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_dns::Name;

use super::{Asked, Grammar, Path, PathKind, is_reverse, parse};

/// The parts of a name as `kind namespace service endpoint cluster port protocol topology`.
fn parts(name: &str, grammar: Grammar) -> String {
    let name: Name = name.parse().unwrap();
    let zone: Name = "cluster.local.".parse().unwrap();
    let text = |octets: &[u8]| match octets {
        [] => "-".to_owned(),
        octets => String::from_utf8_lossy(octets).into_owned(),
    };
    match parse(name.view(), zone.view(), grammar) {
        Asked::Nothing => "nothing".to_owned(),
        Asked::Invalid => "invalid".to_owned(),
        Asked::Name(path) => {
            let Path {
                kind,
                namespace,
                service,
                endpoint,
                cluster,
                port,
                protocol,
                ..
            } = path;
            let parts = [namespace, service, endpoint, cluster, port, protocol].map(text);
            let topology = path.topology.map(|t| {
                let word = if t.is_preference { "prefer" } else { "pin" };
                format!(" {word} {}", text(&t.zone))
            });
            let kind = kind.name();
            format!("{kind} {}{}", parts.join(" "), topology.unwrap_or_default())
        }
    }
}

#[test]
fn names_are_taken_apart() {
    for (name, expected) in [
        ("cluster.local.", "nothing"),
        ("svc.cluster.local.", "nothing"),
        ("pod.cluster.local.", "nothing"),
        ("x.cluster.local.", "invalid"),
        ("a.b.x.cluster.local.", "invalid"),
        ("ns.svc.cluster.local.", "svc ns - - - - -"),
        ("web.ns.svc.cluster.local.", "svc ns web - - - -"),
        ("a.web.ns.svc.cluster.local.", "svc ns web a - - -"),
        (
            "_http._tcp.web.ns.svc.cluster.local.",
            "svc ns web - - http tcp",
        ),
        (
            "http.tcp.web.ns.svc.cluster.local.",
            "svc ns web - - http tcp",
        ),
        ("_._tcp.web.ns.svc.cluster.local.", "svc ns web - - - tcp"),
        ("a.b.c.web.ns.svc.cluster.local.", "invalid"),
        ("z.pin._zone.web.ns.svc.cluster.local.", "invalid"),
        ("10-0-0-1.ns.pod.cluster.local.", "pod ns 10-0-0-1 - - - -"),
    ] {
        assert_eq!(parts(name, Grammar::default()), expected, "{name}");
    }
}

#[test]
fn imported_endpoints_have_a_cluster() {
    let grammar = Grammar {
        multicluster: true,
        zonal: true,
    };
    for (name, expected) in [
        ("a.b.web.ns.svc.cluster.local.", "svc ns web a b - -"),
        (
            "_http._tcp.web.ns.svc.cluster.local.",
            "svc ns web - - http tcp",
        ),
        ("z.pin._zone.web.ns.svc.cluster.local.", "invalid"),
    ] {
        assert_eq!(parts(name, grammar), expected, "{name}");
    }
}

#[test]
fn zones_of_machines_may_have_dots() {
    let grammar = Grammar {
        multicluster: false,
        zonal: true,
    };
    for (name, expected) in [
        (
            "a.pin._zone.web.ns.svc.cluster.local.",
            "svc ns web - - - - pin a",
        ),
        (
            "a.b.prefer._zone.web.ns.svc.cluster.local.",
            "svc ns web - - - - prefer a.b",
        ),
        ("a.near._zone.web.ns.svc.cluster.local.", "invalid"),
        ("a.pin._zone.web.ns.pod.cluster.local.", "invalid"),
    ] {
        assert_eq!(parts(name, grammar), expected, "{name}");
    }
}

#[test]
fn the_key_is_service_and_namespace_in_wire_form() {
    let name: Name = "a.web.ns.svc.cluster.local.".parse().unwrap();
    let zone: Name = "cluster.local.".parse().unwrap();
    let Asked::Name(path) = parse(name.view(), zone.view(), Grammar::default()) else {
        unreachable!("no name");
    };
    assert_eq!(
        (path.kind, path.key),
        (PathKind::Service, &b"\x03web\x02ns"[..])
    );
    assert_eq!(path.key_at, 2);
}

#[test]
fn reverse_zones_are_told_from_others() {
    for (name, expected) in [
        ("in-addr.arpa.", true),
        ("10.in-addr.arpa.", true),
        ("ip6.arpa.", true),
        ("arpa.", false),
        ("cluster.local.", false),
    ] {
        let name: Name = name.parse().unwrap();
        assert_eq!(is_reverse(name.view()), expected);
    }
}
