//! Where a member of the cluster is, and the connection to it.

use std::io;
use std::str::FromStr;
use std::time::Duration;

use catena_transport::upstream::TlsClient;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::Channel;

/// How long a connection may take to come up, TLS included.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
/// How often a connection that is waited on is tried; etcd refuses less than 5 s.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIME_MAX: Duration = Duration::from_secs(3);
/// The port of etcd.
const PORT: u16 = 2379;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {cause}")]
pub(crate) struct Unconnected {
    place: String,
    cause: io::Error,
}

/// A member of the cluster, as `http://host:port`, `https://host:port` or `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
    scheme: Scheme,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    /// Never TLS.
    Http,
    /// Always TLS.
    Https,
    /// TLS if files for it are given.
    None,
}

/// A text that names no member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("http://HOST:PORT or https://HOST:PORT is expected")]
pub struct EndpointError;

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(_) => return Err(EndpointError),
            None => (Scheme::None, text),
        };
        let authority: http::uri::Authority = rest
            .trim_end_matches('/')
            .parse()
            .map_err(|_| EndpointError)?;
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(EndpointError);
        }
        Ok(Endpoint {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(PORT),
            scheme,
        })
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Endpoint {
    /// Whether TLS is spoken to it, given whether files for it were named.
    pub fn wants_tls(&self, has_files: bool) -> bool {
        match self.scheme {
            Scheme::Http => false,
            Scheme::Https => true,
            Scheme::None => has_files,
        }
    }

    /// A channel to it that connects when it is first used; must be called within a runtime.
    pub(crate) fn channel(&self, tls: Option<&TlsClient>) -> Channel {
        // The scheme only becomes a header: TLS is ours.
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.to_string())
            .path_and_query("/")
            .build()
            .unwrap_or_default();
        let way = Way {
            place: self.clone(),
            tls: tls.cloned(),
        };
        Channel::builder(uri)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIME_MAX)
            .connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
                let way = way.clone();
                async move { way.connect().await.map(TokioIo::new) }
            }))
    }
}

/// All that connecting needs.
#[derive(Clone)]
struct Way {
    place: Endpoint,
    tls: Option<TlsClient>,
}

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Way {
    async fn connect(&self) -> Result<Box<dyn Stream>, Unconnected> {
        let late = || io::Error::from(io::ErrorKind::TimedOut);
        let done = timeout(CONNECT_TIME_MAX, self.try_connect()).await;
        done.unwrap_or_else(|_| Err(late()))
            .map_err(|cause| Unconnected {
                place: self.place.to_string(),
                cause,
            })
    }

    async fn try_connect(&self) -> io::Result<Box<dyn Stream>> {
        let Endpoint { host, port, .. } = &self.place;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        let stream = tls.with_http2().connect(name, stream).await?;
        Ok(Box::new(stream))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::Endpoint;

    fn place(text: &str) -> String {
        let endpoint: Endpoint = text.parse().unwrap();
        format!("{endpoint} {}", endpoint.wants_tls(true))
    }

    #[test]
    fn endpoints_are_urls_or_addresses() {
        assert_eq!(place("http://localhost:2379"), "localhost:2379 false");
        assert_eq!(place("https://etcd.test/"), "etcd.test:2379 true");
        assert_eq!(place("192.0.2.1:4001"), "192.0.2.1:4001 true");
        assert_eq!(place("http://[::1]:2379"), "[::1]:2379 false");
        for text in [
            "",
            "http://",
            "unix:///tmp/etcd",
            "http://a b",
            "http://:2379",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
