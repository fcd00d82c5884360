//! Names of RPC interfaces from end to end: objects, agent, controller, name servers.
//!
//! It needs the Kubernetes API server of `kube.rs` and an etcd; without them it does nothing but
//! say so, and with `CI=true` it fails.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use catena_dns::{Message, RecordType};
use catena_testing::Etcd;
use parking_lot::Mutex;

use crate::client::{ask, exchange_tcp};
use crate::kube::{Api, await_that};
use crate::server::{Server, free_port};

/// A change must be answered within this.
const SOON: Duration = Duration::from_secs(2);
const CLUSTER: &str = "user.shop.svc.cluster.local";
const OURS: &str = "/apis/rpc.catena.dev/v1/namespaces/shop/rpcservices";
const ORIGINALS: &str = "/apis/rpccontroller.istio.io/v1/namespaces/shop/rpcservices";
const NAME: &str = "com.alipay.userservice.interface1.rpc.cluster.local";

/// A Dubbo application's actuator that says what it is told to say.
struct Actuator {
    port: u16,
    interfaces: Arc<Mutex<Vec<&'static str>>>,
}

impl Actuator {
    fn start() -> Actuator {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let interfaces: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let told = Arc::clone(&interfaces);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let beans = told.lock().clone();
                let beans = beans.iter().map(|interface| {
                    format!(r#""bean-{interface}":{{"interface":"{interface}","version":"1.0"}}"#)
                });
                let body = format!("{{{}}}", beans.collect::<Vec<_>>().join(","));
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Actuator { port, interfaces }
    }

    fn offer(&self, interfaces: &[&'static str]) {
        *self.interfaces.lock() = interfaces.to_vec();
    }
}

/// Creates the objects of a manifest that are of `kind`.
fn create(api: &Api, file: &str, kind: &str, path: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corefiles/rpcservice");
    let text = fs::read_to_string(folder.join(file)).unwrap();
    let mut created = 0;
    for document in text.split("\n---\n") {
        if document.lines().any(|line| line == format!("kind: {kind}")) {
            let strict = format!("{path}?fieldValidation=Strict");
            let status = api.call_with("POST", &strict, ("application/yaml", document));
            assert_eq!(status, 201, "{document}");
            created += 1;
        }
    }
    assert!(created > 0, "no {kind} in {file}");
}

fn add_slice(api: &Api) {
    let body = r#"{"metadata":{"name":"user-1","labels":{"kubernetes.io/service-name":"user"}},
        "addressType":"IPv4","endpoints":[{"addresses":["127.0.0.1"],
        "conditions":{"ready":true}}],"ports":[]}"#;
    let path = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";
    assert_eq!(api.call("POST", path, body), 201);
}

fn set_address(api: &Api, method: &str, address: &str) {
    let body = format!(
        r#"{{"metadata":{{"name":"user","labels":{{"app":"user"}}}},
        "spec":{{"clusterIP":"{address}","clusterIPs":["{address}"],
        "ports":[{{"port":20880,"protocol":"TCP"}}]}}}}"#
    );
    let path = "/api/v1/namespaces/shop/services";
    match method {
        "POST" => assert_eq!(api.call("POST", path, &body), 201),
        _ => {
            let patch = ("application/merge-patch+json", body.as_str());
            assert_eq!(api.call_with("PATCH", &format!("{path}/user"), patch), 200);
        }
    }
}

/// Starts a name server with the cluster's zone beside that of the interfaces.
fn name_server(folder: &Path, api: &Api, interfaces: &str) -> (Server, u16) {
    let endpoint = format!("endpoint http://127.0.0.1:{}", api.http);
    let text = format!(
        "cluster.local {{\n bind 127.0.0.1\n kubernetes {{\n {endpoint}\n }}\n}}\n\
         rpc.cluster.local {{\n bind 127.0.0.1\n {interfaces}\n}}\n"
    );
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("Corefile"), text).unwrap();
    let port = free_port();
    let mut server = Server::start(folder, "Corefile", port);
    server.started().unwrap();
    (server, port)
}

