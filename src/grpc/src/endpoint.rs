//! Where a server is, and the connection to it.

use std::io;
use std::time::Duration;

use catena_transport::upstream::TlsClient;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Status;
use tonic::transport::Channel;

/// How long a connection may take to come up, TLS included.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {cause}")]
struct Unconnected {
    place: String,
    cause: io::Error,
}

/// A server, as `http://host:port`, `https://host:port` or `host:port`.
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

/// A text that names no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("http://HOST:PORT or https://HOST:PORT is expected")]
pub struct EndpointError;

/// How a connection is made and kept.
#[derive(Clone, Debug)]
pub struct Manner {
    /// How the server is checked, and how we show who we are; `None` for no TLS.
    pub tls: Option<TlsClient>,
    /// The name that its certificate must be for, if that is not its host.
    pub server_name: Option<String>,
    /// How often a connection that is waited on is tried.
    pub ping_every: Duration,
    /// How long it may take to answer that.
    pub ping_time_max: Duration,
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
    /// Reads `text`; the port is `port` where none is named.
    pub fn parse(text: &str, port: u16) -> Result<Endpoint, EndpointError> {
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
            port: authority.port_u16().unwrap_or(port),
            scheme,
        })
    }

    /// Whether TLS is spoken to it, given whether files for it were named.
    pub fn wants_tls(&self, has_files: bool) -> bool {
        match self.scheme {
            Scheme::Http => false,
            Scheme::Https => true,
            Scheme::None => has_files,
        }
    }

    /// A channel to it that connects when it is first used; must be called within a runtime.
    pub fn channel(&self, manner: Manner) -> Channel {
        // The scheme only becomes a header: TLS is ours.
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.to_string())
            .path_and_query("/")
            .build()
            .unwrap_or_default();
        let way = Way {
            place: self.clone(),
            tls: manner.tls,
            server_name: manner.server_name,
        };
        Channel::builder(uri)
            .http2_keep_alive_interval(manner.ping_every)
            .keep_alive_timeout(manner.ping_time_max)
            .connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
                let way = way.clone();
                async move { way.connect().await.map(TokioIo::new) }
            }))
    }
}

/// What our own connector said, somewhere below `status`.
pub fn unconnected(status: &Status) -> Option<String> {
    let first: &(dyn std::error::Error + 'static) = status;
    std::iter::successors(Some(first), |error| error.source())
        .find_map(|error| error.downcast_ref::<Unconnected>())
        .map(ToString::to_string)
}

/// All that connecting needs.
#[derive(Clone)]
struct Way {
    place: Endpoint,
    tls: Option<TlsClient>,
    server_name: Option<String>,
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
        let name = self.server_name.as_ref().unwrap_or(host).clone();
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        let stream = tls.with_http2().connect(name, stream).await?;
        Ok(Box::new(stream))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::Endpoint;

    fn place(text: &str) -> String {
        let endpoint = Endpoint::parse(text, 2379).unwrap();
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
            assert!(Endpoint::parse(text, 2379).is_err(), "{text}");
        }
    }
}
