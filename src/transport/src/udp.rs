//! Serves datagrams: a batch in, the ready replies out in one batch, late ones when they come.

mod replies;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::outbox::{Expected, Outbox};
use crate::service::{Disposition, Late, Meta, PacketService, Protocol};
use crate::syscall::{Datagram, Family, ReceiveBatch, watch_socket};
use crate::task::spawn;
use replies::Replies;

/// So many batches are served before other tasks of the worker get their turn.
const BATCHES_PER_TURN: usize = 16;
/// After `stop` no more than this is taken from the kernel, which holds about as much.
const BATCHES_AFTER_STOP: usize = 128;
/// A socket that the kernel will not read from is left alone for so long.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

thread_local! {
    /// Shared by all sockets of a worker: a batch is served before anybody else runs.
    static RECEIVED: RefCell<ReceiveBatch> = RefCell::new(ReceiveBatch::new());
}

/// Answers the datagrams of `socket` until `stop`, then those that are still owed, and ends.
///
/// Run it on the worker's runtime; late replies are spawned there. To give up on late replies,
/// drop the future.
pub async fn serve_udp<S: PacketService>(
    socket: UdpSocket,
    service: S,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut pipe = Pipe::new(socket, service)?;
    let mut stopped = pin!(stop.cancelled());
    loop {
        let turn = poll_fn(|context| {
            if pipe.phase == Phase::Serving && stopped.as_mut().poll(context).is_ready() {
                pipe.phase = Phase::Emptying {
                    batches: BATCHES_AFTER_STOP,
                };
            }
            pipe.poll_turn(context)
        });
        match turn.await {
            Turn::Over => tokio::task::yield_now().await,
            Turn::Drained => return Ok(()),
            Turn::Broken(error) => {
                tracing::debug!("udp socket {}: {error}", pipe.bound);
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
}

enum Turn {
    /// Others may run now.
    Over,
    /// Nothing is left to receive, to wait for or to send.
    Drained,
    /// The kernel refuses to receive.
    Broken(io::Error),
}

/// How far a socket is on its way to the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Takes what clients had sent before the stop.
    Emptying {
        batches: usize,
    },
    /// Only late replies are left.
    Closing,
}

/// One socket and what is on its way through it.
struct Pipe<S> {
    /// Watched for what comes in only: that there is room for a datagram to leave is an event
    /// for each one that left, and every one would wake the worker.
    socket: AsyncFd<UdpSocket>,
    /// The same socket, watched for room, while there is none.
    full: Option<AsyncFd<UdpSocket>>,
    bound: SocketAddr,
    family: Family,
    service: S,
    phase: Phase,
    replies: Replies,
    late: Arc<Outbox<Replies>>,
}

impl<S: PacketService> Pipe<S> {
    fn new(socket: UdpSocket, service: S) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let bound = socket.local_addr()?;
        let socket = watch_socket(socket, Interest::READABLE)?;
        let family = if bound.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        };
        let (replies, late) = (Replies::default(), Outbox::new());
        let phase = Phase::Serving;
        Ok(Self {
            socket,
            full: None,
            bound,
            family,
            service,
            phase,
            replies,
            late,
        })
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        for _ in 0..BATCHES_PER_TURN {
            ready!(self.poll_send(context));
            match self.receive_if_open() {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => return Poll::Ready(Turn::Broken(error)),
            }
            if self.late.poll_filled(context) {
                continue;
            }
            if self.phase == Phase::Serving {
                match ready!(self.socket.poll_read_ready(context)) {
                    Ok(mut ready) => ready.retain_ready(),
                    Err(error) => return Poll::Ready(Turn::Broken(error)),
                }
            } else if self.late.waiting() > 0 {
                return Poll::Pending;
            } else {
                return Poll::Ready(Turn::Drained);
            }
        }
        ready!(self.poll_send(context));
        Poll::Ready(Turn::Over)
    }

    /// Serves one batch, while it is time to; says how many datagrams it had.
    fn receive_if_open(&mut self) -> io::Result<usize> {
        if self.phase == Phase::Closing {
            return Ok(0);
        }
        let count = self.receive()?;
        if let Phase::Emptying { batches } = &mut self.phase {
            *batches -= 1;
            if count == 0 || *batches == 0 {
                self.phase = Phase::Closing;
            }
        }
        Ok(count)
    }

    /// Sends all that is ready, late replies included.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.replies.is_empty() && !self.late.swap(&mut self.replies) {
                return Poll::Ready(());
            }
            if let Some(full) = &self.full {
                let _ = ready!(full.poll_write_ready(context));
                self.full = None;
            }
            if self
                .replies
                .flush(self.socket.get_ref(), self.family)
                .is_err()
            {
                // The send buffer is full. Nothing is read until it has room: what comes in
                // meanwhile waits in the kernel, within its bound.
                match self.watch_for_room() {
                    Ok(full) => self.full = Some(full),
                    Err(error) => {
                        tracing::debug!("udp socket {}: replies are lost: {error}", self.bound);
                        self.replies = Replies::default();
                    }
                }
            }
        }
    }

    fn watch_for_room(&self) -> io::Result<AsyncFd<UdpSocket>> {
        watch_socket(self.socket.get_ref().try_clone()?, Interest::WRITABLE)
    }

    /// Serves one batch and says how many datagrams it had.
    fn receive(&mut self) -> io::Result<usize> {
        RECEIVED.with_borrow_mut(|batch| {
            let mut receive = || batch.receive(self.socket.get_ref().as_fd());
            let received = match self.phase {
                Phase::Serving => self.socket.try_io(Interest::READABLE, |_| receive()),
                // The runtime may not know yet what the kernel has.
                _ => receive(),
            };
            let count = match received {
                Ok(count) => count,
                Err(error) if is_passing(&error) => 0,
                Err(error) => return Err(error),
            };
            let arrived = Instant::now();
            for datagram in (0..count).filter_map(|index| batch.datagram(index)) {
                self.serve(datagram, arrived);
            }
            Ok(count)
        })
    }

    fn serve(&mut self, datagram: Datagram<'_>, arrived: Instant) {
        let meta = Meta {
            peer: datagram.peer,
            local: self.local(datagram.local),
            protocol: Protocol::Udp,
            arrived,
        };
        let reply = self.replies.begin();
        match self.service.packet(datagram.packet, &meta, reply) {
            Disposition::Replied => self.replies.end(meta.peer, datagram.local),
            // A reply of several packets is none for a datagram.
            Disposition::Silent | Disposition::Packets(_) => self.replies.undo(),
            Disposition::Later(reply) => {
                self.replies.undo();
                let (peer, source) = (meta.peer, datagram.local);
                let later = Later {
                    expected: self.late.expect(),
                    peer,
                    source,
                };
                spawn(later.send(reply));
            }
        }
    }

    fn local(&self, destination: Option<IpAddr>) -> SocketAddr {
        destination.map_or(self.bound, |ip| SocketAddr::new(ip, self.bound.port()))
    }
}

/// Where a late reply goes.
struct Later {
    expected: Expected<Replies>,
    peer: SocketAddr,
    source: Option<IpAddr>,
}

impl Later {
    async fn send(self, reply: impl Future<Output: Into<Late>>) {
        if let Late::Packet(reply) = reply.await.into() {
            self.expected.put(|replies| {
                replies.begin().extend_from_slice(&reply);
                replies.end(self.peer, self.source);
            });
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
