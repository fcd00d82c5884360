//! Names in etcd: read and written by its own tool, and a cluster that changes its leader.
//!
//! Without etcd and etcdctl these tests do nothing but say so; with `CI=true` they fail.

mod cluster;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use catena_testing::Etcd;

use crate::client::ask;
use crate::dynapi::{TOKEN, dig, request};
use crate::programs::have;
use crate::server::{Server, free_port};
use cluster::Cluster;

const ZONE: &str = "example.org";
const KEYS: &str = "/skydns/org/example/";
/// How often something is looked for that needs milliseconds, and the pause between two looks.
const LOOKS: u32 = 2000;
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until `is_so`; `what` says what was waited for.
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        thread::sleep(PAUSE);
    }
    unreachable!("{what}");
}

/// What etcdctl prints.
fn etcdctl(endpoint: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("etcdctl");
    let command = command.env("ETCDCTL_API", "3").arg("--endpoints");
    let output = command.arg(endpoint).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Names of one etcd, written by *dynapi*, and read by *etcd* with and without `watch`.
struct Place {
    folder: tempfile::TempDir,
    /// Where each of the three is asked.
    dynapi: u16,
    watching: u16,
    asking: u16,
    api: u16,
}

impl Place {
    fn new(endpoints: &str) -> Place {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
            dynapi: free_port(),
            watching: free_port(),
            asking: free_port(),
            api: free_port(),
        };
        let (watching, asking, api) = (place.watching, place.asking, place.api);
        let corefile = format!(
            "{ZONE} {{\nerrors\ntransfer {{\nto *\n}}\n\
             dynapi {{\netcd {endpoints}\nlisten 127.0.0.1:{api}\n\
             token t file token\nallow token:t all\n}}\n}}\n\
             {ZONE}:{watching} {{\nerrors\netcd {{\nendpoint {endpoints}\nwatch\n}}\n}}\n\
             {ZONE}:{asking} {{\netcd {{\nendpoint {endpoints}\n}}\n}}\n"
        );
        fs::write(place.folder.path().join("Corefile"), corefile).unwrap();
        fs::write(place.folder.path().join("token"), TOKEN).unwrap();
        place
    }

    fn start(&self) -> Server {
        let mut server = Server::start(self.folder.path(), "Corefile", self.dynapi);
        server.started().unwrap();
        server
    }

    fn put(&self, name: &str, address: Ipv4Addr) -> Option<(u16, String)> {
        let line = format!("PUT /v1/zones/{ZONE}/records/{name}.{ZONE}/A");
        request(
            self.api,
            &line,
            &format!(r#"{{"addresses":["{address}"]}}"#),
        )
    }

    /// Waits until all three say that `name` has `address`.
    fn all_say(&self, name: &str, address: Option<Ipv4Addr>) {
        let name = format!("{name}.{ZONE}");
        for (door, port) in [
            ("dynapi", self.dynapi),
            ("watch", self.watching),
            ("etcd", self.asking),
        ] {
            let what = format!("{door}: {name} is not {address:?}");
            soon(&what, || ask(port, &name).unwrap() == address);
        }
    }
}

#[test]
fn what_etcdctl_writes_is_answered_and_what_dynapi_writes_it_reads() {
    if !have("etcdctl", "etcd-client") {
        return;
    }
    let Some(etcd) = Etcd::start(&[]) else { return };
    let place = Place::new(&etcd.endpoint());
    let _server = place.start();
    let etcdctl = |arguments: &[&str]| etcdctl(&etcd.endpoint(), arguments);
    let key = format!("{KEYS}web/4a1d2c3b");
    let first = r#"{"host":"192.0.2.1","ttl":30,"targetstrip":1}"#;
    etcdctl(&["put", &key, first]);
    place.all_say("web", Some(Ipv4Addr::new(192, 0, 2, 1)));
    etcdctl(&["put", &key, &first.replace("192.0.2.1", "192.0.2.2")]);
    place.all_say("web", Some(Ipv4Addr::new(192, 0, 2, 2)));
    etcdctl(&["del", &key]);
    place.all_say("web", None);

    let written = Ipv4Addr::new(192, 0, 2, 3);
    assert_eq!(place.put("api", written).unwrap().0, 200);
    place.all_say("api", Some(written));
    let found = etcdctl(&["get", "--prefix", &format!("{KEYS}api/")]);
    assert!(found.contains(r#""host":"192.0.2.3""#), "{found}");
    etcdctl(&["del", "--prefix", &format!("{KEYS}api/")]);
    place.all_say("api", None);
}

/// What a client is told that saw `last` last, until `end` is among it or nothing more comes.
fn events(api: u16, last: &str, end: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, api)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let head = format!(
        "GET /v1/zones/{ZONE}/watch HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {last}\r\n\
         Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let (mut told, mut some) = (String::new(), [0; 4096]);
    while !told.contains(end) {
        match stream.read(&mut some).unwrap() {
            0 => break,
            length => told.push_str(std::str::from_utf8(&some[..length]).unwrap()),
        }
    }
    told
}

#[test]
fn secondaries_and_watchers_go_on_when_the_server_is_started_again() {
    if !have("dig", "bind9-dnsutils") {
        return;
    }
    let Some(etcd) = Etcd::start(&[]) else { return };
    let place = Place::new(&etcd.endpoint());
    let server = place.start();
    let put = |name: &str, last: u8| {
        let (status, _) = place.put(name, Ipv4Addr::new(192, 0, 2, last)).unwrap();
        assert_eq!(status, 200);
        let soa = dig(place.dynapi, "SOA").remove(0);
        soa.split(' ').nth(4).unwrap().to_owned()
    };
    let serial = put("a", 1);
    put("a", 2);
    let latest = put("b", 3);
    let changes = || {
        let mut changes = dig(place.dynapi, &format!("IXFR={serial}"));
        changes.retain(|line| !line.contains(" SOA "));
        changes
    };
    let expected = [
        "a.example.org. A 192.0.2.1",
        "a.example.org. A 192.0.2.2",
        "b.example.org. A 192.0.2.3",
    ];
    assert_eq!(changes(), expected);
    drop(server);
    let server = place.start();
    soon("the zone is loaded", || dig(place.dynapi, "SOA").len() == 1);
    assert_eq!(changes(), expected, "after a restart");
    let told = events(place.api, &serial, "192.0.2.3");
    assert_eq!(told.matches("event: change").count(), 2, "{told}");

    // What etcd has forgotten is not known: all has to be read anew.
    etcd.call("kv/compaction", &format!("{{\"revision\":{latest}}}"));
    drop(server);
    let _server = place.start();
    soon("the zone is loaded", || dig(place.dynapi, "SOA").len() == 1);
    let whole = dig(place.dynapi, &format!("IXFR={serial}"));
    assert_eq!(whole.len(), 5, "SOA, NS, two addresses, SOA: {whole:?}");
    let told = events(place.api, &serial, "revision_gone");
    assert!(told.starts_with("HTTP/1.1 410"), "{told}");
    assert!(told.contains("application/problem+json"), "{told}");
    put("c", 4);
    assert!(events(place.api, &latest, "192.0.2.4").contains("event: change"));
}

#[test]
fn a_key_that_etcdctl_writes_under_a_lease_goes_with_it() {
    if !have("etcdctl", "etcd-client") {
        return;
    }
    let Some(etcd) = Etcd::start(&[]) else { return };
    let place = Place::new(&etcd.endpoint());
    let _server = place.start();
    let etcdctl = |arguments: &[&str]| etcdctl(&etcd.endpoint(), arguments);
    let granted = etcdctl(&["lease", "grant", "60"]);
    let lease = granted.split(' ').nth(1).unwrap();
    let (key, value) = (format!("{KEYS}leased/1"), r#"{"host":"192.0.2.1"}"#);
    etcdctl(&["put", "--lease", lease, &key, value]);
    let name = format!("leased.{ZONE}");
    let address = Some(Ipv4Addr::new(192, 0, 2, 1));
    for port in [place.watching, place.asking] {
        soon("not there", || ask(port, &name).unwrap() == address);
    }
    etcdctl(&["lease", "revoke", lease]);
    for port in [place.watching, place.asking] {
        soon("still there", || ask(port, &name).unwrap().is_none());
    }
}

/// Programs that write one name after the other and one that reads, until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
    writers: Vec<JoinHandle<BTreeMap<String, Ipv4Addr>>>,
    readers: Vec<JoinHandle<usize>>,
}

impl Load {
    fn start(place: &Arc<Place>) -> Load {
        let (stop, written) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let writers = (0..4).map(|number| {
            let (place, stop) = (Arc::clone(place), Arc::clone(&stop));
            let written = Arc::clone(&written);
            thread::spawn(move || write(&place, number, &stop, &written))
        });
        let readers = [place.dynapi, place.watching].map(|port| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || read(port, &stop))
        });
        Load {
            writers: writers.collect(),
            readers: readers.into(),
            stop,
            written,
        }
    }

    /// Waits until a hundred more names are written.
    fn goes_on(&self, after: &str) {
        let before = self.written.load(Relaxed);
        let what = format!("nothing is written after {after}");
        soon(&what, || self.written.load(Relaxed) >= before + 100);
    }

    /// Stops; what was acknowledged.
    fn end(self) -> BTreeMap<String, Ipv4Addr> {
        self.stop.store(true, Relaxed);
        for reader in self.readers {
            assert!(reader.join().unwrap() > 0);
        }
        let writers = self.writers.into_iter();
        writers.flat_map(|writer| writer.join().unwrap()).collect()
    }
}

/// Writes until told to stop; what was acknowledged. Any refusal has its reason.
fn write(
    place: &Place,
    writer: u32,
    stop: &AtomicBool,
    written: &AtomicUsize,
) -> BTreeMap<String, Ipv4Addr> {
    let mut acknowledged = BTreeMap::new();
    for number in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let name = format!("w{writer}-{number}");
        let address = Ipv4Addr::from(0x0a00_0000 + writer * 0x1_0000 + number);
        match place.put(&name, address).unwrap() {
            (200, _) => {
                acknowledged.insert(name, address);
                written.fetch_add(1, Relaxed);
            }
            (503, reason) => assert!(reason.contains("store_unavailable"), "{reason}"),
            (status, body) => unreachable!("{status}: {body}"),
        }
    }
    acknowledged
}