/// Waits until both servers answer `name` with `address`, which must be soon.
fn await_answers(ports: &[u16], name: &str, address: Option<Ipv4Addr>) {
    let began = SystemTime::now();
    for port in ports {
        await_that(&format!("{name} is {address:?}"), || {
            ask(*port, name).unwrap() == address
        });
    }
    let took = began.elapsed().unwrap();
    assert!(took < SOON, "{name} took {took:?}");
}

/// All records of the interfaces' zone, as name and type.
fn transferred(port: u16) -> Vec<String> {
    let zone: catena_dns::Name = "rpc.cluster.local.".parse().unwrap();
    let query = Message::query(zone.view(), RecordType::AXFR).to_packet();
    let answer = Message::decode(&exchange_tcp(port, &query).unwrap()).unwrap();
    let records = answer.answers.iter();
    records
        .map(|record| format!("{} {}", record.name, record.rtype))
        .collect()
}

/// All keys that etcd has, as its gateway tells them.
fn keys(etcd: &Etcd) -> usize {
    let told = etcd.call("kv/range", r#"{"key":"Lw==","range_end":"MA=="}"#);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    told["kvs"].as_array().map_or(0, Vec::len)
}

/// A controller that writes to where `place` says.
fn controller(api: &Api, place: &str, agent_port: u16) -> Server {
    let master = format!("http://127.0.0.1:{}", api.http);
    let line = format!(
        "controller rpcservice --master {master} {place} --agentport {agent_port} --poll 200ms \
         --resync 500ms --zones rpc.cluster.local --healthport 0"
    );
    let words: Vec<&str> = line.split(' ').collect();
    let mut controller = Server::command(&words);
    controller.says("Writing names of RPC interfaces").unwrap();
    controller
}

/// An agent beside an application with that actuator.
fn agent(actuator: &Actuator) -> (Server, u16) {
    let (port, actuator) = (free_port(), actuator.port);
    let line = format!(
        "agent --listen 127.0.0.1:{port} --type DUBBO --actuator \
         http://127.0.0.1:{actuator}/actuator/dubbo/services"
    );
    let words: Vec<&str> = line.split(' ').collect();
    let mut agent = Server::command(&words);
    agent.says("Telling RPC interfaces").unwrap();
    (agent, port)
}

/// A cluster with a Service and its endpoint, but no object that names its interfaces.
fn cluster() -> Option<Api> {
    let api = Api::start("")?;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    create(&api, "crds.yaml", "CustomResourceDefinition", definitions);
    api.add_namespace("shop");
    set_address(&api, "POST", "10.96.0.7");
    add_slice(&api);
    Some(api)
}

/// Creates the original's object for the same Service.
fn add_original(api: &Api) {
    let body = r#"{"apiVersion":"rpccontroller.istio.io/v1","kind":"RpcService",
        "metadata":{"name":"user"},
        "spec":{"selector":{"app":"user"},"domainsuffix":".rpc.cluster.local"}}"#;
    assert_eq!(api.call("POST", ORIGINALS, body), 201);
}

