//! Packet pipes: batched UDP, TCP frames, also over TLS; listening and calling.
//!
//! **Invariant.** Nothing here knows what a plugin is. A transport moves packets between a
//! socket and a [`PacketService`]; what a packet means is decided behind that seam, so that
//! every transport, present and later, passes the same gate. Every buffer, queue and set of
//! tasks in this crate has a bound, and no octet from the network can make it panic.

mod bind;
mod descriptors;
mod outbox;
mod service;
mod syscall;
mod task;
mod tcp;
mod udp;
pub mod upstream;

pub use bind::{bind_tcp, bind_udp};
pub use descriptors::{descriptor_limit, raise_descriptor_limit};
pub use service::{Disposition, Late, Meta, PacketService, Packets, Protocol, StreamLimits};
pub use tcp::{ConnectionSlots, serve_tcp};
pub use udp::serve_udp;
