//! The replies of one batch, one after the other in one buffer.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use std::cell::RefCell;

use crate::syscall::{Family, Outgoing, SendBatch};

/// A buffer that grew beyond this in a burst is given back afterwards.
const KEPT: usize = 256 << 10;

thread_local! {
    static SENT: RefCell<SendBatch> = RefCell::new(SendBatch::new());
}

/// Replies to send, in the order they were made.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    buffer: Vec<u8>,
    datagrams: Vec<Outgoing>,
    /// Where the reply begins that is being written.
    start: usize,
    /// How many of `datagrams` went out.
    sent: usize,
}

impl Replies {
    pub(crate) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// The buffer to append a reply to; `end` or `undo` must follow.
    pub(crate) fn begin(&mut self) -> &mut Vec<u8> {
        self.start = self.buffer.len();
        &mut self.buffer
    }

    /// Makes what was appended since `begin` a datagram to `peer`.
    pub(crate) fn end(&mut self, peer: SocketAddr, source: Option<IpAddr>) {
        let (start, end) = (self.start, self.buffer.len());
        if end > start {
            self.datagrams.push(Outgoing {
                start,
                end,
                peer,
                source,
            });
        }
    }

    /// Forgets what was appended since `begin`.
    pub(crate) fn undo(&mut self) {
        self.buffer.truncate(self.start);
    }

    /// Sends all, or fails with `WouldBlock` when the kernel takes no more for now.
    ///
    /// A datagram that cannot be sent is left out and does not hold up the others.
    pub(crate) fn flush(&mut self, socket: &UdpSocket, family: Family) -> io::Result<()> {
        SENT.with_borrow_mut(|batch| {
            while let Some(rest) = self.datagrams.get(self.sent..)
                && let Some(first) = rest.first()
            {
                match batch.send(socket.as_fd(), family, &self.buffer, rest) {
                    Ok(count) => self.sent += count.max(1),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        // Too large, no route, or an earlier error of the socket: this one
                        // is lost as any datagram may be.
                        tracing::debug!("reply to {}: {error}", first.peer);
                        self.sent += 1;
                    }
                }
            }
            self.clear();
            Ok(())
        })
    }

    fn clear(&mut self) {
        self.buffer.clear();
        self.datagrams.clear();
        self.sent = 0;
        if self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
    }
}
