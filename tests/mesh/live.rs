//! `serviceentry` as it lives: changes, outages, kinds that come late, clients that differ.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use catena_dns::{Message, Name, RecordType};
use serde_json::{Value, json};

use super::objects::{apply, define, delete, documents, set_status};
use crate::client::{ask, exchange};
use crate::kube::{Api, await_that};
use crate::mesh_files::with_endpoint;
use crate::server::{Server, free_port, move_ports};

const LIMIT: Duration = Duration::from_secs(10);
const CONTESTED: &str = "catena_serviceentry_contested_addresses{source=";

fn entry(namespace: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"namespace": namespace, "name": name},
        "spec": spec,
    })
}

fn host(name: &str, address: &str) -> Value {
    let spec = json!({"hosts": [name], "addresses": [address], "resolution": "DNS"});
    entry("shop", name.trim_start_matches("*."), spec)
}

/// A server with a block for the zone `global` and what is more.
fn server(folder: &Path, api: &Api, properties: &str) -> (Server, u16) {
    server_beside(folder, api, (properties, ""))
}

/// The same with properties of `serviceentry`, and other directives beside it.
fn server_beside(folder: &Path, api: &Api, (properties, beside): (&str, &str)) -> (Server, u16) {
    let text = format!(
        "global 192.0.2.0/24 {{\n bind 127.0.0.1\n serviceentry {{\n endpoint \
         http://127.0.0.1:{}\n {properties}\n }}\n {beside}\n}}\n",
        api.http
    );
    fs::write(folder.join("Corefile"), text).unwrap();
    let port = free_port();
    let mut server = Server::start(folder, "Corefile", port);
    server.started().unwrap();
    (server, port)
}

/// An answer in a few words: code, records of each section.
fn told(port: u16, name: &str, rtype: RecordType) -> String {
    let name: Name = name.parse().unwrap();
    let query = Message::query(name.view(), rtype).to_packet();
    in_words(&Message::decode(&exchange(port, &query).unwrap()).unwrap())
}

fn in_words(reply: &Message) -> String {
    let mut text = reply.rcode().name().unwrap().to_owned();
    for section in [&reply.answers, &reply.authorities, &reply.additionals] {
        text.push_str(" |");
        for record in section
            .iter()
            .filter(|record| record.rtype != RecordType::OPT)
        {
            text.push_str(&format!(
                " {} {}",
                record.name,
                record.rtype.name().unwrap()
            ));
        }
    }
    text
}

fn why(port: u16, query: &str) -> String {
    page(port, &format!("/why?{query}"))
}

fn page(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: page\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn a_zone_of_hosts_answers_denies_and_explains() {
    let Some(api) = Api::start("") else {
        return;
    };
    define(&api);
    let spec = json!({
        "hosts": ["api.test.global"],
        "addresses": ["192.0.2.1", "2001:db8::1"],
        "resolution": "DNS",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"},
            {"number": 53, "name": "dns", "protocol": "UDP"}],
    });
    apply(&api, &entry("shop", "api", spec));
    apply(&api, &host("*.global", "192.0.2.2"));
    let folder = tempfile::tempdir().unwrap();
    let port_of_why = free_port();
    let properties = format!("why 127.0.0.1:{port_of_why}");
    let (_server, port) = server(folder.path(), &api, &properties);
    let told = |name: &str, rtype| told(port, name, rtype);
    let (a, srv) = (RecordType::A, RecordType::SRV);
    assert_eq!(
        told("API.test.GLOBAL.", a),
        "NOERROR | API.test.GLOBAL. A | |"
    );
    assert_eq!(
        told("any.depth.global.", a),
        "NOERROR | any.depth.global. A | |"
    );
    assert_eq!(
        told("any.global.", RecordType::AAAA),
        "NOERROR | | global. SOA |"
    );
    assert_eq!(
        told("api.test.global.", RecordType::TXT),
        "NOERROR | | global. SOA |"
    );
    assert_eq!(
        told("global.", RecordType::SOA),
        "NOERROR | global. SOA | |"
    );
    assert_eq!(told("global.", a), "NOERROR | | global. SOA |");
    let ports = told("_http._tcp.api.test.global.", srv);
    assert_eq!(
        ports,
        "NOERROR | _http._tcp.api.test.global. SRV | | api.test.global. A api.test.global. AAAA"
    );
    assert!(told("_dns._udp.api.test.global.", srv).starts_with("NOERROR | _dns"));
    assert_eq!(
        told("_dns._tcp.api.test.global.", srv),
        "NOERROR | | global. SOA |"
    );
    let pointer = told("1.2.0.192.in-addr.arpa.", RecordType::PTR);
    assert_eq!(pointer, "NOERROR | 1.2.0.192.in-addr.arpa. PTR | |");
    let nobody = told("9.2.0.192.in-addr.arpa.", RecordType::PTR);
    assert_eq!(nobody, "NXDOMAIN | | 2.0.192.in-addr.arpa. SOA |");

    let page = why(port_of_why, "name=api.test.global&namespace=shop");
    assert!(
        page.contains("api.test.global of serviceentry/shop/api answers"),
        "{page}"
    );
    assert!(
        page.contains("*.global of serviceentry/shop/global comes too late"),
        "{page}"
    );
    assert!(why(port_of_why, "name=").contains("400"));

    delete(&api, &host("*.global", "192.0.2.2"));
    await_that("the wildcard is gone", || {
        ask(port, "any.global").unwrap().is_none()
    });
    assert_eq!(told("any.global.", a), "NXDOMAIN | | global. SOA |");
    assert_eq!(told("test.global.", a), "NOERROR | | global. SOA |");
}