#[test]
fn interfaces_are_answered_by_two_servers_soon_after_they_change() {
    let (Some(mut api), Some(etcd)) = (cluster(), Etcd::start(&[])) else {
        return;
    };
    let (actuator, folder) = (Actuator::start(), tempfile::tempdir().unwrap());
    actuator.offer(&["com.alipay.UserService.Interface1", "com.alipay.other"]);
    let (_agent, agent_port) = agent(&actuator);
    let place = format!("--etcdendpoints {}", etcd.endpoint());
    let _controller = controller(&api, &place, agent_port);
    let master = format!("endpoint http://127.0.0.1:{}", api.http);
    let own = format!(
        "transfer {{\n to *\n }}\n \
         rpcservice {{\n {master}\n agent_port {agent_port}\n poll 200ms\n }}"
    );
    let written = format!("etcd {{\n endpoint {}\n }}", etcd.endpoint());
    let (mut server, first) = name_server(&folder.path().join("own"), &api, &own);
    let (_other, second) = name_server(&folder.path().join("written"), &api, &written);
    let ports = [first, second];
    let address = Some(Ipv4Addr::new(10, 96, 0, 7));
    await_answers(&ports, CLUSTER, address);
    await_answers(&ports, NAME, None);

    // The object of the worked example, as it stands.
    create(&api, "application.yaml", "RPCService", OURS);
    await_answers(&ports, NAME, address);
    await_answers(&ports, &NAME.to_uppercase(), address);
    await_answers(&ports, "com.alipay.other.rpc.cluster.local", address);

    let whole = transferred(first);
    assert!(whole.contains(&format!("{NAME}. A")), "{whole:?}");
    assert_eq!(whole.first(), whole.last(), "an SOA record at both ends");
    assert!(whole.iter().all(|record| !record.contains("TYPE0")));

    // An interface comes, another goes.
    actuator.offer(&["com.alipay.UserService.Interface1", "com.alipay.third"]);
    await_answers(&ports, "com.alipay.third.rpc.cluster.local", address);
    await_answers(&ports, "com.alipay.other.rpc.cluster.local", None);

    // What somebody else removes is written again.
    etcd.call("kv/deleterange", r#"{"key":"Lw==","range_end":"MA=="}"#);
    await_answers(&ports, NAME, address);

    // What is known stays while the API server is away.
    api.stop();
    server.says("Failed to reach the Kubernetes API").unwrap();
    await_answers(&ports, NAME, address);
    api.restart();
    set_address(&api, "PATCH", "10.96.0.8");
    await_answers(&ports, NAME, Some(Ipv4Addr::new(10, 96, 0, 8)));

    // The original's object gives the same names, and keeps them when ours goes.
    add_original(&api);
    assert_eq!(api.call("DELETE", &format!("{OURS}/user"), ""), 200);
    set_address(&api, "PATCH", "10.96.0.9");
    let address = Some(Ipv4Addr::new(10, 96, 0, 9));
    await_answers(&ports, NAME, address);
    assert_eq!(keys(&etcd), 2);

    // Without an object there are no names; the cluster's own zone goes on.
    assert_eq!(api.call("DELETE", &format!("{ORIGINALS}/user"), ""), 200);
    await_answers(&ports, NAME, None);
    await_that("all keys are gone", || keys(&etcd) == 0);
    await_answers(&ports, CLUSTER, address);
}

#[test]
fn a_controller_removes_what_an_earlier_one_wrote_and_leaves_what_others_did() {
    let (Some(api), Some(etcd)) = (Api::start(""), Etcd::start(&[])) else {
        return;
    };
    // /skydns/local/cluster/rpc/x with {"host":"10.0.0.9","owner":"external-dns"}
    let theirs = r#"{"key":"L3NreWRucy9sb2NhbC9jbHVzdGVyL3JwYy94",
        "value":"eyJob3N0IjoiMTAuMC4wLjkiLCJvd25lciI6ImV4dGVybmFsLWRucyJ9"}"#;
    // /skydns/local/cluster/rpc/y with {"host":"10.0.0.9","owner":"rpc-controller"}
    let ours = r#"{"key":"L3NreWRucy9sb2NhbC9jbHVzdGVyL3JwYy95",
        "value":"eyJob3N0IjoiMTAuMC4wLjkiLCJvd25lciI6InJwYy1jb250cm9sbGVyIn0="}"#;
    etcd.call("kv/put", theirs);
    etcd.call("kv/put", ours);
    assert_eq!(keys(&etcd), 2);
    let place = format!("--etcdendpoints {}", etcd.endpoint());
    let _controller = controller(&api, &place, free_port());
    await_that("the name without an object is gone", || keys(&etcd) == 1);
}

/// A key of TSIG, in base 64.
const SECRET: &str = "NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk=";

/// How a controller can write to a `dynapi`: the way's name, who may write, and its flags.
fn ways(folder: &Path, rest: u16, dns: u16) -> [(&'static str, &'static str, String); 4] {
    let token = folder.join("token");
    fs::write(&token, "correct-horse-battery-staple").unwrap();
    let secret = folder.join("secret");
    fs::write(&secret, SECRET).unwrap();
    let state = folder.join("state");
    let (token, secret, state) = (token.display(), secret.display(), state.display());
    let known = format!("--tokenfile {token}");
    let signed = format!("--tsigkey controller. --tsigfile {secret}");
    [
        (
            "dynapi",
            "token:controller",
            format!("--dynapi http://127.0.0.1:{rest} {known}"),
        ),
        // It cannot be asked what is there.
        (
            "coredns",
            "token:controller",
            format!("--coredns http://127.0.0.1:{rest} {known} --state {state}"),
        ),
        (
            "update",
            "net:127.0.0.0/8",
            format!("--update 127.0.0.1:{dns}"),
        ),
        (
            "signed",
            "key:controller.",
            format!("--update 127.0.0.1:{dns} {signed}"),
        ),
    ]
}

