//! Calls upstream servers: one query out, the answer to it back.
//!
//! [`exchange_udp`] is hard to poison (RFC 5452): every query leaves from another port of a
//! large, changing set, with an id nobody can guess, and only a packet from the server asked,
//! to that port, with that id and that question ends the wait. Others are not even an error.

mod https;
mod matching;
mod streams;
#[cfg(test)]
mod tests;
mod tls;
mod udp;

use std::net::{IpAddr, SocketAddr};

pub use https::{HttpMethod, Https};
pub use streams::{StreamOptions, Streams};
pub use tls::{TlsClient, TlsClientError, TlsClientFiles};
pub use udp::exchange_udp;

/// A server to ask, and the address to ask from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The server.
    pub server: SocketAddr,
    /// Our own address, where the choice is not left to the system.
    pub source: Option<IpAddr>,
}

impl From<SocketAddr> for Endpoint {
    fn from(server: SocketAddr) -> Self {
        Self {
            server,
            source: None,
        }
    }
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The reply as the caller's reader took it. The id is that of the query on the wire,
    /// not the caller's.
    pub reply: T,
    /// Our own address and port on the wire.
    pub local: SocketAddr,
    /// Whether the socket or connection had been used before.
    pub reused: bool,
}
