//! Who sees which host.

use catena_mesh::Exports;

use super::{Mesh, Workload, id, of};
use crate::object::{DefaultExports, ServicePlace, read_mesh};

fn export_to(names: &str) -> String {
    format!(r#","exportTo":[{names}]"#)
}

#[test]
fn hosts_are_seen_where_they_are_exported_to() {
    for (names, seen) in [
        (r#""*""#, [true, true, true]),
        (r#"".""#, [true, false, false]),
        (r#""~""#, [false, false, false]),
        (r#""other""#, [false, true, false]),
        (r#"".","other""#, [true, true, false]),
        (r#""~","*""#, [true, true, true]),
        (r#""other","~""#, [false, false, false]),
        ("", [true, true, true]),
    ] {
        let mut mesh = Mesh::new();
        mesh.entry("app/a", "a.test", "192.0.2.1", &export_to(names));
        let found = ["app", "other", "third"].map(|namespace| mesh.find("a.test", of(namespace)));
        let wanted = seen.map(|seen| if seen { "192.0.2.1" } else { "missing" });
        assert_eq!(found, wanted, "{names}");
    }
}

#[test]
fn what_says_nothing_is_exported_as_the_mesh_is_told() {
    for (default, seen) in [
        (".", ["192.0.2.1", "missing"]),
        ("~", ["missing", "missing"]),
    ] {
        let mut mesh = Mesh::with(Some(DefaultExports::new(default)));
        mesh.entry("app/a", "a.test", "192.0.2.1", "");
        mesh.entry("app/b", "b.test", "192.0.2.2", &export_to(r#""*""#));
        assert_eq!(["app", "other"].map(|ns| mesh.find("a.test", of(ns))), seen);
        assert_eq!(mesh.find("b.test", of("other")), "192.0.2.2");
    }
}

/// A ConfigMap in protobuf.
fn config_map(namespace: &str, mesh: &str) -> Vec<u8> {
    let field = |number: u8, octets: &[u8]| {
        let mut out = vec![number << 3 | 2, u8::try_from(octets.len()).unwrap()];
        out.extend_from_slice(octets);
        out
    };
    let meta = [field(1, b"istio"), field(3, namespace.as_bytes())].concat();
    let data = [field(1, b"mesh"), field(2, mesh.as_bytes())].concat();
    [field(1, &meta), field(2, &data)].concat()
}

#[test]
fn what_says_nothing_is_exported_as_the_configuration_of_the_mesh_has_it_now() {
    let mut mesh = Mesh::new();
    mesh.entry("app/1", "a.test", "192.0.2.1", "");
    mesh.entry("app/2", "all.test", "192.0.2.2", &export_to(r#""*""#));
    let place = ServicePlace::Addresses([[10, 0, 0, 1].into()].into());
    mesh.service("app/web", place, None);
    let mut seen = |namespace: &str, text: &str| {
        let map = read_mesh(&config_map(namespace, text)).unwrap();
        mesh.state.apply_mesh(map);
        mesh.state.publish();
        mesh.entry("app/3", "late.test", "192.0.2.3", "");
        assert_eq!(mesh.find("all.test", of("yard")), "192.0.2.2");
        let all = ["a.test", "late.test", "web.app"];
        ["app", "zoo", "yard"].map(|ns| {
            let found = all.map(|name| mesh.find(name, of(ns)) != "missing");
            assert!(found.iter().all(|seen| *seen == found[0]), "{found:?}");
            found[0]
        })
    };
    let root = "istio-system";
    assert_eq!(seen(root, "ingressService: x"), [true; 3]);
    let own = "defaultServiceExportTo:\n- .\nrootNamespace: x";
    assert_eq!(seen("other", own), [true; 3]);
    assert_eq!(seen(root, own), [true, false, false]);
    assert_eq!(
        seen(root, "defaultServiceExportTo: [., zoo]"),
        [true, true, false]
    );
    // What makes no sense changes nothing.
    assert_eq!(seen(root, "defaultServiceExportTo: {"), [true, true, false]);
    assert_eq!(seen(root, "defaultServiceExportTo: ['~']"), [false; 3]);
    assert_eq!(seen(root, "# nothing"), [true; 3]);
    assert_eq!(seen(root, own), [true, false, false]);
    mesh.state.delete_mesh(&id("other/istio"));
    assert_eq!(mesh.find("a.test", of("zoo")), "missing");
    mesh.state.delete_mesh(&id("istio-system/istio"));
    mesh.state.publish();
    assert_eq!(mesh.find("a.test", of("zoo")), "192.0.2.1");
}

#[test]
fn a_host_in_many_namespaces_is_that_of_the_own_one_else_the_oldest_that_is_seen() {
    let mut mesh = Mesh::new();
    mesh.entry("zoo/1", "a.test", "192.0.2.1", &export_to(r#"".""#));
    mesh.entry("yard/2", "a.test", "192.0.2.2", "");
    mesh.entry("app/3", "a.test", "192.0.2.3", "");
    mesh.entry("app/4", "a.test", "192.0.2.4", &export_to(r#"".""#));
    assert_eq!(mesh.find("a.test", of("zoo")), "192.0.2.1");
    assert_eq!(mesh.find("a.test", of("yard")), "192.0.2.2");
    assert_eq!(mesh.find("a.test", of("app")), "192.0.2.3 192.0.2.4");
    assert_eq!(mesh.find("a.test", of("other")), "192.0.2.2");
}

#[test]
fn what_is_exported_to_a_namespace_by_name_goes_before_what_is_for_all() {
    let mut mesh = Mesh::new();
    mesh.entry("yard/1", "a.test", "192.0.2.1", "");
    mesh.entry("zoo/2", "a.test", "192.0.2.2", &export_to(r#""app""#));
    assert_eq!(mesh.find("a.test", of("app")), "192.0.2.2");
    assert_eq!(mesh.find("a.test", of("other")), "192.0.2.1");
}

#[test]
fn a_hidden_exact_host_does_not_hide_a_wildcard() {
    let mut mesh = Mesh::new();
    mesh.entry("zoo/1", "a.b.test", "192.0.2.1", &export_to(r#"".""#));
    mesh.entry("yard/2", "*.b.test", "192.0.2.2", "");
    mesh.entry("zoo/3", "*.a.b.test", "192.0.2.3", &export_to(r#"".""#));
    assert_eq!(mesh.find("a.b.test", of("zoo")), "192.0.2.1");
    assert_eq!(mesh.find("a.b.test", of("app")), "192.0.2.2");
    assert_eq!(mesh.find("x.a.b.test", of("zoo")), "192.0.2.3");
    assert_eq!(mesh.find("x.a.b.test", of("app")), "192.0.2.2");
}

#[test]
fn services_are_exported_as_their_annotation_says() {
    let mut mesh = Mesh::new();
    let place = || ServicePlace::Addresses([[10, 0, 0, 1].into()].into());
    let only = Exports::To(["zoo".into()].into());
    mesh.service("app/private", place(), Some(only));
    mesh.service("app/public", place(), None);
    assert_eq!(mesh.find("private.app", of("zoo")), "10.0.0.1");
    assert_eq!(mesh.find("private.app", of("app")), "missing");
    assert_eq!(mesh.find("public.app", of("other")), "10.0.0.1");
}

#[test]
fn a_sidecar_imports_by_namespace_and_host() {
    let mut mesh = Mesh::new();
    for (at, host, address) in [
        ("app/1", "own.test", "192.0.2.1"),
        ("zoo/2", "a.zoo.test", "192.0.2.2"),
        ("zoo/3", "zoo.test", "192.0.2.3"),
        ("yard/4", "*.yard.test", "192.0.2.4"),
        ("yard/5", "b.yard.test", "192.0.2.5"),
    ] {
        mesh.entry(at, host, address, "");
    }
    for (hosts, seen) in [
        (r#""./*""#, [true, false, false, false, false]),
        (r#""*/*.zoo.test""#, [false, true, false, false, false]),
        (r#""zoo/*""#, [false, true, true, false, false]),
        (r#""yard/b.yard.test""#, [false, false, false, false, true]),
        (r#""*/*.yard.test""#, [false, false, false, true, true]),
        (r#""zoo/b.yard.test""#, [false; 5]),
        (r#""~/*""#, [false; 5]),
        (r#""./own.test","yard/*""#, [true, false, false, true, true]),
        (r#""*/*.test""#, [true; 5]),
    ] {
        let spec = format!(r#""egress":[{{"hosts":[{hosts}]}}]"#);
        mesh.sidecar("app/default", &spec);
        let names = [
            "own.test",
            "a.zoo.test",
            "zoo.test",
            "x.yard.test",
            "b.yard.test",
        ];
        let found = names.map(|name| !matches!(&*mesh.find(name, of("app")), "missing"));
        // A name of a wildcard that is imported is found without its own host too.
        let mut wanted = seen;
        wanted[4] |= seen[3];
        assert_eq!(found, wanted, "{hosts}");
        assert_eq!(mesh.find("b.yard.test", of("zoo")), "192.0.2.5");
    }
}

/// Which of these hosts of `zoo` and `yard` a workload of `app` sees that imports `hosts`.
fn imported(hosts: &str) -> String {
    let mut mesh = Mesh::new();
    for (at, host) in [
        ("zoo/1", "api.test"),
        ("zoo/2", "a-api.test"),
        ("yard/3", "b.c-api.test"),
        ("yard/4", "*.d-api.test"),
        ("yard/5", "*-api.test"),
        ("yard/6", "web.test"),
    ] {
        mesh.entry(at, host, "192.0.2.1", "");
    }
    let spec = format!(r#""egress":[{{"hosts":[{hosts}]}}]"#);
    mesh.sidecar("app/default", &spec);
    let all = [
        "api.test",
        "a-api.test",
        "b.c-api.test",
        "x.d-api.test",
        "*-api.test",
        "web.test",
    ];
    let seen = all.into_iter();
    let seen = seen.filter(|name| mesh.find(name, of("app")) != "missing");
    seen.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_star_before_a_text_imports_all_hosts_that_end_in_it() {
    let ends = "a-api.test b.c-api.test x.d-api.test *-api.test";
    assert_eq!(imported(r#""*/*-api.test""#), ends);
    assert_eq!(imported(r#""*/*-API.test""#), ends);
    assert_eq!(imported(r#""zoo/*-api.test""#), "a-api.test");
    assert_eq!(imported(r#""*/*api.test""#), format!("api.test {ends}"));
    assert_eq!(imported(r#""*/*c-api.test""#), "b.c-api.test");
    // Elsewhere a star is like other letters.
    assert_eq!(imported(r#""*/a*api.test","*/b.*.test""#), "");
    assert_eq!(imported(r#""*/*.c-api.test""#), "b.c-api.test");
}

#[test]
fn what_a_tilde_stands_before_is_not_imported() {
    let all = r#""*/*""#;
    let but = |exclusion: &str| imported(&format!("{all},\"{exclusion}\""));
    let of_yard = "b.c-api.test x.d-api.test *-api.test web.test";
    assert_eq!(but("~zoo/*"), of_yard);
    assert_eq!(but("~./*"), format!("api.test a-api.test {of_yard}"));
    assert_eq!(but("~/*-api.test"), "api.test web.test");
    assert_eq!(but("~*/*.test"), "");
    assert_eq!(but("~yard/api.test"), imported(all));
    assert_eq!(but("~/*"), "");
    // It goes before what names the host itself.
    assert_eq!(
        imported(r#""zoo/api.test","zoo/a-api.test","~/api.test""#),
        "a-api.test"
    );
}

#[test]
fn what_is_no_import_imports_nothing() {
    for hosts in [
        "",
        r#""api.test""#,
        r#""*/a/b""#,
        r#""*/""#,
        r#""/*""#,
        r#""~/web.test""#,
    ] {
        assert_eq!(imported(hosts), "", "{hosts}");
    }
}

#[test]
fn an_empty_selector_selects_all_and_goes_before_the_one_without() {
    let mut mesh = Mesh::new();
    mesh.entry("app/1", "own.test", "192.0.2.1", "");
    mesh.entry("zoo/2", "zoo.test", "192.0.2.2", "");
    let told = |mesh: &Mesh, namespace| {
        ["own.test", "zoo.test"].map(|name| mesh.find(name, of(namespace)) != "missing")
    };
    let empty = r#""egress":[{"hosts":["zoo/*"]}],"workloadSelector":{}"#;
    // It is not the one of the mesh.
    mesh.sidecar("istio-system/default", empty);
    assert_eq!(told(&mesh, "app"), [true, true]);
    mesh.sidecar("app/plain", r#""egress":[{"hosts":["./*"]}]"#);
    assert_eq!(told(&mesh, "app"), [true, false]);
    mesh.sidecar("app/empty", empty);
    assert_eq!(told(&mesh, "app"), [false, true]);
}

#[test]
fn listeners_of_a_sidecar_add_up_and_take_hosts_with_their_port() {
    let mut mesh = Mesh::new();
    let port = |number| format!(r#","ports":[{{"number":{number},"name":"p","protocol":"TCP"}}]"#);
    mesh.entry("zoo/1", "a.test", "192.0.2.1", &port(443));
    mesh.entry("zoo/2", "b.test", "192.0.2.2", &port(80));
    mesh.entry("yard/3", "c.test", "192.0.2.3", &port(80));
    let listener = |number: u16, protocol: &str, hosts: &str| {
        format!(
            r#"{{"port":{{"number":{number},"name":"p","protocol":"{protocol}"}},
            "hosts":["{hosts}"]}}"#
        )
    };
    let told = |mesh: &Mesh| ["a.test", "b.test", "c.test"].map(|name| mesh.find(name, of("app")));
    let spec = |listeners: &[String]| format!(r#""egress":[{}]"#, listeners.join(","));
    mesh.sidecar("app/default", &spec(&[listener(443, "TCP", "*/*")]));
    assert_eq!(told(&mesh), ["192.0.2.1", "missing", "missing"]);
    let both = [listener(443, "TCP", "*/*"), listener(80, "HTTP", "yard/*")];
    mesh.sidecar("app/default", &spec(&both));
    assert_eq!(told(&mesh), ["192.0.2.1", "missing", "192.0.2.3"]);
    mesh.sidecar("app/default", &spec(&[listener(7, "HTTP_PROXY", "zoo/*")]));
    assert_eq!(told(&mesh), ["192.0.2.1", "192.0.2.2", "missing"]);
}

#[test]
fn a_sidecar_that_selects_goes_before_that_of_the_namespace_and_that_of_the_mesh() {
    let mut mesh = Mesh::new();
    mesh.entry("app/1", "own.test", "192.0.2.1", "");
    mesh.entry("zoo/2", "zoo.test", "192.0.2.2", "");
    let hosts = |hosts: &str| format!(r#""egress":[{{"hosts":["{hosts}"]}}]"#);
    let told = |mesh: &Mesh, labels: &[(&str, &str)]| {
        let workload = Workload {
            namespace: "app",
            labels,
        };
        ["own.test", "zoo.test"].map(|name| mesh.find(name, workload) != "missing")
    };
    let client = [("app", "client"), ("version", "v1")];
    assert_eq!(told(&mesh, &client), [true, true]);
    // `.` of the mesh's is the namespace of the workload.
    mesh.sidecar("istio-system/default", &hosts("./*"));
    assert_eq!(told(&mesh, &client), [true, false]);
    mesh.sidecar("app/default", &hosts("zoo/*"));
    assert_eq!(told(&mesh, &client), [false, true]);
    let selector = r#","workloadSelector":{"labels":{"app":"client"}}"#;
    mesh.sidecar("app/special", &(hosts("~/*") + selector));
    assert_eq!(told(&mesh, &client), [false, false]);
    assert_eq!(told(&mesh, &[("app", "web")]), [false, true]);
    assert_eq!(mesh.find("zoo.test", of("third")), "missing");
}

#[test]
fn of_a_host_in_many_namespaces_a_sidecar_takes_the_own_one_else_the_first_it_imports() {
    let mut mesh = Mesh::new();
    mesh.entry("yard/1", "a.test", "192.0.2.1", "");
    mesh.entry("zoo/2", "a.test", "192.0.2.2", "");
    mesh.sidecar("app/default", r#""egress":[{"hosts":["zoo/*","yard/*"]}]"#);
    assert_eq!(mesh.find("a.test", of("app")), "192.0.2.1");
    mesh.sidecar("app/default", r#""egress":[{"hosts":["zoo/*"]}]"#);
    assert_eq!(mesh.find("a.test", of("app")), "192.0.2.2");
    // Each listener takes one, and a workload is told those of all.
    let two = r#""egress":[{"hosts":["zoo/*"]},{"hosts":["yard/*"]}]"#;
    mesh.sidecar("app/default", two);
    assert_eq!(mesh.find("a.test", of("app")), "192.0.2.1 192.0.2.2");
    mesh.entry("app/3", "a.test", "192.0.2.3", "");
    mesh.sidecar("app/default", r#""egress":[{"hosts":["*/*"]}]"#);
    assert_eq!(mesh.find("a.test", of("app")), "192.0.2.3");
}
