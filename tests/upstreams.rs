//! Upstreams that are silent, come and go, or mean harm, behind the built binary.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crate::client::{ask, exchange, exchange_tcp, query};
use crate::server::{Server, free_port};

/// How long clients wait for an answer.
const CLIENT_WAITS: Duration = Duration::from_secs(3);
/// As many queries as a client's socket has room for answers to.
const AT_ONCE: u16 = 200;
const NOERROR: u8 = 0;
const SERVFAIL: u8 = 2;

/// What an upstream does with queries.
#[derive(Default)]
struct Mood {
    silent: AtomicBool,
    asked: AtomicUsize,
    ended: AtomicBool,
}

/// A server that answers NOERROR without records, unless it is silent.
struct Upstream {
    address: SocketAddr,
    mood: Arc<Mood>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    fn start() -> Upstream {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let (address, mood) = (socket.local_addr().unwrap(), Arc::<Mood>::default());
        let thread = Some(std::thread::spawn({
            let mood = Arc::clone(&mood);
            move || serve(&socket, &mood)
        }));
        Upstream {
            address,
            mood,
            thread,
        }
    }

    fn is_silent(&self, silent: bool) {
        self.mood.silent.store(silent, Relaxed);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.mood.ended.store(true, Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn serve(socket: &UdpSocket, mood: &Mood) {
    let mut packet = [0; 1500];
    while !mood.ended.load(Relaxed) {
        let Ok((length, client)) = socket.recv_from(&mut packet) else {
            continue;
        };
        mood.asked.fetch_add(1, Relaxed);
        if !mood.silent.load(Relaxed) {
            packet[2] |= 0x80;
            let _gone = socket.send_to(&packet[..length], client);
        }
    }
}

/// A server that forwards to `upstreams`, and knows one name itself.
fn started(folder: &tempfile::TempDir, upstreams: &[&Upstream]) -> (Server, u16) {
    let to: String = upstreams
        .iter()
        .map(|upstream| format!(" {}", upstream.address))
        .collect();
    let own = "test {\n    hosts {\n        192.0.2.1 a.test\n    }\n}\n";
    let corefile = format!("{own}. {{\n    loop\n    forward .{to}\n}}\n");
    fs::write(folder.path().join("Corefile"), corefile).unwrap();
    let port = free_port();
    let mut server = Server::start(folder.path(), "Corefile", port);
    server.started().unwrap();
    (server, port)
}

/// Asks for `count` names at once; returns the response codes, and how long the last one took.
fn ask_at_once(port: u16, count: u16) -> (Vec<u8>, Duration) {
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.set_read_timeout(Some(CLIENT_WAITS)).unwrap();
    let begun = SystemTime::now();
    for id in 0..count {
        let query = query(&format!("n{id}.example.org"), id);
        client.send_to(&query, (Ipv4Addr::LOCALHOST, port)).unwrap();
    }
    let mut rcodes = Vec::new();
    let mut reply = [0; 1500];
    while rcodes.len() < usize::from(count) && client.recv(&mut reply).is_ok() {
        rcodes.push(reply[3] & 15);
    }
    (rcodes, begun.elapsed().unwrap())
}

#[test]
fn silence_of_all_ends_in_servfail_in_time_and_with_the_silence() {
    let (one, two) = (Upstream::start(), Upstream::start());
    let folder = tempfile::tempdir().unwrap();
    let (server, port) = started(&folder, &[&one, &two]);
    one.is_silent(true);
    two.is_silent(true);
    let mut memory = Vec::new();
    for round in 0..4 {
        let (rcodes, took) = ask_at_once(port, AT_ONCE);
        assert_eq!(rcodes, vec![SERVFAIL; AT_ONCE.into()], "round {round}");
        assert!(took < CLIENT_WAITS, "round {round}: {took:?}");
        assert!(ask(port, "a.test").unwrap().is_some(), "round {round}");
        memory.push(server.mebibytes());
    }
    // 20 to 30: each worker that is asked for the first time takes some.
    assert!(memory[3] < 64, "{memory:?} MiB");
    one.is_silent(false);
    two.is_silent(false);
    let (rcodes, took) = ask_at_once(port, 50);
    assert_eq!(rcodes, [NOERROR; 50]);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn upstreams_that_come_and_go_lose_no_query_and_leave_no_socket() {
    let (one, two) = (Upstream::start(), Upstream::start());
    let folder = tempfile::tempdir().unwrap();
    let (server, port) = started(&folder, &[&one, &two]);
    let begun = SystemTime::now();
    let (mut round, mut slowest) = (0_u16, Duration::ZERO);
    while begun.elapsed().unwrap() < Duration::from_secs(3) {
        // One of them answers at any time, and they take turns.
        let turn = begun.elapsed().unwrap().as_millis() / 300;
        let first_is_silent = turn.is_multiple_of(2);
        one.is_silent(first_is_silent);
        two.is_silent(!first_is_silent);
        let (rcodes, took) = ask_at_once(port, 5);
        assert_eq!(rcodes, [NOERROR; 5], "round {round}");
        (round, slowest) = (round + 1, slowest.max(took));
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    // Each worker has up to 320 ports open to each of the two.
    let workers = std::thread::available_parallelism().unwrap().get();
    let (files, _) = server.holds();
    assert!(files < 100 + workers * 2 * 320, "{files} files");
}

#[test]
fn queries_beyond_the_bound_are_refused_while_the_rest_wait() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let to = upstream.address;
    let corefile = format!(
        "test {{\n    hosts {{\n        192.0.2.1 a.test\n    }}\n}}\n\
         . {{\n    forward . {to} {{\n        max_concurrent 100\n    }}\n}}\n"
    );
    fs::write(folder.path().join("Corefile"), corefile).unwrap();
    let port = free_port();
    let mut server = Server::start(folder.path(), "Corefile", port);
    server.started().unwrap();
    upstream.is_silent(true);
    let (rcodes, took) = ask_at_once(port, AT_ONCE);
    let failed = rcodes.iter().filter(|rcode| **rcode == SERVFAIL).count();
    assert_eq!((rcodes.len(), failed), (usize::from(AT_ONCE), 100));
    assert!(took < CLIENT_WAITS, "{took:?}");
    assert!(ask(port, "a.test").unwrap().is_some());
}

#[test]
fn no_opcode_but_query_and_notify_reaches_an_upstream() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let (_server, port) = started(&folder, &[&upstream]);
    // The probe of `loop` has come and gone.
    while upstream.mood.asked.load(Relaxed) == 0 {
        std::thread::yield_now();
    }
    let before = upstream.mood.asked.load(Relaxed);
    for opcode in (1..16).filter(|opcode| *opcode != 4) {
        let mut packet = query("www.example.org", 1);
        packet[2] = opcode << 3;
        for reply in [exchange(port, &packet), exchange_tcp(port, &packet)] {
            let reply = reply.unwrap();
            assert_eq!((reply[2] >> 3 & 15, reply[3] & 15), (opcode, 4));
        }
    }
    assert_eq!(upstream.mood.asked.load(Relaxed), before);
}

#[test]
fn an_upstream_that_sends_the_probe_of_loop_back_does_not_end_the_process() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(CLIENT_WAITS * 3)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let to = socket.local_addr().unwrap();
    let corefile = format!(". {{\n    loop\n    forward . {to}\n}}\n");
    fs::write(folder.path().join("Corefile"), corefile).unwrap();
    let port = free_port();
    let mut server = Server::start(folder.path(), "Corefile", port);
    server.started().unwrap();
    let mut packet = [0; 1500];
    let (length, forwarder) = socket.recv_from(&mut packet).unwrap();
    let probe = packet[..length].to_vec();
    // Its name is known now: sent again, while the first still waits and afterwards.
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut reply = probe.clone();
    reply[2] |= 0x80;
    for _ in 0..3 {
        client.send_to(&probe, (Ipv4Addr::LOCALHOST, port)).unwrap();
        socket.send_to(&reply, forwarder).unwrap();
    }
    let other = std::thread::spawn(move || serve_for_a_while(&socket));
    for _ in 0..20 {
        client.send_to(&probe, (Ipv4Addr::LOCALHOST, port)).unwrap();
        exchange(port, &query("www.example.org", 2)).unwrap();
    }
    other.join().unwrap();
    server.signal("TERM");
    let (status, output) = server.ended();
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(!output.contains("detected for zone"), "{output}");
}

/// Answers until nobody has asked for a second.
fn serve_for_a_while(socket: &UdpSocket) {
    socket
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let mut packet = [0; 1500];
    while let Ok((length, client)) = socket.recv_from(&mut packet) {
        packet[2] |= 0x80;
        socket.send_to(&packet[..length], client).unwrap();
    }
}
