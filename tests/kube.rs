//! The built binary in front of a real Kubernetes API server.
//!
//! The server is the program `KUBE_TESTSERVER`, else built from `conformance/kube-testserver`.
//! Without it and without Go these tests do nothing but say so; with `CI=true` they fail.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::client::ask;
use crate::server::{Server, free_port};

const TRIES: u32 = 6000;
const PAUSE: Duration = Duration::from_millis(5);

/// The program, made once.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        if let Some(given) = std::env::var_os("KUBE_TESTSERVER") {
            return Some(PathBuf::from(given));
        }
        let sources =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/kube-testserver");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kube-testserver");
        let mut build = Command::new("go");
        build.args(["build", "-o"]).arg(&program).arg(".");
        let built = build.current_dir(sources).status();
        if built.is_ok_and(|status| status.success()) {
            return Some(program);
        }
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "Go is missing");
        eprintln!("SKIPPED: no KUBE_TESTSERVER, and no Go to build it");
        None
    };
    PROGRAM.get_or_init(find).as_deref()
}

/// A Kubernetes API server; killed when dropped.
pub struct Api {
    child: Child,
    folder: tempfile::TempDir,
    pub http: u16,
    https: u16,
    token: &'static str,
}

impl Api {
    /// Starts one that demands `token`, unless that is empty.
    pub fn start(token: &'static str) -> Option<Api> {
        let folder = tempfile::tempdir().unwrap();
        let (http, https) = (free_port(), free_port());
        let child = run(folder.path(), (http, https), token)?;
        Some(Api {
            child,
            folder,
            http,
            https,
            token,
        })
    }

    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again with what it has stored.
    pub fn restart(&mut self) {
        self.child = run(self.folder.path(), (self.http, self.https), self.token).unwrap();
    }

    /// A request over plain HTTP with JSON; the status of the answer.
    pub fn call(&self, method: &str, path: &str, body: &str) -> u16 {
        self.call_with(method, path, ("application/json", body))
    }

