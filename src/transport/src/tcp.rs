//! Accepts TCP connections, as many as there is room for, and serves each in a task.

mod connection;
pub(crate) mod frame;
mod handshake;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::descriptors::descriptor_limit;
use crate::service::{Meta, PacketService, Protocol};
use connection::Connection;
use handshake::Handshakes;

/// How long nothing is accepted once the process is out of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);
/// How often the log may say so.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// Places for connections, shared by all listeners of a process.
///
/// Half of them at most are for TLS handshakes under way: who begins many and finishes none does
/// not keep those out who ask in plain text, nor those who are through.
#[derive(Clone, Debug)]
pub struct ConnectionSlots {
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
}

impl ConnectionSlots {
    /// Room for `count` connections.
    pub fn new(count: usize) -> Self {
        let count = count.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            connections: Arc::new(Semaphore::new(count)),
            handshakes: Arc::new(Semaphore::new(count.div_ceil(2))),
        }
    }

    /// Room for as many as leave half of the process's descriptors to everything else.
    pub fn for_this_process() -> Self {
        Self::new((descriptor_limit() / 2).min(16_384))
    }

    /// How many places are free.
    pub fn free(&self) -> usize {
        self.connections.available_permits()
    }

    /// Waits for a place; with `is_tls` also for one among the handshakes.
    async fn take(&self, is_tls: bool) -> Result<Slot, AcquireError> {
        let handshake = match is_tls {
            true => Some(Arc::clone(&self.handshakes).acquire_owned().await?),
            false => None,
        };
        let connection = Arc::clone(&self.connections).acquire_owned().await?;
        Ok(Slot {
            connection,
            handshake,
        })
    }

    /// A place if there is one now.
    fn try_take(&self, is_tls: bool) -> Option<Slot> {
        let handshake = match is_tls {
            true => Some(Arc::clone(&self.handshakes).try_acquire_owned().ok()?),
            false => None,
        };
        let connection = Arc::clone(&self.connections).try_acquire_owned().ok()?;
        Some(Slot {
            connection,
            handshake,
        })
    }
}

/// The place of a connection.
struct Slot {
    connection: OwnedSemaphorePermit,
    /// Until its handshake is done.
    handshake: Option<OwnedSemaphorePermit>,
}

/// Accepts and serves connections, over TLS if the service says so.
///
/// It does so until `stop`, then answers what clients had sent, and ends.
///
/// Run it on the worker's runtime. To cut the connections off, drop the future.
pub async fn serve_tcp<S: PacketService>(
    listener: TcpListener,
    service: S,
    slots: ConnectionSlots,
    stop: CancellationToken,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut acceptor = Acceptor {
        service,
        slots,
        handshakes: Handshakes::new(stop.clone()),
        stop: stop.clone(),
        connections: JoinSet::new(),
        said: None,
    };
    while let Some(accepted) = stop.run_until_cancelled(acceptor.accept(&listener)).await {
        match accepted {
            Ok((stream, peer, slot)) => acceptor.serve(stream, peer, slot),
            Err(error) => acceptor.recover(error).await,
        }
    }
    acceptor.serve_backlog(&listener.into_std()?);
    while acceptor.connections.join_next().await.is_some() {}
    Ok(())
}

struct Acceptor<S> {
    service: S,
    slots: ConnectionSlots,
    handshakes: Handshakes,
    stop: CancellationToken,
    connections: JoinSet<()>,
    /// When the log was last told that nothing is accepted.
    said: Option<Instant>,
}

impl<S: PacketService> Acceptor<S> {
    /// Waits for a place and then for a client to fill it.
    async fn accept(
        &mut self,
        listener: &tokio::net::TcpListener,
    ) -> io::Result<(TcpStream, SocketAddr, Slot)> {
        let is_tls = self.service.tls().is_some();
        if self.slots.free() == 0 {
            self.say("all places are taken");
        } else if is_tls && self.slots.handshakes.available_permits() == 0 {
            self.say("all places for TLS handshakes are taken");
        }
        let slot = self.slots.take(is_tls).await.map_err(io::Error::other)?;
        let (stream, peer) = listener.accept().await?;
        Ok((stream, peer, slot))
    }

    fn serve(&mut self, stream: TcpStream, peer: SocketAddr, slot: Slot) {
        while self.connections.try_join_next().is_some() {}
        // Fails only on a connection that is gone already.
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let _ = stream.set_nodelay(true);
        let meta = Meta {
            peer: canonical(peer),
            local: canonical(local),
            protocol: Protocol::Tcp,
            arrived: Instant::now(),
        };
        let (service, stop) = (self.service.clone(), self.stop.clone());
        let handshakes = self.handshakes.clone();
        self.connections.spawn(async move {
            match service.tls() {
                None => Connection::new(stream, meta, service).run(stop).await,
                Some(tls) => {
                    let read = service.stream_limits().read;
                    let stream = handshakes.accept(tls, stream, read).await;
                    drop(slot.handshake);
                    match stream {
                        Ok(stream) => Connection::new(stream, meta, service).run(stop).await,
                        Err(error) => tracing::debug!("TLS handshake of {peer}: {error}"),
                    }
                }
            }
            drop(slot.connection);
        });
    }

    /// Serves the clients that were connected before the stop but not accepted.
    fn serve_backlog(&mut self, listener: &TcpListener) {
        let is_tls = self.service.tls().is_some();
        while let Some(slot) = self.slots.try_take(is_tls)
            && let Ok((stream, peer)) = listener.accept()
        {
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.serve(stream, peer, slot);
            }
        }
    }

    /// Tells the log why nothing is accepted, now and then.
    fn say(&mut self, why: &str) {
        if self.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            tracing::warn!("accepting no TCP connections for now: {why}");
        }
    }

    /// Lets the process come to its senses when it is out of something, instead of spinning.
    async fn recover(&mut self, error: io::Error) {
        let exhausted = matches!(
            error.raw_os_error(),
            Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
        );
        if !exhausted {
            // The client left before it was accepted.
            tracing::debug!("accept: {error}");
            return;
        }
        self.say(&error.to_string());
        tokio::time::sleep(PAUSE).await;
    }
}

/// An IPv4 client of a dual-stack socket is an IPv4 client.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
