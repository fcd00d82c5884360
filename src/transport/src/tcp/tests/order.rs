//! When replies leave, seen on streams that note what is done with them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Reverse, framed};
use crate::service::{Meta, Protocol, StreamLimits};
use crate::tcp::connection::Connection;

type Notes = Arc<Mutex<Vec<String>>>;

/// A client that asks once and has said all then.
struct Noted {
    name: &'static str,
    query: Vec<u8>,
    notes: Notes,
}

impl Noted {
    fn note(&self, what: &str) {
        self.notes.lock().push(format!("{what} {}", self.name));
    }
}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let query = std::mem::take(&mut self.query);
        if !query.is_empty() {
            self.note("read");
            buffer.put_slice(&query);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.note("write");
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn replies_leave_once_every_connection_that_has_queries_was_read() {
    let notes = Notes::default();
    let run = |name: &'static str| {
        let stream = Noted {
            name,
            query: framed(b"query"),
            notes: Arc::clone(&notes),
        };
        let service = Reverse {
            gate: Arc::new(Semaphore::new(0)),
            limits: StreamLimits::default(),
            tls: None,
        };
        let meta = Meta {
            peer: ([127, 0, 0, 1], 1).into(),
            local: ([127, 0, 0, 1], 53).into(),
            protocol: Protocol::Tcp,
            arrived: Instant::now(),
        };
        Connection::new(stream, meta, service).run(CancellationToken::new())
    };
    tokio::join!(biased; run("a"), run("b"));
    assert_eq!(*notes.lock(), ["read a", "read b", "write a", "write b"]);
}
