//! A scripted DNS server on a loopback socket, for plugins that ask others.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use catena_dns::{Name, QueryMessage, Rcode, flag};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::Script;
use crate::script::{Rule, answer_to};

/// Ports tried until one is free for both UDP and TCP.
const TRIES: usize = 50;

/// A server that answers from a [`Script`] over UDP and TCP until it is dropped.
///
/// Do not pause time around it: a paused clock runs ahead while a socket is waited for.
pub struct Upstream {
    address: SocketAddr,
    script: Script,
    _running: DropGuard,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Udp,
    Tcp,
}

impl Upstream {
    /// Starts a server with the rules of `script`, see [`Script`]; needs a tokio runtime.
    pub async fn start(script: &str) -> Upstream {
        let script = Script::parse(script);
        let (udp, tcp) = bind().await.unwrap();
        let address = udp.local_addr().unwrap();
        let token = CancellationToken::new();
        let udp = answer_datagrams(Arc::new(udp), script.clone(), token.clone());
        let tcp = accept(tcp, script.clone(), token.clone());
        spawn(&token, udp);
        spawn(&token, tcp);
        Upstream {
            address,
            script,
            _running: token.drop_guard(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The queries that came since the last call, over UDP and TCP.
    pub fn take_seen(&self) -> Vec<String> {
        self.script.take_seen()
    }
}

async fn bind() -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = io::Error::other("no try");
    for _ in 0..TRIES {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match UdpSocket::bind(tcp.local_addr()?).await {
            Ok(udp) => return Ok((udp, tcp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn spawn(token: &CancellationToken, task: impl Future<Output = ()> + Send + 'static) {
    let token = token.clone();
    Handle::current().spawn(async move {
        let _ended = token.run_until_cancelled(task).await;
    });
}

async fn answer_datagrams(socket: Arc<UdpSocket>, script: Script, token: CancellationToken) {
    let mut buffer = vec![0; catena_dns::MESSAGE_MAX];
    while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
        let packet = buffer.get(..length).unwrap_or_default().to_vec();
        let (socket, script) = (Arc::clone(&socket), script.clone());
        spawn(&token, async move {
            if let Some(answer) = answer(&packet, &script, Over::Udp).await {
                let _sent = socket.send_to(&answer, client).await;
            }
        });
    }
}

async fn accept(listener: TcpListener, script: Script, token: CancellationToken) {
    while let Ok((stream, _)) = listener.accept().await {
        spawn(&token, answer_stream(stream, script.clone()));
    }
}

async fn answer_stream(mut stream: TcpStream, script: Script) {
    while let Ok(length) = stream.read_u16().await {
        let mut packet = vec![0; usize::from(length)];
        if stream.read_exact(&mut packet).await.is_err() {
            return;
        }
        let Some(answer) = answer(&packet, &script, Over::Tcp).await else {
            return;
        };
        let Ok(length) = u16::try_from(answer.len()) else {
            return;
        };
        let framed = [&length.to_be_bytes()[..], &answer].concat();
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

async fn answer(packet: &[u8], script: &Script, over: Over) -> Option<Vec<u8>> {
    let mut scratch = Vec::new();
    let query = QueryMessage::admit(packet, &mut scratch).ok()?;
    let Some((_, rule)) = script.rule(&query) else {
        return Some(answer_to(&query, Rcode::NXDOMAIN).to_packet());
    };
    tokio::time::sleep(rule.after).await;
    (!rule.drop).then(|| reply(rule, &query, over))
}

fn reply(rule: &Rule, query: &QueryMessage<'_>, over: Over) -> Vec<u8> {
    let mut message = rule.reply(query);
    if rule.wrong_id {
        message.id ^= 1;
    }
    if rule.wrong_question {
        message.qname = "wrong.invalid.".parse::<Name>().unwrap();
    }
    if rule.udp_tc && over == Over::Udp {
        message.flags |= flag::TC;
        message.answers.clear();
    }
    let mut reply = message.to_reply();
    if message.edns.is_none() {
        let limit = if over == Over::Udp {
            query.udp_limit()
        } else {
            catena_dns::MESSAGE_MAX
        };
        reply.finish(query, limit);
        return reply.packet().to_vec();
    }
    message.to_packet()
}
