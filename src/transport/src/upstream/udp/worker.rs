//! What sends and receives for all queries of one worker: a reader for each port, one ticker.

use std::cell::RefCell;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ports::{Choice, IDLE, Port};
use super::state::{Query, State};
use crate::descriptors::descriptor_limit;
use crate::task::spawn;
use crate::upstream::{Endpoint, matching};

/// More ports than this are of no use to one worker.
const PORTS_MAX: usize = 1024;
/// Deadlines are looked at no more often than this.
const TICK: Duration = Duration::from_millis(5);
/// So many datagrams are taken from a port before other tasks get their turn.
const DATAGRAMS: usize = 16;
/// The largest datagram there is.
const PACKET_MAX: usize = 65_535;
/// So many ids are drawn to find one that no query of the same port has.
const DRAWS: usize = 16;

thread_local! {
    static PACKET: RefCell<Vec<u8>> = RefCell::new(vec![0; PACKET_MAX]);
    static CURRENT: RefCell<Option<Arc<Worker>>> = const { RefCell::new(None) };
}

/// The upstream side of a worker.
pub(crate) struct Worker {
    pub(crate) state: Mutex<State>,
    /// Wakes the ticker.
    ticker: Notify,
    limit: usize,
    alive: AtomicBool,
}

/// A query that went out.
pub(crate) struct Sent {
    pub(crate) key: usize,
    pub(crate) local: SocketAddr,
    pub(crate) reused: bool,
}

impl Worker {
    /// The one of this thread, made on first use for the runtime that runs here.
    pub(crate) fn current() -> Arc<Self> {
        CURRENT.with_borrow_mut(|current| match current {
            Some(worker) if worker.alive.load(Ordering::Relaxed) => Arc::clone(worker),
            _ => {
                let worker = Self::start();
                *current = Some(Arc::clone(&worker));
                worker
            }
        })
    }

    fn start() -> Arc<Self> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let worker = Arc::new(Self {
            state: Mutex::default(),
            ticker: Notify::new(),
            limit: (descriptor_limit() / 4 / workers).clamp(4, PORTS_MAX),
            alive: AtomicBool::new(true),
        });
        spawn(tick(EndWithRuntime(Arc::clone(&worker))));
        worker
    }

    /// Sends `packet` under a new id from a port of its own.
    pub(crate) fn send(
        self: &Arc<Self>,
        endpoint: Endpoint,
        packet: &[u8],
        deadline: Instant,
    ) -> io::Result<Sent> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let query = Query {
            packet,
            question: matching::question(packet).ok_or_else(invalid)?,
            opcode: packet.get(2).copied().ok_or_else(invalid)?,
            deadline,
        };
        let mut state = self.state.lock();
        let (port, reused) = self.port(&mut state, endpoint)?;
        let id = draw_id(&state, port);
        let local = transmit(&mut state, port, id, query)?;
        let key = state.wait(port, id, query);
        if state.next_tick.is_none_or(|next| next > deadline) {
            state.next_tick = Some(deadline);
            self.ticker.notify_one();
        }
        Ok(Sent { key, local, reused })
    }

    /// Hands out what came to `port` until no query waits there, or fails with `WouldBlock`.
    ///
    /// One reply to one query is the rule, and costs one call. What is left then waits until
    /// something else comes; whoever is not content with what it got has to call this again.
    fn receive(&self, port: usize, socket: &UdpSocket) -> io::Result<()> {
        PACKET.with_borrow_mut(|buffer| {
            for _ in 0..DATAGRAMS {
                let length = match (&*SockRef::from(socket)).read(buffer) {
                    Ok(length) => length,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                    Err(error) => {
                        let woken = self.state.lock().fail(port, &error);
                        woken.into_iter().for_each(Waker::wake);
                        continue;
                    }
                };
                let mut state = self.state.lock();
                let woken = state.deliver(port, buffer.get(..length).unwrap_or(&[]));
                let all_answered = state.are_answered(port);
                drop(state);
                if let Some(task) = woken {
                    task.wake();
                }
                if all_answered {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
            }
            Ok(())
        })
    }

    /// Looks for further packets after one that was no good.
    pub(crate) fn receive_again(&self, query: usize) {
        let port = self.state.lock().port_of(query);
        if let Some((port, socket)) = port {
            let _ = self.receive(port, &socket);
        }
    }

    fn port(self: &Arc<Self>, state: &mut State, endpoint: Endpoint) -> io::Result<(usize, bool)> {
        if let Choice::Use(port) = state.ports.choose(endpoint, self.limit) {
            return Ok((port, true));
        }
        match open(endpoint) {
            Ok(port) => {
                let socket = Arc::clone(&port.socket);
                let key = state.ports.add(port);
                let reader = spawn(read(Arc::clone(self), key, socket));
                if let Some(port) = state.ports.get_mut(key) {
                    port.reader = Some(reader);
                }
                Ok((key, false))
            }
            // Out of descriptors: the ports there are have to do.
            Err(error) => state
                .ports
                .any(endpoint)
                .map(|port| (port, true))
                .ok_or(error),
        }
    }
}

