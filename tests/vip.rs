//! `catena controller vip` in front of a Kubernetes API server, as `kube.rs` starts it.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use crate::kube::{Api, await_that};
use crate::mesh::objects::{apply, define, documents, set_status};
use crate::server::{Server, free_port};

const MANIFEST: &str = include_str!("../corefiles/mesh/vip.yaml");

/// A controller, and the port of its pages.
struct Controller {
    server: Server,
    port: u16,
}

impl Controller {
    fn start(api: &Api, identity: &str) -> Controller {
        Controller::start_at(api.http, identity)
    }

    fn start_at(api: u16, identity: &str) -> Controller {
        let port = free_port();
        let line = format!(
            "controller vip --master http://127.0.0.1:{api} --identity {identity} \
             --healthport {port}"
        );
        let words: Vec<&str> = line.split(' ').collect();
        Controller {
            server: Server::command(&words),
            port,
        }
    }

    /// The addresses it lists, as `HOST ADDRESS`.
    fn list(&self, query: &str) -> Vec<String> {
        let page = page(self.port, &format!("/vips?{query}"));
        let rows: Vec<Value> = serde_json::from_str(&page).unwrap_or_default();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        rows.iter()
            .map(|row| format!("{} {}", text(row, "host"), text(row, "address")))
            .collect()
    }
}

/// The body of a page; empty if nobody answers.
fn page(port: u16, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return String::new();
    };
    let mut answer = String::new();
    let _ = write!(stream, "GET {path} HTTP/1.0\r\nHost: catena\r\n\r\n");
    let _ = stream.read_to_string(&mut answer);
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    body.unwrap_or_default().to_owned()
}

fn entry(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"namespace": "app", "name": name},
        "spec": spec,
    })
}

fn plain(name: &str) -> Value {
    let host = format!("{name}.test");
    entry(name, json!({"hosts": [host], "resolution": "DNS"}))
}

/// An API server that knows Istio's kinds.
fn mesh() -> Option<Api> {
    let api = Api::start("")?;
    define(&api);
    api.add_namespace("app");
    api.add_namespace("istio-system");
    Some(api)
}

#[test]
fn entries_get_addresses_from_one_controller_at_a_time() {
    let Some(api) = mesh() else {
        return;
    };
    apply(&api, &plain("one"));
    let mut first = Controller::start(&api, "first");
    first.server.says("We write automatic addresses").unwrap();
    await_that("one has addresses", || {
        first.list("") == ["one.test 240.240.0.1", "one.test 2001:2::1"]
    });
    let second = Controller::start(&api, "second");
    await_that("the second knows them", || second.list("").len() == 2);
    apply(&api, &plain("two"));
    await_that("two has addresses", || {
        second.list("host=two.test") == ["two.test 240.240.0.2", "two.test 2001:2::2"]
    });
    assert_eq!(second.list("address=240.240.0.1"), ["one.test 240.240.0.1"]);
    let written = "catena_vip_writes_total{result=\"written\"}";
    await_that("both writes are counted", || {
        page(first.port, "/metrics").contains(&format!("{written} 2"))
    });
    assert!(!page(second.port, "/metrics").contains(written));
    first.server.signal("TERM");
    apply(&api, &plain("three"));
    await_that("the second takes over", || {
        second.list("host=three.test") == ["three.test 240.240.0.3", "three.test 2001:2::3"]
    });
    assert_eq!(page(second.port, "/readyz"), "ok");
}

#[test]
fn an_address_that_two_have_stays_with_one() {
    let Some(api) = mesh() else {
        return;
    };
    apply(&api, &plain("one"));
    let mut controller = Controller::start(&api, "me");
    controller
        .server
        .says("We write automatic addresses")
        .unwrap();
    await_that("one has addresses", || controller.list("").len() == 2);
    // Another writer gives a younger entry the same address.
    apply(&api, &plain("two"));
    let taken = json!({"addresses": [{"value": "240.240.0.1", "host": "two.test"}]});
    set_status(&api, "app", "two", &taken);
    await_that("two gives it up", || {
        let of_two = controller.list("host=two.test");
        !of_two.is_empty() && !of_two.contains(&"two.test 240.240.0.1".to_owned())
    });
    assert!(
        controller
            .list("host=one.test")
            .contains(&"one.test 240.240.0.1".to_owned())
    );
    // Somebody writes it into an entry by hand.
    let given = json!({"hosts": ["t.test"], "resolution": "DNS", "addresses": ["240.240.0.1"]});
    apply(&api, &entry("thief", given));
    await_that("one gives it up", || {
        let of_one = controller.list("host=one.test");
        of_one.len() == 2 && !of_one.contains(&"one.test 240.240.0.1".to_owned())
    });
    // An entry that loses its addresses and wants some again gets some.
    apply(
        &api,
        &entry("one", json!({"hosts": ["one.test"], "resolution": "NONE"})),
    );
    await_that("one has none", || {
        controller.list("host=one.test").is_empty()
    });
    apply(&api, &plain("one"));
    await_that("one has some again", || {
        controller.list("host=one.test").len() == 2
    });
}

