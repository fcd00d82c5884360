//! Queries over HTTPS, RFC 8484: each worker has one HTTP/2 connection that they share.

use std::io;
use std::net::SocketAddr;
use std::thread::ThreadId;

use bytes::Bytes;
use hashbrown::HashMap;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};

use super::streams::connect_tcp;
use super::tls::TlsClient;
use super::{Answer, Endpoint, StreamOptions, matching};
use crate::task::spawn;

const MEDIA_TYPE: &str = "application/dns-message";
const PATH: &str = "/dns-query";
const MESSAGE_MAX: usize = 65_535;

/// How a query travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// In the URL.
    Get,
    /// As the body.
    Post,
}

/// The connections to one HTTPS upstream; dropping it closes them.
pub struct Https {
    endpoint: Endpoint,
    client: TlsClient,
    name: ServerName<'static>,
    method: HttpMethod,
    options: StreamOptions,
    /// Each worker reuses its own, which its runtime drives.
    open: Mutex<HashMap<ThreadId, Open>>,
}

#[derive(Clone)]
struct Open {
    sender: SendRequest<Full<Bytes>>,
    local: SocketAddr,
    opened: Instant,
    used: Instant,
}

impl Https {
    /// Connections to a server that proves to be `name`, or its address if that is `None`.
    pub fn new(
        endpoint: Endpoint,
        client: &TlsClient,
        name: Option<ServerName<'static>>,
        method: HttpMethod,
        options: StreamOptions,
    ) -> Self {
        let name = name.unwrap_or_else(|| ServerName::from(endpoint.server.ip()));
        Https {
            endpoint,
            client: client.with_http2(),
            name,
            method,
            options,
            open: Mutex::default(),
        }
    }

    /// Asks the upstream and waits until `deadline` for a reply that `read` takes.
    ///
    /// The id on the wire is 0, as RFC 8484 section 4.1 asks for.
    pub async fn exchange<T>(
        &self,
        query: &[u8],
        deadline: Instant,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> io::Result<Answer<T>> {
        let exchange = async {
            let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
            let question = matching::question(query).ok_or_else(invalid)?;
            let opcode = query.get(2).copied().ok_or_else(invalid)?;
            let (reply, local, reused) = self.send(query).await?;
            let taken = matching::is_reply(&reply, 0, opcode, question).then(|| read(&reply));
            let reply = taken.flatten().ok_or(io::ErrorKind::InvalidData)?;
            Ok(Answer {
                reply,
                local,
                reused,
            })
        };
        timeout_at(deadline, exchange)
            .await
            .unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    async fn send(&self, query: &[u8]) -> io::Result<(Bytes, SocketAddr, bool)> {
        if let Some(mut open) = self.take() {
            let sent = open.sender.send_request(self.request(query)?).await;
            if let Ok(response) = sent {
                return Ok((body(response).await?, open.local, true));
            }
            // The server has closed it meanwhile.
            self.open.lock().remove(&std::thread::current().id());
        }
        let mut open = self.connect().await?;
        let request = self.request(query)?;
        let response = open.sender.send_request(request).await;
        let reply = body(response.map_err(io::Error::other)?).await?;
        let local = open.local;
        let thread = std::thread::current().id();
        self.open.lock().insert(thread, open);
        Ok((reply, local, false))
    }

    fn request(&self, query: &[u8]) -> io::Result<Request<Full<Bytes>>> {
        let mut query = query.to_vec();
        if let Some(id) = query.get_mut(..2) {
            id.fill(0);
        }
        let server = self.endpoint.server;
        let (method, url, body) = match self.method {
            HttpMethod::Post => {
                let url = format!("https://{server}{PATH}");
                (Method::POST, url, Bytes::from(query))
            }
            HttpMethod::Get => {
                let url = format!("https://{server}{PATH}?dns={}", base64_url(&query));
                (Method::GET, url, Bytes::new())
            }
        };
        Request::builder()
            .method(method)
            .uri(url)
            .header(ACCEPT, MEDIA_TYPE)
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .body(Full::new(body))
            .map_err(io::Error::other)
    }

    fn take(&self) -> Option<Open> {
        let thread = std::thread::current().id();
        let mut all = self.open.lock();
        let open = all.get_mut(&thread)?;
        let now = Instant::now();
        let too_old = |max| now - open.opened >= max;
        if open.sender.is_closed()
            || now - open.used >= self.options.expire
            || self.options.max_age.is_some_and(too_old)
        {
            all.remove(&thread);
            return None;
        }
        open.used = now;
        Some(open.clone())
    }

    async fn connect(&self) -> io::Result<Open> {
        let stream = connect_tcp(self.endpoint).await?;
        let local = stream.local_addr()?;
        let stream = self.client.connect(self.name.clone(), stream).await?;
        let shaken = handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(io::Error::other)?;
        spawn(async move {
            let _closed = connection.await;
        });
        let now = Instant::now();
        Ok(Open {
            sender,
            local,
            opened: now,
            used: now,
        })
    }
}

impl std::fmt::Debug for Https {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Https")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

async fn body(response: Response<Incoming>) -> io::Result<Bytes> {
    let status = response.status();
    if status != StatusCode::OK {
        return Err(io::Error::other(format!("HTTP status {status}")));
    }
    let body = Limited::new(response.into_body(), MESSAGE_MAX);
    let collected = body.collect().await.map_err(io::Error::other)?;
    Ok(collected.to_bytes())
}

/// Base64 for URLs without padding, RFC 4648 section 5.
fn base64_url(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |bits: u32| {
        LETTERS
            .get(bits as usize & 63)
            .copied()
            .map_or('A', char::from)
    };
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for three in octets.chunks(3) {
        let octet = |at| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        let letters = [18, 12, 6, 0].map(|shift| letter(bits >> shift));
        text.extend(letters.iter().take(three.len() + 1));
    }
    text
}

#[cfg(test)]
mod tests;
