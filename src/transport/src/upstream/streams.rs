//! Queries over TCP or TLS, on connections that are kept for the next query.

#[cfg(test)]
pub(super) mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::thread::ThreadId;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::matching;
use super::tls::TlsClient;
use super::{Answer, Endpoint};
use crate::task::spawn;
use crate::tcp::frame;

/// So many connections to one upstream are open at most; further queries wait for one.
const CONNECTIONS: usize = 512;

/// How long connections are kept, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// An idle connection is closed after this.
    pub expire: Duration,
    /// So many idle connections are kept on each worker; `None` for any number.
    pub max_idle: Option<usize>,
    /// A connection older than this is not used again; `None` for any age.
    pub max_age: Option<Duration>,
}

impl Default for StreamOptions {
    /// What CoreDNS has.
    fn default() -> Self {
        Self {
            expire: Duration::from_secs(10),
            max_idle: None,
            max_age: None,
        }
    }
}

/// The connections to one upstream; dropping it closes the idle ones.
pub struct Streams {
    endpoint: Endpoint,
    tls: Option<(TlsClient, ServerName<'static>)>,
    options: StreamOptions,
    places: Semaphore,
    /// Each worker reuses its own, which its runtime drives.
    kept: Mutex<HashMap<ThreadId, Kept>>,
}

/// The idle connections of one worker, the one used last at the end.
#[derive(Default)]
struct Kept {
    idle: Vec<Idle>,
    /// Whether a task closes those that expire.
    swept: bool,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

struct Connection {
    stream: Box<dyn Stream>,
    local: SocketAddr,
    opened: Instant,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Streams {
    /// Connections over plain TCP.
    pub fn tcp(endpoint: Endpoint, options: StreamOptions) -> Arc<Self> {
        Self::new(endpoint, None, options)
    }

    /// Connections over TLS to a server that proves to be `name`, or its address if that is
    /// `None`.
    pub fn tls(
        endpoint: Endpoint,
        client: TlsClient,
        name: Option<ServerName<'static>>,
        options: StreamOptions,
    ) -> Arc<Self> {
        let name = name.unwrap_or_else(|| ServerName::from(endpoint.server.ip()));
        Self::new(endpoint, Some((client, name)), options)
    }

    fn new(
        endpoint: Endpoint,
        tls: Option<(TlsClient, ServerName<'static>)>,
        options: StreamOptions,
    ) -> Arc<Self> {
        let (places, kept) = (Semaphore::new(CONNECTIONS), Mutex::default());
        Arc::new(Self {
            endpoint,
            tls,
            options,
            places,
            kept,
        })
    }

    /// Asks the upstream and waits until `deadline` for a reply that `read` takes.
    ///
    /// `query` is sent as it is but for its id. A kept connection that the server has closed
    /// meanwhile is replaced by a new one.
    pub async fn exchange<T>(
        self: &Arc<Self>,
        query: &[u8],
        deadline: Instant,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> io::Result<Answer<T>> {
        let asking = Asking::new(query)?;
        let exchange = async {
            let _place = self.places.acquire().await.map_err(io::Error::other)?;
            while let Some(connection) = self.take() {
                if let Ok(answer) = self.ask(connection, &asking, true, &read).await {
                    return Ok(answer);
                }
            }
            let connection = self.connect().await?;
            self.ask(connection, &asking, false, &read).await
        };
        timeout_at(deadline, exchange)
            .await
            .unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    async fn ask<T>(
        self: &Arc<Self>,
        mut connection: Connection,
        asking: &Asking<'_>,
        reused: bool,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> io::Result<Answer<T>> {
        let mut received = Vec::with_capacity(1024);
        let packet = asking
            .exchange(&mut *connection.stream, &mut received)
            .await?;
        let local = connection.local;
        let reply = read(packet).ok_or(io::ErrorKind::InvalidData)?;
        // A connection with something wrong on it is not kept.
        if packet.len() + 2 == received.len() {
            self.keep(connection);
        }
        Ok(Answer {
            reply,
            local,
            reused,
        })
    }

    async fn connect(&self) -> io::Result<Connection> {
        let stream = connect_tcp(self.endpoint).await?;
        let local = stream.local_addr()?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some((client, name)) => Box::new(client.connect(name.clone(), stream).await?),
        };
        let opened = Instant::now();
        Ok(Connection {
            stream,
            local,
            opened,
        })
    }

    /// The connection used last, which is the one most likely still open.
    fn take(&self) -> Option<Connection> {
        let mut kept = self.kept.lock();
        let kept = kept.get_mut(&std::thread::current().id())?;
        while let Some(newest) = kept.idle.pop() {
            if newest.since.elapsed() >= self.options.expire {
                kept.idle.clear();
            } else if !self.is_too_old(&newest.connection) {
                return Some(newest.connection);
            }
        }
        None
    }

    fn is_too_old(&self, connection: &Connection) -> bool {
        let max = self.options.max_age;
        max.is_some_and(|max| connection.opened.elapsed() >= max)
    }

    fn keep(self: &Arc<Self>, connection: Connection) {
        if self.is_too_old(&connection) {
            return;
        }
        let thread = std::thread::current().id();
        let mut kept = self.kept.lock();
        let kept = kept.entry(thread).or_default();
        if self
            .options
            .max_idle
            .is_some_and(|most| kept.idle.len() >= most)
        {
            return;
        }
        kept.idle.push(Idle {
            connection,
            since: Instant::now(),
        });
        if !kept.swept {
            kept.swept = true;
            spawn(sweep(Arc::downgrade(self), thread, self.options.expire));
        }
    }

    /// Closes what is too old and says whether something is left.
    fn close_expired(&self, thread: ThreadId) -> bool {
        let mut kept = self.kept.lock();
        let Some(kept) = kept.get_mut(&thread) else {
            return false;
        };
        kept.idle
            .retain(|one| one.since.elapsed() < self.options.expire);
        kept.swept = !kept.idle.is_empty();
        kept.swept
    }
}

pub(super) async fn connect_tcp(endpoint: Endpoint) -> io::Result<TcpStream> {
    let server = endpoint.server;
    let socket = if server.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(source) = endpoint.source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Streams")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Looks after the idle connections of one worker until there are none.
async fn sweep(streams: Weak<Streams>, thread: ThreadId, expire: Duration) {
    loop {
        tokio::time::sleep(expire).await;
        let Some(streams) = streams.upgrade() else {
            return;
        };
        if !streams.close_expired(thread) {
            return;
        }
    }
}

/// A query ready to be written, and what its reply must match.
struct Asking<'a> {
    framed: Vec<u8>,
    id: u16,
    opcode: u8,
    question: &'a [u8],
}

impl<'a> Asking<'a> {
    fn new(query: &'a [u8]) -> io::Result<Self> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let question = matching::question(query).ok_or_else(invalid)?;
        let opcode = query.get(2).copied().ok_or_else(invalid)?;
        let id: u16 = rand::random();
        let mut framed = Vec::with_capacity(2 + query.len());
        frame::append(&mut framed, |out| {
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(query.get(2..).unwrap_or(&[]));
        });
        Ok(Self {
            framed,
            id,
            opcode,
            question,
        })
    }

    /// Reads into `received` up to the reply, which it then begins with.
    async fn exchange<'b>(
        &self,
        stream: &mut dyn Stream,
        received: &'b mut Vec<u8>,
    ) -> io::Result<&'b [u8]> {
        stream.write_all(&self.framed).await?;
        stream.flush().await?;
        while !self.find(received) {
            if stream.read_buf(received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        frame::split(received)
            .map(|(packet, _)| packet)
            .ok_or(io::ErrorKind::InvalidData.into())
    }

    /// Drops whole packets that are not the reply; true once the reply is in front.
    fn find(&self, received: &mut Vec<u8>) -> bool {
        while let Some((packet, rest)) = frame::split(received) {
            if matching::is_reply(packet, self.id, self.opcode, self.question) {
                return true;
            }
            let unread = received.len() - rest.len();
            received.drain(..unread);
        }
        false
    }
}