/// An id that nobody can guess and no other query of this port has.
fn draw_id(state: &State, port: usize) -> u16 {
    let mut id = rand::random();
    for _ in 0..DRAWS {
        if !state.is_taken(port, id) {
            break;
        }
        id = rand::random();
    }
    id
}

/// Opens a port that takes packets from the server of `endpoint` alone.
///
/// The kernel draws the port number at random.
fn open(endpoint: Endpoint) -> io::Result<Port> {
    let domain = Domain::for_address(endpoint.server);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if let Some(source) = endpoint.source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    socket.connect(&endpoint.server.into())?;
    Port::new(Arc::new(UdpSocket::from_std(socket.into())?), endpoint)
}

fn transmit(state: &mut State, port: usize, id: u16, query: Query<'_>) -> io::Result<SocketAddr> {
    let mut packet: smallvec::SmallVec<[u8; 512]> = smallvec::SmallVec::from_slice(query.packet);
    if let Some(place) = packet.get_mut(..2) {
        place.copy_from_slice(&id.to_be_bytes());
    }
    let port = state.ports.get_mut(port).ok_or(io::ErrorKind::NotFound)?;
    port.used = Instant::now();
    let socket = SockRef::from(&*port.socket);
    if socket.send(&packet).is_err() {
        // The error may be the echo of an earlier query; if it is ours, it comes again.
        socket.send(&packet)?;
    }
    Ok(port.local)
}

/// Reads from one port for as long as it is open.
async fn read(worker: Arc<Worker>, port: usize, socket: Arc<UdpSocket>) {
    // A port that is closed on the other side shows as an error, not as something to read.
    while let Ok(ready) = socket.ready(Interest::READABLE | Interest::ERROR).await {
        let interest = if ready.is_error() {
            Interest::ERROR
        } else {
            Interest::READABLE
        };
        if socket
            .try_io(interest, || worker.receive(port, &socket))
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
    }
}

/// Ends waits whose time is over and closes ports that nobody uses.
async fn tick(worker: EndWithRuntime) {
    let worker = &worker.0;
    loop {
        let now = Instant::now();
        let (next, woken) = {
            let mut state = worker.state.lock();
            state.ports.close_idle(now);
            let (next, woken) = state.expire(now);
            state.next_tick = next.map(|next| next.max(now + TICK));
            let sweep = (!state.ports.is_empty()).then_some(now + IDLE);
            (state.next_tick.into_iter().chain(sweep).min(), woken)
        };
        woken.into_iter().for_each(Waker::wake);
        match next {
            Some(next) => {
                let _ = tokio::time::timeout_at(next, worker.ticker.notified()).await;
            }
            None => worker.ticker.notified().await,
        }
    }
}

/// Marks the worker as dead when the runtime that drives it ends.
struct EndWithRuntime(Arc<Worker>);

impl Drop for EndWithRuntime {
    fn drop(&mut self) {
        self.0.alive.store(false, Ordering::Relaxed);
    }
}