/// A way to the API server on which all requests are told, by their first lines.
fn watched_way(api: &Api) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (port, target) = (listener.local_addr().unwrap().port(), api.http);
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).unwrap();
            let mut back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut back.0, &mut back.1));
            let tell = tell.clone();
            std::thread::spawn(move || {
                let mut octets = [0; 65536];
                while let Ok(length @ 1..) = client.read(&mut octets) {
                    let text = String::from_utf8_lossy(&octets[..length]);
                    let lines = text.lines().filter(|line| line.ends_with(" HTTP/1.1"));
                    lines.for_each(|line| tell.send(line.to_owned()).unwrap());
                    server.write_all(&octets[..length]).unwrap();
                }
            });
        }
    });
    (port, told)
}

/// What a request needs the permission for, as `VERB GROUP/RESOURCE`.
fn permission(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let (path, query) = words[1].split_once('?').unwrap_or((words[1], ""));
    let parts: Vec<&str> = path.trim_start_matches("/apis/").split('/').collect();
    let (group, mut rest) = (parts[0], &parts[2..]);
    if let ["namespaces", _, more @ ..] = rest {
        rest = more;
    }
    let verb = match (words[0], rest.len()) {
        ("GET", 1) if query.contains("watch=") => "watch",
        ("GET", 1) => "list",
        ("GET", _) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        (method, _) => &method.to_lowercase(),
    };
    let part = rest.get(2).map_or(String::new(), |part| format!("/{part}"));
    format!("{verb} {group}/{}{part}", rest[0])
}

/// What the manifest permits.
fn permitted() -> BTreeSet<String> {
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut all = BTreeSet::new();
    for document in documents(MANIFEST) {
        for rule in document["rules"].as_array().into_iter().flatten() {
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    let verbs = texts(&rule["verbs"]).into_iter();
                    all.extend(verbs.map(|verb| format!("{verb} {group}/{resource}")));
                }
            }
        }
    }
    all
}

#[test]
fn the_controller_asks_for_what_its_manifest_permits_and_for_nothing_else() {
    let Some(api) = mesh() else {
        return;
    };
    apply(&api, &plain("one"));
    let (port, asked) = watched_way(&api);
    let controller = Controller::start_at(port, "me");
    await_that("one has addresses", || controller.list("").len() == 2);
    let mut needed = BTreeSet::new();
    let mut has_asked = |what: &str| {
        needed.extend(asked.try_iter().map(|line| permission(&line)));
        needed.contains(what)
    };
    await_that("the lease is renewed", || {
        has_asked("update coordination.k8s.io/leases")
    });
    controller.server.signal("TERM");
    assert!(has_asked("patch networking.istio.io/serviceentries/status"));
    // A server that streams lists is asked for none.
    needed.insert("list networking.istio.io/serviceentries".to_owned());
    assert_eq!(needed, permitted());
}

#[test]
fn the_flags_of_the_manifest_exist() {
    let mut help = Command::new(env!("CARGO_BIN_EXE_catena"));
    let help = help.args(["controller", "vip", "-h"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let documents = documents(MANIFEST);
    let deployment = documents.last().unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let args = container["args"].as_array().unwrap().iter();
    let flags = args.filter_map(|arg| arg.as_str().unwrap().strip_prefix("--"));
    for flag in flags {
        let name = flag.split('=').next().unwrap();
        assert!(help.contains(&format!("--{name} ")), "{name}");
    }
    let port = container["ports"][0]["containerPort"].to_string();
    assert!(help.contains(&format!("(default {port})")), "{port}");
}
