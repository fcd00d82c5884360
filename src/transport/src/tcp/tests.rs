//! Connections that ask well, badly, slowly, too much or never.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::num::NonZeroU32;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::*;
use crate::bind_tcp;
use crate::service::{Disposition, StreamLimits};

mod order;
mod tls;

const PATIENCE: Duration = Duration::from_secs(5);

/// Answers by the first octet: at once, never, large, or when `gate` opens.
#[derive(Clone)]
struct Reverse {
    gate: Arc<Semaphore>,
    limits: StreamLimits,
    tls: Option<Arc<rustls::ServerConfig>>,
}

impl PacketService for Reverse {
    type Later = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>;

    fn packet(&self, packet: &[u8], _: &Meta, reply: &mut Vec<u8>) -> Disposition<Self::Later> {
        match packet.first() {
            None | Some(b's') => Disposition::Silent,
            Some(b'l') => {
                let (gate, packet) = (Arc::clone(&self.gate), packet.to_vec());
                Disposition::Later(Box::pin(async move {
                    let _open = gate.acquire().await.ok()?;
                    Some(packet.into_iter().rev().collect())
                }))
            }
            Some(b'b') => {
                reply.resize(reply.len() + 60_000, b'b');
                Disposition::Replied
            }
            _ => {
                reply.extend(packet.iter().rev());
                Disposition::Replied
            }
        }
    }

    fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.tls.clone()
    }

    fn stream_limits(&self) -> StreamLimits {
        self.limits
    }
}

