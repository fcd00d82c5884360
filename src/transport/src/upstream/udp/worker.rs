//! What sends and receives for all queries of one worker: one reader, one ticker.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ports::{Choice, IDLE, Port};
use super::state::{Left, Query, State, Woken};
use crate::descriptors::descriptor_limit;
use crate::syscall;
use crate::task::spawn;
use crate::upstream::{Endpoint, matching};

/// More ports than this are of no use to one worker.
const PORTS_MAX: usize = 1024;
/// Deadlines are looked at no more often than this.
const TICK: Duration = Duration::from_millis(5);
/// So many ports are read from before other tasks get their turn.
const EVENTS: usize = 128;
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
    registry: Registry,
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
    pub(crate) fn current() -> io::Result<Arc<Self>> {
        CURRENT.with_borrow_mut(|current| match current {
            Some(worker) if worker.alive.load(Ordering::Relaxed) => Ok(Arc::clone(worker)),
            _ => {
                let worker = Self::start()?;
                *current = Some(Arc::clone(&worker));
                Ok(worker)
            }
        })
    }

    fn start() -> io::Result<Arc<Self>> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let set = Poll::new()?;
        let worker = Arc::new(Self {
            state: Mutex::default(),
            registry: set.registry().try_clone()?,
            ticker: Notify::new(),
            limit: (descriptor_limit() / 4 / workers).clamp(4, PORTS_MAX),
            alive: AtomicBool::new(true),
        });
        let set = syscall::watch(set)?;
        spawn(read(Arc::clone(&worker), set));
        spawn(tick(EndWithRuntime(Arc::clone(&worker))));
        Ok(worker)
    }

    /// Sends `packet` under a new id from a port of its own.
    pub(crate) fn send(
        &self,
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

    /// Reads from `ports` and keeps in `unfinished` those that may have more.
    fn receive(&self, ports: &[usize], unfinished: &mut Vec<usize>) {
        let mut woken = Woken::new();
        PACKET.with_borrow_mut(|buffer| {
            let mut state = self.state.lock();
            for port in ports {
                if state.receive(*port, buffer, &mut woken) == Left::Perhaps {
                    unfinished.push(*port);
                }
            }
        });
        woken.into_iter().for_each(Waker::wake);
    }

    /// Looks for further packets after one that was no good.
    pub(crate) fn receive_again(&self, query: usize) {
        let mut woken = Woken::new();
        PACKET.with_borrow_mut(|buffer| {
            self.state.lock().receive_again(query, buffer, &mut woken);
        });
        woken.into_iter().for_each(Waker::wake);
    }

    fn port(&self, state: &mut State, endpoint: Endpoint) -> io::Result<(usize, bool)> {
        if let Choice::Use(port) = state.ports.choose(endpoint, self.limit) {
            return Ok((port, true));
        }
        match self.open(state, endpoint) {
            Ok(port) => Ok((port, false)),
            // Out of descriptors: the ports there are have to do.
            Err(error) => state
                .ports
                .any(endpoint)
                .map(|port| (port, true))
                .ok_or(error),
        }
    }

    /// Opens a port that takes packets from the server of `endpoint` alone.
    ///
    /// The kernel draws the port number at random. Closing the socket ends its registration.
    fn open(&self, state: &mut State, endpoint: Endpoint) -> io::Result<usize> {
        let domain = Domain::for_address(endpoint.server);
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if let Some(source) = endpoint.source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        socket.connect(&endpoint.server.into())?;
        let descriptor = socket.as_raw_fd();
        let port = state.ports.add(Port::new(socket.into(), endpoint)?);
        let source = &mut SourceFd(&descriptor);
        if let Err(error) = self
            .registry
            .register(source, Token(port), Interest::READABLE)
        {
            state.ports.remove(port);
            return Err(error);
        }
        Ok(port)
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

fn transmit(state: &mut State, port: usize, id: u16, query: Query<'_>) -> io::Result<SocketAddr> {
    let mut packet: smallvec::SmallVec<[u8; 512]> = smallvec::SmallVec::from_slice(query.packet);
    if let Some(place) = packet.get_mut(..2) {
        place.copy_from_slice(&id.to_be_bytes());
    }
    let port = state.ports.get_mut(port).ok_or(io::ErrorKind::NotFound)?;
    port.used = Instant::now();
    if port.socket.send(&packet).is_err() {
        // The error may be the echo of an earlier query; if it is ours, it comes again.
        port.socket.send(&packet)?;
    }
    Ok(port.local)
}

/// Reads from the ports that something came to.
async fn read(worker: Arc<Worker>, mut set: AsyncFd<Poll>) {
    let mut events = Events::with_capacity(EVENTS);
    let mut unfinished = Vec::new();
    loop {
        let mut ports = std::mem::take(&mut unfinished);
        if ports.is_empty() {
            let Ok(mut ready) = set.readable_mut().await else {
                return;
            };
            let polled = ready
                .get_inner_mut()
                .poll(&mut events, Some(Duration::ZERO));
            ports.extend(events.iter().map(|event| event.token().0));
            if polled.is_ok() && ports.len() < EVENTS {
                // All was taken; what comes from now on is a new event.
                ready.clear_ready();
            }
        } else {
            tokio::task::yield_now().await;
        }
        worker.receive(&ports, &mut unfinished);
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
