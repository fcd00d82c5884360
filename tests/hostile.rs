//! Clients that mean harm, or merely have bugs, do not disturb the others.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use catena_dns::{Class, Message, Name, Rcode, RecordType, ReplyEdns};

use crate::client::{Connection, ask, exchange, exchange_tcp, query};
use crate::server::{Server, free_port};

const COREFILE: &str = "test {\n    hosts {\n        192.0.2.1 a.test\n    }\n}\n";
const ADDRESS: Option<Ipv4Addr> = Some(Ipv4Addr::new(192, 0, 2, 1));

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Corefile"), COREFILE).unwrap();
    folder
}

fn started(folder: &tempfile::TempDir) -> (Server, u16) {
    let port = free_port();
    let mut server = Server::start(folder.path(), "Corefile", port);
    server.started().unwrap();
    (server, port)
}

fn client(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    socket
}

/// A small generator of numbers, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap()
    }
}

#[test]
fn spoilt_packets_leave_the_server_answering() {
    let folder = folder();
    let (_server, port) = started(&folder);
    let socket = client(port);
    let mut numbers = Numbers(42);
    for round in 0..200 {
        for _ in 0..50 {
            let mut packet = query("a.test", 1);
            for _ in 0..=numbers.next() % 4 {
                let at = numbers.next() % packet.len();
                packet[at] = numbers.next().to_le_bytes()[0];
            }
            packet.truncate(numbers.next() % (packet.len() + 8));
            socket.send(&packet).unwrap();
        }
        assert_eq!(ask(port, "a.test").unwrap(), ADDRESS, "round {round}");
    }
}

#[test]
fn responses_are_never_answered() {
    let folder = folder();
    let (_server, port) = started(&folder);
    let socket = client(port);
    for opcode in 0..16_u8 {
        let mut response = query("a.test", 1);
        response[2] = 0x80 | opcode << 3;
        socket.send(&response).unwrap();
    }
    socket.send(&query("a.test", 2)).unwrap();
    let mut reply = [0; 512];
    socket.recv(&mut reply).unwrap();
    assert_eq!(reply[..2], [0, 2], "the first answer is that to the query");
}

#[test]
fn connections_that_say_nothing_keep_nobody_out() {
    let folder = folder();
    let (_server, port) = started(&folder);
    let mut idle = Vec::new();
    for _ in 0..150 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        // The length of a message that never comes.
        stream.write_all(&[0]).unwrap();
        idle.push(stream);
    }
    assert_eq!(ask(port, "a.test").unwrap(), ADDRESS);
    let mut connection = Connection::open(port);
    connection.send("a.test", 3).unwrap();
    assert_eq!(connection.receive().unwrap(), (3, ADDRESS));
}

#[test]
fn client_that_never_reads_stalls_only_itself() {
    let folder = folder();
    let (_server, port) = started(&folder);
    let mut deaf = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    deaf.set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let packet = query("a.test", 4);
    let mut framed = u16::try_from(packet.len()).unwrap().to_be_bytes().to_vec();
    framed.extend_from_slice(&packet);
    let many = framed.repeat(1000);
    // Until the server stops reading, or cuts the connection: 50 MB would be memory of its own.
    let sent = (0..1500)
        .take_while(|_| deaf.write_all(&many).is_ok())
        .count();
    assert!(
        sent < 1500,
        "the server takes queries without end and owes the answers"
    );
    assert_eq!(ask(port, "a.test").unwrap(), ADDRESS);
    let mut connection = Connection::open(port);
    connection.send("a.test", 5).unwrap();
    assert_eq!(connection.receive().unwrap(), (5, ADDRESS));
}

#[test]
fn udp_is_answered_while_descriptors_run_out_and_tcp_afterwards() {
    let folder = folder();
    let port = free_port();
    let mut server = Server::start_with_few_files(folder.path(), port, 48);
    server.started().unwrap();
    let idle: Vec<TcpStream> = (0..80)
        .map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap())
        .collect();
    for _ in 0..100 {
        assert_eq!(ask(port, "a.test").unwrap(), ADDRESS);
    }
    drop(idle);
    let mut connection = Connection::open(port);
    connection.send("a.test", 6).unwrap();
    assert_eq!(connection.receive().unwrap(), (6, ADDRESS));

    server.signal("TERM");
    let (_, output) = server.ended();
    let complaints = output.matches("open files").count();
    assert!(complaints < 10, "complains {complaints} times:\n{output}");
}

/// A query for `a.test` of any type and class.
fn odd_query(rtype: u16, class: u16) -> Vec<u8> {
    let mut query = Message::query("a.test".parse::<Name>().unwrap().view(), RecordType(rtype));
    query.qclass = Class(class);
    query.to_packet()
}

fn rcode(packet: &[u8]) -> Rcode {
    Rcode((packet[3] & 15).into())
}

#[test]
fn other_classes_are_refused_and_every_type_is_answered_over_udp_and_tcp() {
    let folder = folder();
    let (_server, port) = started(&folder);
    // SIG, KEY, OPT, TKEY, TSIG, IXFR, AXFR, MAILB, ANY, and what is not assigned.
    for rtype in [0, 24, 25, 41, 128, 249, 250, 251, 252, 253, 255, 65_535] {
        for class in [0, 1, 2, 3, 4, 254, 255, 65_535] {
            let query = odd_query(rtype, class);
            for reply in [exchange(port, &query), exchange_tcp(port, &query)] {
                let reply = reply.unwrap();
                assert_eq!(reply[..2], query[..2], "type {rtype}, class {class}");
                let refused = rcode(&reply) == Rcode::REFUSED;
                assert!(class == 1 || refused, "type {rtype}, class {class}");
            }
        }
    }
    assert_eq!(ask(port, "a.test").unwrap(), ADDRESS);
}

#[test]
fn sixteen_thousand_edns_options_cost_little() {
    let folder = folder();
    let (server, port) = started(&folder);
    let mut message = Message::query("a.test".parse::<Name>().unwrap().view(), RecordType::A);
    let mut edns = ReplyEdns {
        udp_size: 1232,
        ..ReplyEdns::default()
    };
    for code in 0..16_000 {
        edns.push(20_000 + code, &[]);
    }
    message.edns = Some(edns);
    let query = message.to_packet();
    assert!(query.len() > 64_000);
    let before = server.ticks();
    for _ in 0..50 {
        let reply = exchange_tcp(port, &query).unwrap();
        assert_eq!(reply[..2], query[..2]);
    }
    let spent = (server.ticks() - before) * 10 / 50;
    assert!(spent < 20, "{spent} ms each");
}

#[test]
fn a_connection_that_asks_without_end_keeps_nobody_waiting() {
    let folder = folder();
    let (_server, port) = started(&folder);
    let stop = Arc::new(AtomicBool::new(false));
    let greedy = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            let mut connection = Connection::open(port);
            let mut answered = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                for id in 0..200 {
                    connection.send("a.test", id).unwrap();
                }
                for _ in 0..200 {
                    connection.receive().unwrap();
                    answered += 1;
                }
            }
            answered
        }
    });
    for _ in 0..200 {
        assert_eq!(ask(port, "a.test").unwrap(), ADDRESS);
        let mut connection = Connection::open(port);
        connection.send("a.test", 1).unwrap();
        assert_eq!(connection.receive().unwrap(), (1, ADDRESS));
    }
    stop.store(true, Ordering::Relaxed);
    assert!(greedy.join().unwrap() > 0);
}