struct Served {
    address: SocketAddr,
    gate: Arc<Semaphore>,
    slots: ConnectionSlots,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

fn serve_with(limits: StreamLimits, slots: usize) -> Served {
    serve_on(ConnectionSlots::new(slots), limits, None)
}

#[expect(clippy::disallowed_methods, reason = "tests")]
fn serve_on(
    slots: ConnectionSlots,
    limits: StreamLimits,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> Served {
    let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (gate, stop) = (Arc::new(Semaphore::new(0)), CancellationToken::new());
    let service = Reverse {
        gate: Arc::clone(&gate),
        limits,
        tls,
    };
    let task = tokio::spawn(serve_tcp(listener, service, slots.clone(), stop.clone()));
    Served {
        address,
        gate,
        slots,
        stop,
        task,
    }
}

fn serve() -> Served {
    serve_with(StreamLimits::default(), 100)
}

fn framed(packet: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    frame::append(&mut octets, |out| out.extend_from_slice(packet));
    octets
}

async fn answer(client: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let read = async {
        let length = client.read_u16().await.unwrap();
        let mut packet = vec![0; usize::from(length)];
        client.read_exact(&mut packet).await.unwrap();
        packet
    };
    timeout(PATIENCE, read).await.unwrap()
}

/// Whether the server ends the connection, with nothing more on it.
async fn ended(client: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut rest = Vec::new();
    timeout(PATIENCE, client.read_to_end(&mut rest))
        .await
        .unwrap()
        .is_ok()
        && rest.is_empty()
}

#[tokio::test]
async fn queries_in_one_write_are_all_answered_in_order() {
    let served = serve();
    let mut client = TcpStream::connect(served.address).await.unwrap();
    let queries: Vec<u8> = (0..5000)
        .flat_map(|n| framed(format!("q{n}").as_bytes()))
        .collect();
    let (mut reader, mut writer) = client.split();
    let write = async { writer.write_all(&queries).await.unwrap() };
    let read = async {
        for n in 0..5000 {
            let length = reader.read_u16().await.unwrap();
            let mut packet = vec![0; usize::from(length)];
            reader.read_exact(&mut packet).await.unwrap();
            packet.reverse();
            assert_eq!(packet, format!("q{n}").as_bytes());
        }
    };
    timeout(PATIENCE, async { tokio::join!(write, read) })
        .await
        .unwrap();
}

#[tokio::test]
async fn query_octet_by_octet_is_answered() {
    let served = serve();
    let mut client = TcpStream::connect(served.address).await.unwrap();
    client.set_nodelay(true).unwrap();
    for octet in framed(b"query") {
        client.write_u8(octet).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(answer(&mut client).await, b"yreuq");
}

#[tokio::test]
async fn longest_query_and_empty_ones_leave_the_connection_open() {
    let served = serve();
    let mut client = TcpStream::connect(served.address).await.unwrap();
    client.write_all(&[0, 0, 0, 0]).await.unwrap();
    let long = vec![b'q'; 65_535];
    client.write_all(&framed(&long)).await.unwrap();
    assert_eq!(answer(&mut client).await, long);
    client.write_all(&framed(b"q")).await.unwrap();
    assert_eq!(answer(&mut client).await, b"q");
}

#[tokio::test]
async fn late_replies_overtake_each_other() {
    let served = serve();
    let mut client = TcpStream::connect(served.address).await.unwrap();
    client
        .write_all(&[framed(b"late"), framed(b"now")].concat())
        .await
        .unwrap();
    assert_eq!(answer(&mut client).await, b"won");
    served.gate.add_permits(1);
    assert_eq!(answer(&mut client).await, b"etal");
}

#[tokio::test]
async fn client_that_has_said_all_gets_what_is_owed_and_the_end() {
    let served = serve();
    let mut client = TcpStream::connect(served.address).await.unwrap();
    client
        .write_all(&[framed(b"late"), framed(b"now"), vec![0xFF, 0xFF, 1]].concat())
        .await
        .unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(answer(&mut client).await, b"won");
    served.gate.add_permits(1);
    assert_eq!(answer(&mut client).await, b"etal");
    assert!(ended(&mut client).await);
}

#[tokio::test]
async fn queries_beyond_the_in_flight_limit_wait_their_turn() {
    let limits = StreamLimits {
        in_flight: 2,
        ..StreamLimits::default()
    };
    let served = serve_with(limits, 100);
    let mut client = TcpStream::connect(served.address).await.unwrap();
    let queries = [b"la", b"lb", b"lc", b"ld", b"qe"]
        .map(|query| framed(query))
        .concat();
    client.write_all(&queries).await.unwrap();
    client.shutdown().await.unwrap();
    served.gate.add_permits(1);
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(answer(&mut client).await);
    }
    answers.sort();
    assert_eq!(answers, [b"al", b"bl", b"cl", b"dl", b"eq"]);
    assert!(ended(&mut client).await);
}

#[tokio::test]
async fn connection_ends_after_the_queries_it_may_carry() {
    let limits = StreamLimits {
        queries: NonZeroU32::new(2),
        ..StreamLimits::default()
    };
    let served = serve_with(limits, 100);
    let mut client = TcpStream::connect(served.address).await.unwrap();
    client
        .write_all(&[framed(b"q1"), framed(b"q2")].concat())
        .await
        .unwrap();
    assert_eq!(answer(&mut client).await, b"1q");
    assert_eq!(answer(&mut client).await, b"2q");
    assert!(ended(&mut client).await);
}

/// Limits short enough to be waited for.
fn short() -> StreamLimits {
    StreamLimits {
        read: Duration::from_millis(50),
        idle: Duration::from_millis(150),
        ..StreamLimits::default()
    }
}

#[tokio::test]
async fn client_that_asks_nothing_is_cut_after_the_read_time_out() {
    let served = serve_with(short(), 100);
    let started = Instant::now();
    let mut client = TcpStream::connect(served.address).await.unwrap();
    assert!(ended(&mut client).await);
    assert!(started.elapsed() >= short().read);
}

#[tokio::test]
async fn client_that_sends_a_query_too_slowly_is_cut() {
    let served = serve_with(short(), 100);
    let mut client = TcpStream::connect(served.address).await.unwrap();
    let trickle = async {
        while client.write_all(&[1]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, trickle).await.unwrap();
}

#[tokio::test]
async fn idle_connection_is_cut_after_the_idle_time_out() {
    let served = serve_with(short(), 100);
    let mut client = TcpStream::connect(served.address).await.unwrap();
    let started = Instant::now();
    client.write_all(&framed(b"q")).await.unwrap();
    assert_eq!(answer(&mut client).await, b"q");
    assert!(ended(&mut client).await);
    assert!(started.elapsed() >= short().idle);
}

#[tokio::test]
async fn client_that_waits_for_a_late_reply_is_not_idle() {
    let served = serve_with(short(), 100);
    let mut client = TcpStream::connect(served.address).await.unwrap();
    client.write_all(&framed(b"late")).await.unwrap();
    tokio::time::sleep(3 * short().idle).await;
    served.gate.add_permits(1);
    assert_eq!(answer(&mut client).await, b"etal");
}

#[tokio::test]
async fn client_that_never_reads_is_cut_and_others_are_served() {
    let limits = StreamLimits {
        write: Duration::from_millis(200),
        ..StreamLimits::default()
    };
    let served = serve_with(limits, 100);
    let mut deaf = TcpStream::connect(served.address).await.unwrap();
    let queries: Vec<u8> = (0..1000).flat_map(|_| framed(b"b")).collect();
    deaf.write_all(&queries).await.unwrap();
    let mut other = TcpStream::connect(served.address).await.unwrap();
    other.write_all(&framed(b"q")).await.unwrap();
    assert_eq!(answer(&mut other).await, b"q");
    let before = served.slots.free();
    let free = async {
        while served.slots.free() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, free).await.unwrap();
}

#[tokio::test]
async fn connections_beyond_the_slots_wait_until_one_ends() {
    let served = serve_with(StreamLimits::default(), 1);
    let mut first = TcpStream::connect(served.address).await.unwrap();
    first.write_all(&framed(b"q1")).await.unwrap();
    assert_eq!(answer(&mut first).await, b"1q");
    let mut second = TcpStream::connect(served.address).await.unwrap();
    second.write_all(&framed(b"q2")).await.unwrap();
    drop(first);
    assert_eq!(answer(&mut second).await, b"2q");
}

#[tokio::test]
async fn stop_answers_what_was_sent_before_also_by_clients_not_yet_accepted() {
    let served = serve();
    let mut open = TcpStream::connect(served.address).await.unwrap();
    open.write_all(&framed(b"late")).await.unwrap();
    open.write_all(&framed(b"q")).await.unwrap();
    assert_eq!(answer(&mut open).await, b"q");
    // Without giving the server a chance to run in between.
    let waiting = std::net::TcpStream::connect(served.address).unwrap();
    std::io::Write::write_all(&mut &waiting, &framed(b"new")).unwrap();
    open.try_write(&framed(b"last")).unwrap();
    served.stop.cancel();
    waiting.set_nonblocking(true).unwrap();
    let mut waiting = TcpStream::from_std(waiting).unwrap();
    assert_eq!(answer(&mut waiting).await, b"wen");
    served.gate.add_permits(2);
    let mut answers = [answer(&mut open).await, answer(&mut open).await];
    answers.sort();
    assert_eq!(answers, [b"etal".to_vec(), b"tsal".to_vec()]);
    assert!(ended(&mut open).await && ended(&mut waiting).await);
    timeout(PATIENCE, served.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
