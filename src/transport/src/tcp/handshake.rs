//! The begin of a connection over TLS, RFC 7858 section 3.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// After the stop a handshake may take so much longer.
const LAST: Duration = Duration::from_secs(1);

/// The handshakes of one listener on one worker.
#[derive(Clone, Debug)]
pub(super) struct Handshakes {
    /// Whose hello is answered; that is what costs.
    turn: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Handshakes {
    pub fn new(stop: CancellationToken) -> Handshakes {
        let turn = Arc::new(Semaphore::new(1));
        Handshakes { turn, stop }
    }

    /// Shakes hands over `stream` within `limit`, and little more after the stop.
    pub async fn accept(
        &self,
        tls: Arc<ServerConfig>,
        stream: TcpStream,
        limit: Duration,
    ) -> io::Result<Box<TlsStream<TcpStream>>> {
        let late = async {
            let last = async {
                self.stop.cancelled().await;
                tokio::time::sleep(LAST).await;
            };
            let _stopped = tokio::time::timeout(limit, last).await;
        };
        tokio::select! {
            // Boxed at once: it is large, and most of a connection's life is spent with it.
            done = Box::pin(self.shake_hands(tls, stream)) => done.map(Box::new),
            () = late => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// An answer to a hello takes as long as a hundred queries, or a thousand with RSA: however
    /// many clients say hello at once, packets that have come are served between two answers.
    async fn shake_hands(
        &self,
        tls: Arc<ServerConfig>,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let answered = {
            let _turn = self.turn.acquire().await.map_err(io::Error::other)?;
            tokio::task::yield_now().await;
            hello.into_stream(tls)
        };
        answered.await
    }
}
