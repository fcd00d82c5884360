//! Requests in full, for endpoints that are more than pages.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::{Request, Response};
use rustls::pki_types::CertificateDer;

/// A body, sent at once or bit by bit.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where from.
    pub address: SocketAddr,
    /// Whether nobody else can read along.
    pub is_encrypted: bool,
    /// The certificate it showed, which was checked.
    pub certificate: Option<CertificateDer<'static>>,
}

/// Somebody who takes requests in full. Bodies have no bound here: who reads one sets it.
pub trait Service: Send + Sync + 'static {
    /// Answers `request`.
    fn respond(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
}
