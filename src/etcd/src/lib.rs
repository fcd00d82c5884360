//! Speaks to etcd, and knows how SkyDNS keeps names in it.
//!
//! [`Client`] is a cluster: reads, transactions ([`Txn`]) and leases go to the member that
//! answered last, or to the next one. [`watch()`] keeps a [`Sink`] told of the keys of a prefix:
//! through lost connections, compacted history and restored backups; [`history()`] is how it
//! came to what it is. [`skydns`] is the form in
//! which names stand under a prefix.

mod client;
mod error;
mod history;
mod login;
pub mod proto;
pub mod skydns;
mod txn;
mod watch;

pub use catena_grpc::{Endpoint, EndpointError};
pub use client::{Client, ClientOptions};
pub use error::Error;
pub use history::{History, history};
pub use login::Credentials;
pub use proto::KeyValue;
pub use txn::Txn;
pub use watch::{Change, Position, Sink, list, watch};

/// The port of etcd.
const PORT: u16 = 2379;

/// Reads where a member is, such as `http://localhost:2379`.
pub fn endpoint(text: &str) -> Result<Endpoint, EndpointError> {
    Endpoint::parse(text, PORT)
}

/// The key after the last that begins with `prefix`, as ranges want it.
pub fn range_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // All keys from the prefix on.
    vec![0]
}

#[cfg(test)]
mod tests;