#[test]
fn what_is_private_is_seen_by_pods_of_its_namespace() {
    let Some(api) = Api::start("") else {
        return;
    };
    define(&api);
    let mut private = host("private.global", "192.0.2.1");
    private["spec"]["exportTo"] = json!(["."]);
    apply(&api, &private);
    let folder = tempfile::tempdir().unwrap();
    let (_server, port) = server(folder.path(), &api, "clients pods");
    assert_eq!(ask(port, "private.global").unwrap(), None);
    let pod = |namespace: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "client", "namespace": namespace},
            "status": {"phase": "Running", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]},
        })
    };
    apply(&api, &pod("shop"));
    await_that("the pod sees it", || {
        ask(port, "private.global").unwrap().is_some()
    });
    delete(&api, &pod("shop"));
    await_that("nobody sees it", || {
        ask(port, "private.global").unwrap().is_none()
    });
    apply(&api, &pod("other"));
    assert_eq!(ask(port, "private.global").unwrap(), None);
}

#[test]
fn the_configuration_of_the_mesh_says_who_sees_what_says_nothing() {
    let Some(api) = Api::start("") else {
        return;
    };
    define(&api);
    apply(&api, &host("quiet.global", "192.0.2.1"));
    let mesh = |text: &str| {
        let root = "istio-system";
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "istio", "namespace": root},
            "data": {"mesh": text, "meshNetworks": "networks: {}"},
        })
    };
    let own = mesh("accessLogFile: /dev/stdout\ndefaultServiceExportTo:\n- \".\"\n");
    apply(&api, &own);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (_server, port) = server(folders[0].path(), &api, "");
    let (_told, told) = server(folders[1].path(), &api, "export_to *");
    let sees = |port| ask(port, "quiet.global").unwrap().is_some();
    assert!(!sees(port));
    apply(&api, &mesh("defaultServiceExportTo: [\"*\"]"));
    await_that("all see it", || sees(port));
    apply(&api, &own);
    await_that("nobody sees it", || !sees(port));
    delete(&api, &own);
    await_that("all see it again", || sees(port));
    assert!(sees(told));
}

