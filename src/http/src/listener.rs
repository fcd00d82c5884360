//! The listeners of the process, by address, and who shares each.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::connection::{STEP_TIME, serve};
use crate::{Address, Answer, Asked, Pages, Peer, Service};

/// Connections of one listener at most; the next ones wait in the backlog.
const CONNECTIONS_MAX: usize = 128;
const BACKLOG: i32 = 128;
/// Pause after an accept that failed, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The open listeners; those on a port of the system's choice are not shared.
static OPEN: Mutex<BTreeMap<Address, Arc<Site>>> = Mutex::new(BTreeMap::new());
static NEXT_LEASE: AtomicU64 = AtomicU64::new(0);

/// Why an endpoint cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("listen tcp {address}: {step}{reason}")]
pub struct OpenError {
    address: Address,
    step: &'static str,
    reason: String,
}

/// What is to be opened.
pub struct Opening<'a> {
    /// Where.
    pub address: &'a Address,
    /// The certificate to show; plain text without.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who answers.
    pub pages: Arc<dyn Pages>,
    /// Where the listener runs.
    pub background: &'a Handle,
}

/// A share of an endpoint, which closes with its last lease.
pub struct Lease {
    id: u64,
    site: Arc<Site>,
}

/// A listener and its sharers.
pub(crate) struct Site {
    address: Address,
    local: SocketAddr,
    sharers: RwLock<Vec<Sharer>>,
    closing: CancellationToken,
}

struct Sharer {
    id: u64,
    pages: Arc<dyn Pages>,
    tls: Option<Arc<ServerConfig>>,
}

impl Opening<'_> {
    /// Opens the endpoint, or joins those who have it open.
    pub fn open(self) -> Result<Lease, OpenError> {
        let id = NEXT_LEASE.fetch_add(1, Ordering::Relaxed);
        let sharer = Sharer {
            id,
            pages: self.pages,
            tls: self.tls,
        };
        let mut open = OPEN.lock();
        if let Some(site) = open.get(self.address) {
            site.sharers.write().push(sharer);
            let site = Arc::clone(site);
            return Ok(Lease { id, site });
        }
        let refused = |step, error: &io::Error| OpenError {
            address: self.address.clone(),
            step,
            reason: reason(error),
        };
        let candidates = self.address.candidates();
        let candidates = candidates.map_err(|error| refused("lookup: ", &error))?;
        let listener = bind(&candidates).map_err(|error| refused("bind: ", &error))?;
        let _runtime = self.background.enter();
        let made = listener
            .local_addr()
            .and_then(|local| Ok((local, TcpListener::from_std(listener)?)));
        let (local, listener) = made.map_err(|error| refused("", &error))?;
        let site = Arc::new(Site {
            address: self.address.clone(),
            local,
            sharers: RwLock::new(vec![sharer]),
            closing: CancellationToken::new(),
        });
        self.background.spawn(accept(listener, Arc::clone(&site)));
        if self.address.port() != 0 {
            open.insert(self.address.clone(), Arc::clone(&site));
        }
        Ok(Lease { id, site })
    }
}

impl Lease {
    /// Where it listens, the port known.
    pub fn local(&self) -> SocketAddr {
        self.site.local
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut open = OPEN.lock();
        let mut sharers = self.site.sharers.write();
        sharers.retain(|sharer| sharer.id != self.id);
        if sharers.is_empty() {
            self.site.closing.cancel();
            if self.site.address.port() != 0 {
                open.remove(&self.site.address);
            }
        }
    }
}

impl Site {
    /// Asks the sharers, the latest first.
    pub(crate) fn answer(&self, asked: &Asked) -> Option<Answer> {
        let sharers = self.sharers.read();
        sharers
            .iter()
            .rev()
            .find_map(|sharer| sharer.pages.answer(asked))
    }

    /// Who takes requests for `asked` in full.
    pub(crate) fn service(&self, asked: &Asked) -> Option<Arc<dyn Service>> {
        let sharers = self.sharers.read();
        let mut latest = sharers.iter().rev();
        latest.find_map(|sharer| sharer.pages.service(asked))
    }

    /// Ends when the listener closes.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        let sharers = self.sharers.read();
        sharers.last().and_then(|sharer| sharer.tls.clone())
    }
}

/// The system's words for `error`, as Go prints them: no capital, no number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

fn bind(candidates: &[SocketAddr]) -> io::Result<std::net::TcpListener> {
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in candidates {
        match bind_one(*address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// Binds as CoreDNS does: another process may bind the same port, so that it can take over.
fn bind_one(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Takes connections until the last sharer is gone, then lets those at work finish.
async fn accept(listener: TcpListener, site: Arc<Site>) {
    let mut connections = JoinSet::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut is_failing = false;
    let take_all = async {
        loop {
            while connections.try_join_next().is_some() {}
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    is_failing = false;
                    let site = Arc::clone(&site);
                    connections.spawn(async move {
                        welcome(stream, peer, site).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    if !is_failing {
                        tracing::error!("{}: accept: {}", site.address, reason(&error));
                    }
                    is_failing = true;
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    let _closed = site.closing.run_until_cancelled(take_all).await;
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    let _in_time = timeout(STEP_TIME, finish).await;
}

async fn welcome(stream: TcpStream, address: SocketAddr, site: Arc<Site>) {
    let mut peer = Peer {
        address,
        is_encrypted: false,
        certificate: None,
    };
    let Some(tls) = site.tls() else {
        return serve(stream, site, peer).await;
    };
    match timeout(STEP_TIME, TlsAcceptor::from(tls).accept(stream)).await {
        Ok(Ok(stream)) => {
            let (_, session) = stream.get_ref();
            let shown = session.peer_certificates().and_then(<[_]>::first);
            peer.certificate = shown.map(|certificate| certificate.clone().into_owned());
            peer.is_encrypted = true;
            serve(stream, site, peer).await;
        }
        Ok(Err(error)) => tracing::debug!("{}: TLS handshake: {error}", site.address),
        Err(_) => tracing::debug!("{}: TLS handshake takes too long", site.address),
    }
}
