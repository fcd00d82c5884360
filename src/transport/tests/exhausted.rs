//! A process out of file descriptors: UDP goes on, nothing spins, TCP comes back.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::future::Ready;
use std::io::{Read as _, Seek as _};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use catena_transport::upstream::{Endpoint, exchange_udp};
use catena_transport::{
    ConnectionSlots, Disposition, Meta, PacketService, bind_tcp, bind_udp, serve_tcp, serve_udp,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(5);
const CHILD: &str = "CATENA_EXHAUSTED_CHILD";

/// Answers every query with itself.
#[derive(Clone)]
struct Echo;

impl PacketService for Echo {
    type Later = Ready<Option<Vec<u8>>>;

    fn packet(&self, packet: &[u8], _: &Meta, reply: &mut Vec<u8>) -> Disposition<Self::Later> {
        reply.extend_from_slice(packet);
        if let Some(flags) = reply.get_mut(2) {
            *flags |= 0x80;
        }
        Disposition::Replied
    }
}

#[test]
fn exhausted_process_answers_udp_does_not_spin_and_recovers() {
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(exhaust());
    }
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, "1")
        .status();
    assert!(child.unwrap().success());
}

async fn exhaust() {
    // Opened first: later there is no descriptor left to look with.
    let mut stat = File::open("/proc/self/stat").unwrap();
    let (address, upstream) = serve();
    let mut clients = Vec::new();
    while let Ok(client) = timeout(PATIENCE, TcpStream::connect(address))
        .await
        .unwrap()
    {
        clients.push(client);
    }
    assert!(clients.len() > 20);

    let asked = upstream.send(b"still there").await;
    assert_eq!(asked.unwrap(), 11);
    let mut buffer = [0; 64];
    timeout(PATIENCE, upstream.recv(&mut buffer))
        .await
        .unwrap()
        .unwrap();
    let query = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
    let deadline = Instant::now() + PATIENCE;
    let read = |packet: &[u8]| Some(packet.len());
    let error = exchange_udp(Endpoint::from(address), query, deadline, read)
        .await
        .unwrap_err();
    assert_eq!(error.raw_os_error(), Some(24), "{error}");

    let before = cpu_ticks(&mut stat);
    tokio::time::sleep(Duration::from_millis(600)).await;
    let spent = cpu_ticks(&mut stat) - before;
    assert!(spent < 15, "{spent} ticks of 10 ms in 600 ms");

    clients.clear();
    let answered = async {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"\0\x03abc").await.unwrap();
        let mut reply = [0; 5];
        client.read_exact(&mut reply).await.unwrap();
    };
    timeout(PATIENCE, answered).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    exchange_udp(Endpoint::from(address), query, deadline, read)
        .await
        .unwrap();
}

#[expect(clippy::disallowed_methods, reason = "tests")]
fn serve() -> (SocketAddr, UdpSocket) {
    // The port that is free for UDP may be in use by a TCP connection of another program.
    let both = std::iter::repeat_with(|| {
        let udp = bind_udp("127.0.0.1:0".parse().unwrap()).unwrap();
        let tcp = bind_tcp(udp.local_addr().unwrap()).ok()?;
        Some((udp, tcp))
    });
    let (udp, tcp) = both.take(20).flatten().next().unwrap();
    let address = udp.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(serve_udp(udp, Echo, stop.clone()));
    // Far more slots than descriptors.
    tokio::spawn(serve_tcp(tcp, Echo, ConnectionSlots::new(1000), stop));
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(address).unwrap();
    client.set_nonblocking(true).unwrap();
    (address, UdpSocket::from_std(client).unwrap())
}

/// User and system time of this process, in ticks of 10 ms.
fn cpu_ticks(stat: &mut File) -> u64 {
    stat.rewind().unwrap();
    let mut line = String::new();
    stat.read_to_string(&mut line).unwrap();
    let fields = line.rsplit(") ").next().unwrap().split(' ');
    fields
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum()
}