/// The controller is killed, an interface goes, and the next one knows nothing of the first.
#[test]
fn names_are_written_in_every_way_and_removed_by_the_next_controller() {
    let Some(api) = cluster() else { return };
    let (actuator, folder) = (Actuator::start(), tempfile::tempdir().unwrap());
    let (_agent, agent_port) = agent(&actuator);
    let (rest, address) = (free_port(), Some(Ipv4Addr::new(10, 96, 0, 7)));
    let gone = "com.alipay.other.rpc.cluster.local";
    for place in 0..4 {
        let (name, who, _) = &ways(folder.path(), rest, 0)[place];
        let block = format!(
            "tsig {{\n secret controller. {SECRET}\n }}\n transfer {{\n to *\n }}\n \
             dynapi {{\n listen 127.0.0.1:{rest}\n \
             token controller file {}/token\n allow token:controller read\n \
             allow {who} all *.rpc.cluster.local A,AAAA,TXT\n }}",
            folder.path().display()
        );
        let (_server, port) = name_server(&folder.path().join(name), &api, &block);
        let (_, _, flags) = &ways(folder.path(), rest, port)[place];
        actuator.offer(&["com.alipay.UserService.Interface1", "com.alipay.other"]);
        create(&api, "application.yaml", "RPCService", OURS);
        let first = controller(&api, flags, agent_port);
        await_answers(&[port], NAME, address);
        await_answers(&[port], gone, address);
        drop(first);
        actuator.offer(&["com.alipay.UserService.Interface1"]);
        let _next = controller(&api, flags, agent_port);
        await_answers(&[port], gone, None);
        await_answers(&[port], NAME, address);
        assert_eq!(api.call("DELETE", &format!("{OURS}/user"), ""), 200);
        await_answers(&[port], NAME, None);
        await_that(&format!("{name}: only SOA and NS are left"), || {
            transferred(port).len() == 3
        });
        await_answers(&[port], CLUSTER, address);
    }
}

#[test]
fn names_written_through_dynapi_into_etcd_are_answered_by_all_its_servers() {
    let (Some(api), Some(etcd)) = (cluster(), Etcd::start(&[])) else {
        return;
    };
    let (actuator, folder) = (Actuator::start(), tempfile::tempdir().unwrap());
    actuator.offer(&["com.alipay.UserService.Interface1"]);
    let (_agent, agent_port) = agent(&actuator);
    let (rest, token) = (free_port(), folder.path().join("token"));
    fs::write(&token, "correct-horse-battery-staple").unwrap();
    let token = token.display();
    let store = format!("etcd {}", etcd.endpoint());
    let door = format!(
        "listen 127.0.0.1:{rest}\n token controller file {token}\n allow token:controller all"
    );
    let written = format!("dynapi {{\n {store}\n {door}\n }}");
    let followed = format!("dynapi {{\n {store}\n }}");
    let (_server, first) = name_server(&folder.path().join("written"), &api, &written);
    let (_other, second) = name_server(&folder.path().join("followed"), &api, &followed);
    let ports = [first, second];
    let place = format!("--dynapi http://127.0.0.1:{rest} --tokenfile {token}");
    let _controller = controller(&api, &place, agent_port);
    let address = Some(Ipv4Addr::new(10, 96, 0, 7));
    create(&api, "application.yaml", "RPCService", OURS);
    await_answers(&ports, NAME, address);
    actuator.offer(&["com.alipay.third"]);
    await_answers(&ports, "com.alipay.third.rpc.cluster.local", address);
    await_answers(&ports, NAME, None);
    await_answers(&ports, CLUSTER, address);
}