#[test]
fn kinds_may_be_defined_later_and_in_an_older_version() {
    let Some(api) = Api::start("") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (_server, port) = server(folder.path(), &api, "");
    assert_eq!(ask(port, "late.global").unwrap(), None);
    let older = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "serviceentries.networking.istio.io"},
        "spec": {
            "group": "networking.istio.io",
            "scope": "Namespaced",
            "names": {"kind": "ServiceEntry", "listKind": "ServiceEntryList",
                "plural": "serviceentries", "singular": "serviceentry"},
            "versions": [{"name": "v1alpha3", "served": true, "storage": true, "schema":
                {"openAPIV3Schema":
                    {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    });
    apply(&api, &older);
    let mut late = host("late.global", "192.0.2.1");
    late["apiVersion"] = "networking.istio.io/v1alpha3".into();
    let path = "/apis/networking.istio.io/v1alpha3/namespaces/shop/serviceentries";
    await_that("the kind is served", || api.call("GET", path, "") == 200);
    assert_eq!(api.call("POST", path, &late.to_string()), 201);
    await_that("it is found", || {
        ask(port, "late.global").unwrap().is_some()
    });
}

#[test]
fn an_outage_and_a_reload_deny_nothing() {
    let Some(mut api) = Api::start("") else {
        return;
    };
    define(&api);
    apply(&api, &host("api.global", "192.0.2.1"));
    let folder = tempfile::tempdir().unwrap();
    let (mut server, port) = server(folder.path(), &api, "");
    let known = || ask(port, "api.global").unwrap().is_some();
    assert!(known());
    api.stop();
    server.says("Failed to reach the Kubernetes API").unwrap();
    assert!(known());
    let corefile = folder.path().join("Corefile");
    let text = fs::read_to_string(&corefile).unwrap();
    fs::write(
        &corefile,
        text.replace("serviceentry {", "serviceentry {\n ttl 7"),
    )
    .unwrap();
    server.signal("USR1");
    server.says("Reloading complete").unwrap();
    assert!(known());
    api.restart();
    server.says("Kubernetes API answers again").unwrap();
    apply(&api, &host("later.global", "192.0.2.3"));
    await_that("a change after the outage", || {
        assert!(known());
        ask(port, "later.global").unwrap().is_some()
    });
}

#[test]
fn an_old_name_leads_to_the_host_of_an_entry() {
    let Some(api) = Api::start("") else {
        return;
    };
    define(&api);
    let objects = documents(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {name: orders, namespace: shop}\n\
         spec: {type: ExternalName, externalName: default.polaris-orders.polaris}\n",
    );
    objects.iter().for_each(|object| apply(&api, object));
    apply(&api, &host("default.polaris-orders.polaris", "192.0.2.7"));
    let text = include_str!("../../corefiles/mesh/migration");
    let endpoint = format!("endpoint http://127.0.0.1:{}\n", api.http);
    let moved = move_ports(&with_endpoint(text, &endpoint));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Corefile"), &moved.text).unwrap();
    let mut server = Server::start(folder.path(), "Corefile", moved.port);
    server.started().unwrap();
    let port = *moved.dns.first().unwrap();
    await_that("the alias and its address", || {
        told(port, "orders.shop.svc.cluster.local.", RecordType::A)
            == "NOERROR | orders.shop.svc.cluster.local. CNAME \
                default.polaris-orders.polaris. A | |"
    });
    let back = told(port, "7.2.0.192.in-addr.arpa.", RecordType::PTR);
    assert_eq!(back, "NOERROR | 7.2.0.192.in-addr.arpa. PTR | |");
}

/// What `port` answers to a client at `from`.
fn told_at(port: u16, from: [u8; 4], name: &str) -> String {
    let name: Name = name.parse().unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::from(from), 0)).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let query = Message::query(name.view(), RecordType::A).to_packet();
    let mut packet = [0; 512];
    socket.send(&query).unwrap();
    let length = socket.recv(&mut packet).unwrap();
    in_words(&Message::decode(&packet[..length]).unwrap())
}

