//! Datagrams in and out of real sockets on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::net::UdpSocket as StdSocket;
use std::pin::Pin;

use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::*;
use crate::bind_udp;

const PATIENCE: Duration = Duration::from_secs(5);

/// Answers by the first octet: at once, never, or when `gate` opens.
#[derive(Clone)]
struct Reverse {
    gate: Arc<Semaphore>,
}

impl Reverse {
    fn new() -> Self {
        Self {
            gate: Arc::new(Semaphore::new(0)),
        }
    }
}

fn reversed(packet: &[u8]) -> Vec<u8> {
    packet.iter().rev().copied().collect()
}

impl PacketService for Reverse {
    type Later = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>;

    fn packet(&self, packet: &[u8], meta: &Meta, reply: &mut Vec<u8>) -> Disposition<Self::Later> {
        match packet.first() {
            Some(b's') => Disposition::Silent,
            Some(b'h') => {
                // What is left behind by a reply that is not sent must not be.
                reply.extend_from_slice(b"half");
                Disposition::Silent
            }
            Some(b'l') => {
                let (gate, packet) = (Arc::clone(&self.gate), packet.to_vec());
                Disposition::Later(Box::pin(async move {
                    let _open = gate.acquire().await.ok()?;
                    Some(reversed(&packet))
                }))
            }
            Some(b'a') => {
                reply.extend_from_slice(format!("{} {}", meta.peer, meta.local).as_bytes());
                Disposition::Replied
            }
            Some(b'b') => {
                reply.resize(reply.len() + 70_000, 0);
                Disposition::Replied
            }
            _ => {
                reply.extend(packet.iter().rev());
                Disposition::Replied
            }
        }
    }
}

struct Served {
    address: SocketAddr,
    service: Reverse,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

#[expect(clippy::disallowed_methods, reason = "tests")]
fn serve(bind: &str) -> Served {
    let socket = bind_udp(bind.parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let (service, stop) = (Reverse::new(), CancellationToken::new());
    let task = tokio::spawn(serve_udp(socket, service.clone(), stop.clone()));
    Served {
        address,
        service,
        stop,
        task,
    }
}

async fn client(server: SocketAddr) -> UdpSocket {
    let ip = if server.is_ipv4() {
        "127.0.0.1:0"
    } else {
        "[::1]:0"
    };
    let socket = UdpSocket::bind(ip).await.unwrap();
    socket.connect(server).await.unwrap();
    socket
}

async fn receive(client: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_535];
    let length = timeout(PATIENCE, client.recv(&mut buffer))
        .await
        .unwrap()
        .unwrap();
    buffer.truncate(length);
    buffer
}

#[tokio::test]
async fn every_datagram_of_a_burst_is_answered() {
    let served = serve("127.0.0.1:0");
    let client = client(served.address).await;
    let sent: HashSet<Vec<u8>> = (0..200u8).map(|n| vec![b'q', n]).collect();
    for packet in &sent {
        client.send(packet).await.unwrap();
    }
    let mut answered = HashSet::new();
    for _ in 0..200 {
        answered.insert(reversed(&receive(&client).await));
    }
    assert_eq!(answered, sent);
}

#[tokio::test]
async fn longest_and_shortest_datagrams_are_read_whole() {
    let served = serve("127.0.0.1:0");
    let client = client(served.address).await;
    for length in [1, 511, 512, 513, 4096, 9000, 65_507] {
        let packet: Vec<u8> = (0..length)
            .map(|n| u8::try_from(n % 251).unwrap())
            .collect();
        client.send(&packet).await.unwrap();
        assert_eq!(receive(&client).await, reversed(&packet));
    }
}

#[tokio::test]
async fn reply_that_cannot_be_sent_does_not_hold_up_the_others() {
    let served = serve("127.0.0.1:0");
    let client = client(served.address).await;
    for packet in [b"q1", b"b2", b"h3", b"s4", b"q5"] {
        client.send(packet).await.unwrap();
    }
    assert_eq!(receive(&client).await, b"1q");
    assert_eq!(receive(&client).await, b"5q");
}

#[tokio::test]
async fn late_reply_is_sent_when_it_is_ready() {
    let served = serve("127.0.0.1:0");
    let client = client(served.address).await;
    client.send(b"late").await.unwrap();
    client.send(b"now").await.unwrap();
    assert_eq!(receive(&client).await, b"won");
    served.service.gate.add_permits(1);
    assert_eq!(receive(&client).await, b"etal");
}

#[tokio::test]
async fn stop_answers_what_was_sent_before_and_what_still_waits() {
    let served = serve("127.0.0.1:0");
    let client = client(served.address).await;
    client.send(b"late").await.unwrap();
    client.send(b"first").await.unwrap();
    assert_eq!(receive(&client).await, b"tsrif");
    // Nothing runs between these two: the datagram is in the kernel when the stop is seen.
    client.try_send(b"last").unwrap();
    served.stop.cancel();
    served.service.gate.add_permits(2);
    let answers = HashSet::from([receive(&client).await, receive(&client).await]);
    assert_eq!(answers, HashSet::from([b"tsal".to_vec(), b"etal".to_vec()]));
    timeout(PATIENCE, served.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn wildcard_socket_answers_from_the_address_that_was_asked() {
    let served = serve("0.0.0.0:0");
    let port = served.address.port();
    for ip in ["127.0.0.1", "127.0.0.53"] {
        let asked: SocketAddr = format!("{ip}:{port}").parse().unwrap();
        // A connected socket takes answers from that address alone.
        let client = client(asked).await;
        client.send(b"address").await.unwrap();
        let expected = format!("{} {asked}", client.local_addr().unwrap());
        assert_eq!(String::from_utf8(receive(&client).await).unwrap(), expected);
        client.send(b"late").await.unwrap();
        served.service.gate.add_permits(1);
        assert_eq!(receive(&client).await, b"etal");
    }
}

#[tokio::test]
async fn wildcard_socket_serves_ipv6_where_there_is_ipv6() {
    let served = serve("[::]:0");
    let asked = SocketAddr::new("::1".parse().unwrap(), served.address.port());
    let Ok(probe) = StdSocket::bind("[::1]:0") else {
        return;
    };
    drop(probe);
    let client = client(asked).await;
    client.send(b"address").await.unwrap();
    let expected = format!("{} {asked}", client.local_addr().unwrap());
    assert_eq!(String::from_utf8(receive(&client).await).unwrap(), expected);
}

#[tokio::test]
async fn two_sockets_may_share_an_address() {
    let first = bind_udp("127.0.0.1:0".parse().unwrap()).unwrap();
    bind_udp(first.local_addr().unwrap()).unwrap();
}

#[test]
fn bursts_have_as_much_room_as_the_kernel_gives() {
    let socket = bind_udp("127.0.0.1:0".parse().unwrap()).unwrap();
    let room = socket2::SockRef::from(&socket).recv_buffer_size().unwrap();
    let limit = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    assert!(room >= limit.min(4 << 20), "{room} octets");
}