    /// A request over plain HTTP with a body of a type; the status of the answer.
    pub fn call_with(&self, method: &str, path: &str, (kind, body): (&str, &str)) -> u16 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.http)).unwrap();
        let token = self.token;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: api\r\nConnection: close\r\nAuthorization: Bearer \
             {token}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub fn add_namespace(&self, name: &str) {
        let body = format!(r#"{{"metadata":{{"name":"{name}"}}}}"#);
        assert_eq!(self.call("POST", "/api/v1/namespaces", &body), 201);
    }

    fn add_service(&self, name: &str, address: &str) {
        let body = format!(
            r#"{{"metadata":{{"name":"{name}"}},"spec":{{"clusterIP":"{address}",
            "clusterIPs":["{address}"],"ports":[{{"port":80,"protocol":"TCP"}}]}}}}"#
        );
        let path = "/api/v1/namespaces/shop/services";
        assert_eq!(self.call("POST", path, &body), 201);
    }

    fn delete_service(&self, name: &str) {
        let path = format!("/api/v1/namespaces/shop/services/{name}");
        assert_eq!(self.call("DELETE", &path, ""), 200);
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(folder: &Path, (http, https): (u16, u16), token: &str) -> Option<Child> {
    let ready = folder.join("ready");
    let _ = fs::remove_file(&ready);
    let child = Command::new(program()?)
        .args(["-listen", &format!("127.0.0.1:{https}")])
        .args(["-insecure-listen", &format!("127.0.0.1:{http}")])
        .args(["-token", token, "-data-dir"])
        .arg(folder.join("data"))
        .arg("-write-ready")
        .arg(&ready)
        .arg("-write-certs")
        .arg(folder.join("certs"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    await_that("the API server is ready", || ready.exists());
    Some(child)
}

pub fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..TRIES {
        if is_so() {
            return;
        }
        std::thread::sleep(PAUSE);
    }
    unreachable!("never: {what}");
}

fn corefile(plugins: &str) -> String {
    format!("cluster.local {{\n    bind 127.0.0.1\n    errors\n{plugins}}}\n")
}

fn kubernetes(api: &Api, more: &str) -> String {
    let endpoint = format!("endpoint http://127.0.0.1:{}", api.http);
    corefile(&format!(
        "    kubernetes {{\n {endpoint}\n {more}\n    }}\n"
    ))
}

fn started(folder: &Path, text: &str) -> (Server, u16) {
    fs::write(folder.join("Corefile"), text).unwrap();
    let port = free_port();
    let mut server = Server::start(folder, "Corefile", port);
    server.started().unwrap();
    (server, port)
}

fn address(port: u16, service: &str) -> Option<Ipv4Addr> {
    ask(port, &format!("{service}.shop.svc.cluster.local")).unwrap()
}

#[test]
fn changes_are_answered_and_an_outage_denies_nothing() {
    let Some(mut api) = Api::start("") else {
        return;
    };
    api.add_namespace("shop");
    api.add_service("web", "10.96.0.1");
    let folder = tempfile::tempdir().unwrap();
    let (mut server, port) = started(folder.path(), &kubernetes(&api, ""));
    let web = Some(Ipv4Addr::new(10, 96, 0, 1));
    assert_eq!(address(port, "web"), web);
    api.add_service("app", "10.96.0.2");
    await_that("the new service", || address(port, "app").is_some());
    api.delete_service("app");
    await_that("it is gone", || address(port, "app").is_none());

    api.stop();
    server.says("Failed to reach the Kubernetes API").unwrap();
    assert_eq!(address(port, "web"), web);
    api.restart();
    server.says("Kubernetes API answers again").unwrap();
    assert_eq!(address(port, "web"), web);
    api.add_service("later", "10.96.0.3");
    await_that("a service after the outage", || {
        assert_eq!(address(port, "web"), web);
        address(port, "later").is_some()
    });
}

#[test]
fn a_reload_keeps_what_is_known_without_an_api_server() {
    let Some(mut api) = Api::start("") else {
        return;
    };
    api.add_namespace("shop");
    api.add_service("web", "10.96.0.1");
    let folder = tempfile::tempdir().unwrap();
    let (mut server, port) = started(folder.path(), &kubernetes(&api, ""));
    api.stop();
    for ttl in 6..9 {
        let text = kubernetes(&api, &format!("ttl {ttl}"));
        fs::write(folder.path().join("Corefile"), text).unwrap();
        server.signal("USR1");
        server.says("Reloading complete").unwrap();
        assert!(address(port, "web").is_some());
    }
    api.restart();
    api.add_service("later", "10.96.0.3");
    await_that("the watches go on", || address(port, "later").is_some());
}

#[test]
fn a_token_that_is_refused_is_read_again() {
    let Some(api) = Api::start("good") else {
        return;
    };
    api.add_namespace("shop");
    api.add_service("web", "10.96.0.1");
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "bad").unwrap();
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: \
         {{cluster: c, user: u}}\nclusters:\n- name: c\n  cluster: {{server: \
         'https://127.0.0.1:{}', certificate-authority: '{}'}}\nusers:\n- name: u\n  user: \
         {{tokenFile: '{}'}}\n",
        api.https,
        api.folder.path().join("certs/ca.crt").display(),
        token.display()
    );
    let path = folder.path().join("kubeconfig");
    fs::write(&path, config).unwrap();
    let plugin = format!(
        "    kubernetes {{\n kubeconfig {}\n startup_timeout 500ms\n    }}\n",
        path.display()
    );
    fs::write(folder.path().join("Corefile"), corefile(&plugin)).unwrap();
    let port = free_port();
    let mut server = Server::start(folder.path(), "Corefile", port);
    server
        .says("Failed to watch services: Unauthorized")
        .unwrap();
    server.started().unwrap();
    assert_eq!(address(port, "web"), None);
    fs::write(&token, "good").unwrap();
    await_that("the new token", || address(port, "web").is_some());
}

#[test]
fn one_dead_cluster_blocks_no_other() {
    let Some(api) = Api::start("") else { return };
    api.add_namespace("shop");
    api.add_service("web", "10.96.0.1");
    let one = |port: u16, more: &str| {
        // Longer than a test waits: the start must not wait for the dead one.
        let common = "fallthrough\n startup_timeout 60s";
        let lines = format!("endpoint http://127.0.0.1:{port}\n {common}\n {more}\n");
        format!("    kubernetai cluster.local {{\n {lines}    }}\n")
    };
    let folder = tempfile::tempdir().unwrap();
    let dead = one(free_port(), "fallthrough_on servfail");
    let text = corefile(&(dead + &one(api.http, "")));
    let (_server, port) = started(folder.path(), &text);
    assert!(address(port, "web").is_some());
}