#[test]
fn an_alias_that_leads_to_a_private_host_is_kept_for_nobody_else() {
    let Some(api) = Api::start("") else {
        return;
    };
    define(&api);
    let mut objects = documents(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {name: orders, namespace: shop}\n\
         spec: {type: ExternalName, externalName: orders.polaris}\n",
    );
    for (namespace, address) in [("shop", "127.0.0.1"), ("other", "127.0.0.2")] {
        objects.push(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "client", "namespace": namespace},
            "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
        }));
    }
    let mut private = host("orders.polaris", "192.0.2.7");
    private["spec"]["exportTo"] = json!(["."]);
    objects.push(private);
    objects.iter().for_each(|object| apply(&api, object));
    let text = include_str!("../../corefiles/mesh/migration");
    let endpoint = format!("endpoint http://127.0.0.1:{}\n", api.http);
    let (world, upstream) = (tempfile::tempdir().unwrap(), free_port());
    let nothing = ". {\n template ANY ANY . {\n rcode NXDOMAIN\n }\n}\n";
    fs::write(world.path().join("Corefile"), nothing).unwrap();
    let mut outside = Server::start(world.path(), "Corefile", upstream);
    outside.started().unwrap();
    let text = with_endpoint(text, &endpoint)
        .replace("/etc/resolv.conf", &format!("127.0.0.1:{upstream}"));
    let moved = move_ports(&text);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Corefile"), &moved.text).unwrap();
    let mut server = Server::start(folder.path(), "Corefile", moved.port);
    server.started().unwrap();
    let port = *moved.dns.first().unwrap();
    let (ours, theirs) = ([127, 0, 0, 1], [127, 0, 0, 2]);
    let name = "orders.shop.svc.cluster.local.";
    let alias = format!("NOERROR | {name} CNAME");
    let whole = format!("{alias} orders.polaris. A | |");
    await_that("the host", || told_at(port, ours, name) == whole);
    // Who may see it is told it also after others, and others are not told it after them.
    for _ in 0..2 {
        assert_eq!(told_at(port, theirs, name), format!("{alias} | |"));
        assert_eq!(told_at(port, ours, name), whole);
    }
}

#[test]
fn an_automatic_address_that_two_statuses_have_is_answered_for_one() {
    let Some(api) = Api::start("") else {
        return;
    };
    define(&api);
    let automatic = |name: &str| {
        let host = format!("{name}.global");
        entry("shop", name, json!({"hosts": [host], "resolution": "DNS"}))
    };
    let give = |name: &str, addresses: &[&str]| {
        let host = format!("{name}.global");
        let list = addresses.iter();
        let list = list.map(|value| json!({"value": value, "host": host}));
        let status = json!({"addresses": list.collect::<Vec<_>>()});
        set_status(&api, "shop", name, &status);
    };
    apply(&api, &automatic("a"));
    give("a", &["240.240.0.1", "2001:2::1"]);
    let folder = tempfile::tempdir().unwrap();
    let (metrics, pages) = (free_port(), free_port());
    let beside = format!("prometheus 127.0.0.1:{metrics}");
    let properties = format!("why 127.0.0.1:{pages}");
    let (mut server, port) = server_beside(folder.path(), &api, (&properties, &beside));
    let contested = |count: u8| {
        let line = format!("http://127.0.0.1:{}\"}} {count}\n", api.http);
        let page = page(metrics, "/metrics");
        let mut lines = page.split_inclusive('\n');
        lines.any(|known| known.starts_with(CONTESTED) && known.ends_with(&line))
    };
    assert!(ask(port, "a.global").unwrap().is_some() && contested(0));
    // Made later, or in the same second: then the name counts.
    apply(&api, &automatic("b"));
    give("b", &["240.240.0.1", "2001:2::2"]);
    server
        .says("240.240.0.1 is answered for serviceentry/shop/a only: serviceentry/shop/b has it")
        .unwrap();
    assert_eq!(ask(port, "b.global").unwrap(), None);
    assert!(ask(port, "a.global").unwrap().is_some() && contested(1));
    let (a, aaaa) = (RecordType::A, RecordType::AAAA);
    assert_eq!(told(port, "b.global.", a), "NOERROR | | global. SOA |");
    assert_eq!(
        told(port, "b.global.", aaaa),
        "NOERROR | b.global. AAAA | |"
    );
    let list = page(pages, "/vips?address=240.240.0.1");
    let row = |name: &str, answered: bool| {
        format!(
            r#"{{"address":"240.240.0.1","host":"{name}.global","namespace":"shop","name":"{name}",
            "answered":{answered}}}"#
        )
        .replace("\n            ", "")
    };
    let both = format!("[{},{}]", row("a", true), row("b", false));
    assert!(list.contains(&both), "{list}");
    assert!(
        page(pages, "/vips?host=b.global")
            .matches("address")
            .count()
            == 2
    );
    // An allocator settles it.
    give("b", &["240.240.0.2", "2001:2::2"]);
    await_that("b has an address", || {
        ask(port, "b.global").unwrap().is_some()
    });
    assert!(contested(0));
}
