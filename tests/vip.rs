//! `catena controller vip` in front of a Kubernetes API server, as `kube.rs` starts it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use serde_json::{Value, json};

use crate::kube::{Api, await_that};
use crate::mesh::objects::{apply, define, set_status};
use crate::server::{Server, free_port};

/// A controller, and the port of its pages.
struct Controller {
    server: Server,
    port: u16,
}

impl Controller {
    fn start(api: &Api, identity: &str) -> Controller {
        let port = free_port();
        let line = format!(
            "controller vip --master http://127.0.0.1:{} --identity {identity} --healthport {port}",
            api.http
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