/// Asks for a name that is always there; how often.
fn read(port: u16, stop: &AtomicBool) -> usize {
    let mut asked = 0;
    while !stop.load(Relaxed) {
        let address = ask(port, &format!("fixed.{ZONE}")).unwrap();
        assert_eq!(address, Some(Ipv4Addr::LOCALHOST), "asked {asked} times");
        asked += 1;
        thread::sleep(Duration::from_millis(1));
    }
    asked
}

#[test]
fn a_cluster_that_changes_its_leader_loses_no_acknowledged_write_and_no_answer() {
    if !have("etcdctl", "etcd-client") {
        return;
    }
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let place = Arc::new(Place::new(&cluster.endpoints().replace(',', " ")));
    let server = place.start();
    assert_eq!(place.put("fixed", Ipv4Addr::LOCALHOST).unwrap().0, 200);
    place.all_say("fixed", Some(Ipv4Addr::LOCALHOST));
    let load = Load::start(&place);
    load.goes_on("the start");
    let next = cluster.move_leader();
    load.goes_on("the leader moved");
    cluster.kill(next);
    load.goes_on("the leader was killed");
    cluster.restart(next);
    load.goes_on("the member came back");
    let other = cluster.leader();
    cluster.kill(other);
    load.goes_on("the next leader was killed");
    let acknowledged = load.end();
    place.all_say("fixed", Some(Ipv4Addr::LOCALHOST));
    drop(server);

    // A server that has not seen any of it has all that was acknowledged.
    cluster.restart(other);
    let _server = place.start();
    place.all_say("fixed", Some(Ipv4Addr::LOCALHOST));
    for (name, address) in &acknowledged {
        let found = ask(place.dynapi, &format!("{name}.{ZONE}")).unwrap();
        assert_eq!(found, Some(*address), "{name} is lost");
    }
    eprintln!("{} acknowledged writes", acknowledged.len());
}
