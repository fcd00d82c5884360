//! The seam between transports and what answers: packets in, packets out.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::time::Instant;

/// How a packet came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// One datagram, one packet.
    Udp,
    /// Packets with a length before each (RFC 7766), in plain text or over TLS (RFC 7858).
    Tcp,
}

/// Where a packet comes from and goes back to.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// Who sent it. An IPv4 client of a dual-stack socket has its IPv4 address here.
    pub peer: SocketAddr,
    /// The address it was sent to, also where the socket listens on all addresses.
    pub local: SocketAddr,
    /// The transport it came over.
    pub protocol: Protocol,
    /// When it was taken from the kernel; one time for all that were taken at once.
    pub arrived: Instant,
}

/// What becomes of a packet.
#[derive(Debug)]
#[must_use]
pub enum Disposition<L> {
    /// The reply was appended to the buffer.
    Replied,
    /// The reply comes when this future ends.
    Later(L),
    /// The reply is of several packets; only over connections.
    Packets(Box<dyn Packets>),
    /// There is no reply.
    Silent,
}

/// What comes later.
pub enum Late {
    /// This packet.
    Packet(Vec<u8>),
    /// These packets; only over connections.
    Packets(Box<dyn Packets>),
    /// Nothing.
    Silent,
}

impl From<Option<Vec<u8>>> for Late {
    fn from(packet: Option<Vec<u8>>) -> Late {
        packet.map_or(Late::Silent, Late::Packet)
    }
}

/// The packets of one reply, made as the client reads them.
pub trait Packets: Send {
    /// Appends the next packet; false if there is none.
    fn append_next(&mut self, out: &mut Vec<u8>) -> bool;
}

impl std::fmt::Debug for dyn Packets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packets")
    }
}

/// Answers packets, whatever transport they came over.
///
/// One value serves one listener on one worker. A reload swaps what is behind it, never the
/// service itself, so that sockets and connections live on.
pub trait PacketService: Clone + Send + Sync + 'static {
    /// A reply that needs time.
    ///
    /// It is spawned on the worker and runs to its end even if the client goes away.
    type Later: Future<Output: Into<Late>> + Send + 'static;

    /// Answers `packet`: appends the reply to `reply`, or says that it comes later.
    ///
    /// The packet may be of any length and content, also shorter than a header. What `reply`
    /// holds already belongs to other packets. On UDP the reply must fit what the client can
    /// take. How many packets may wait at once is for the service to bound; it alone can say
    /// so to the client.
    fn packet(&self, packet: &[u8], meta: &Meta, reply: &mut Vec<u8>) -> Disposition<Self::Later>;

    /// How a connection is encrypted, asked for when it is accepted; in plain text without.
    fn tls(&self) -> Option<Arc<ServerConfig>> {
        None
    }

    /// The limits of a connection, asked for when it is accepted.
    fn stream_limits(&self) -> StreamLimits {
        StreamLimits::default()
    }
}

/// What a connection may take in time and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// How long the first query may take to arrive whole, and a TLS handshake before it.
    pub read: Duration,
    /// How long each further one may take.
    pub idle: Duration,
    /// How long the client may take to read what is written to it.
    pub write: Duration,
    /// How many queries a connection carries before it is closed; `None` for any number.
    pub queries: Option<NonZeroU32>,
    /// How many queries of a connection may wait at once; more are not read meanwhile.
    pub in_flight: usize,
}

impl Default for StreamLimits {
    /// What CoreDNS has without the `timeouts` plugin.
    fn default() -> Self {
        Self {
            read: Duration::from_secs(3),
            idle: Duration::from_secs(10),
            write: Duration::from_secs(5),
            queries: None,
            in_flight: 256,
        }
    }
}
