//! The begin of a connection over TLS, RFC 7858 section 3.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// After the stop a handshake may take so much longer.
const LAST: Duration = Duration::from_secs(1);

/// Shakes hands over `stream` within `limit`, and little more after the stop.
pub(super) async fn accept(
    tls: Arc<ServerConfig>,
    stream: TcpStream,
    limit: Duration,
    stop: &CancellationToken,
) -> io::Result<Box<TlsStream<TcpStream>>> {
    let late = async {
        let last = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST).await;
        };
        let _stopped = tokio::time::timeout(limit, last).await;
    };
    tokio::select! {
        // Boxed at once: it is large, and most of a connection's life is spent with it.
        done = Box::pin(TlsAcceptor::from(tls).accept(stream)) => done.map(Box::new),
        () = late => Err(io::ErrorKind::TimedOut.into()),
    }
}
