//! One connection: all whole queries of a read are served, their replies leave in one write.
//!
//! They leave once every other connection that has queries was read: a client that sees the first
//! reply earlier asks again earlier, one query at a time, and each costs a read and a write then.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use super::frame;
use crate::outbox::{Expected, Outbox};
use crate::service::{Disposition, Late, Meta, PacketService, Packets, StreamLimits};
use crate::task::spawn;

/// So much is read at once.
const READ: usize = 64 << 10;
/// With so much to write, nothing more is served before it is written.
const WRITE: usize = 64 << 10;
/// So many reads are served before other tasks of the worker get their turn.
const READS_PER_TURN: usize = 4;
/// A buffer that grew beyond this is given back when it is empty.
const KEPT: usize = 4 << 10;
/// After the stop a connection ends when nothing came for so long.
const QUIET: Duration = Duration::from_millis(100);
/// After the stop nothing is read beyond this.
const LAST_READ: Duration = Duration::from_secs(1);

thread_local! {
    /// Idle connections hold no buffer; this one is shared by all of a worker.
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// A connection over `stream`, which may be plain TCP or TLS over it.
pub(crate) struct Connection<I, S> {
    stream: I,
    meta: Meta,
    service: S,
    limits: StreamLimits,
    /// What was read and not served.
    unserved: Vec<u8>,
    /// What is to be written, from `written` on.
    out: Vec<u8>,
    written: usize,
    /// Whether the stream may hold back what was written, as TLS does.
    unflushed: bool,
    late: Arc<Outbox<LateReplies>>,
    /// Replies of several packets, one after the other; nothing is served meanwhile.
    streams: VecDeque<Box<dyn Packets>>,
    served: u32,
    /// When the next query has to be there.
    read_by: Instant,
    /// When what is being written has to be out.
    write_by: Option<Instant>,
    /// Goes off at a deadline or before it, so that it need not be set anew for each query.
    timer: Pin<Box<Sleep>>,
    /// Nothing more is read: the client said all, or may not say more.
    finished: bool,
    stopped: Option<Instant>,
}

impl<I, S> Connection<I, S>
where
    I: AsyncRead + AsyncWrite + Unpin,
    S: PacketService,
{
    pub(crate) fn new(stream: I, meta: Meta, service: S) -> Self {
        let limits = service.stream_limits();
        let read_by = Instant::now() + limits.read;
        Self {
            stream,
            meta,
            service,
            limits,
            unserved: Vec::new(),
            out: Vec::new(),
            written: 0,
            unflushed: false,
            late: Outbox::new(),
            streams: VecDeque::new(),
            served: 0,
            read_by,
            write_by: None,
            timer: Box::pin(tokio::time::sleep_until(read_by)),
            finished: false,
            stopped: None,
        }
    }

    /// Serves the connection to its end.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut stopped = pin!(stop.cancelled());
        loop {
            let turn = poll_fn(|context| {
                if self.stopped.is_none() && stopped.as_mut().poll(context).is_ready() {
                    self.prepare_to_end();
                }
                self.poll_turn(context)
            });
            match turn.await {
                Ok(Turn::Over) => tokio::task::yield_now().await,
                Ok(Turn::Finished) => break,
                Err(error) => {
                    tracing::debug!("connection of {}: {error}", self.meta.peer);
                    return;
                }
            }
        }
        // Says that all is said, so that the client does not see a reset.
        let _ = tokio::time::timeout(self.limits.write, self.stream.shutdown()).await;
    }

    fn prepare_to_end(&mut self) {
        let now = Instant::now();
        self.stopped = Some(now);
        self.read_by = now + QUIET;
        self.timer.as_mut().reset(self.read_by);
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Turn>> {
        for _ in 0..READS_PER_TURN {
            if self.poll_write(context)?.is_pending() {
                ready!(self.poll_deadline(context))?;
                continue;
            }
            if self.continue_stream() {
                continue;
            }
            if self.serve_unserved() {
                continue;
            }
            let may_read = !self.finished && self.late.waiting() < self.limits.in_flight;
            if may_read && let Poll::Ready(count) = self.poll_read(context)? {
                self.finished |= count == 0;
                if self.out.is_empty() {
                    continue;
                }
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.late.poll_filled(context) {
                continue;
            }
            if self.finished && self.late.waiting() == 0 {
                return Poll::Ready(Ok(Turn::Finished));
            }
            ready!(self.poll_deadline(context))?;
        }
        Poll::Ready(Ok(Turn::Over))
    }

    /// Writes the next packet of the reply of several packets that is at its turn.
    fn continue_stream(&mut self) -> bool {
        let Some(stream) = self.streams.front_mut() else {
            return false;
        };
        let mut has_next = false;
        let is_written = frame::append(&mut self.out, |out| has_next = stream.append_next(out));
        if !has_next || !is_written {
            self.streams.pop_front();
            self.extend_deadline(Instant::now());
        }
        true
    }

    /// Reads once and serves what came.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut read)) {
                // TLS that ends without saying so; no query is cut in two unnoticed.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                outcome => outcome?,
            }
            let octets = read.filled();
            if self.unserved.is_empty() {
                let served = self.serve(octets);
                self.unserved
                    .extend_from_slice(octets.get(served..).unwrap_or(&[]));
            } else {
                self.unserved.extend_from_slice(octets);
                self.serve_unserved();
            }
            Poll::Ready(Ok(octets.len()))
        })
    }

    /// Serves what was read before; true if there was a whole query in it.
    fn serve_unserved(&mut self) -> bool {
        if self.unserved.is_empty() {
            return false;
        }
        let mut octets = std::mem::take(&mut self.unserved);
        let served = self.serve(&octets);
        if served == octets.len() && octets.capacity() > KEPT {
            return true;
        }
        octets.drain(..served);
        self.unserved = octets;
        served > 0
    }

    /// Serves the whole queries at the front of `octets` and says how much that was.
    fn serve(&mut self, octets: &[u8]) -> usize {
        self.meta.arrived = Instant::now();
        let mut rest = octets;
        while self.may_serve()
            && let Some((packet, tail)) = frame::split(rest)
        {
            rest = tail;
            self.answer(packet);
        }
        if rest.len() < octets.len() {
            self.extend_deadline(self.meta.arrived);
        }
        octets.len() - rest.len()
    }

    fn may_serve(&mut self) -> bool {
        let permitted = self
            .limits
            .queries
            .is_none_or(|limit| self.served < limit.get());
        self.finished |= !permitted;
        permitted
            && self.streams.is_empty()
            && self.out.len() < WRITE
            && self.late.waiting() < self.limits.in_flight
    }

    fn answer(&mut self, packet: &[u8]) {
        self.served = self.served.saturating_add(1);
        let mut disposition = Disposition::Silent;
        frame::append(&mut self.out, |reply| {
            let start = reply.len();
            disposition = self.service.packet(packet, &self.meta, reply);
            if !matches!(disposition, Disposition::Replied) {
                reply.truncate(start);
            }
        });
        match disposition {
            Disposition::Later(reply) => {
                spawn(send_later(self.late.expect(), reply));
            }
            Disposition::Packets(packets) => self.streams.push_back(packets),
            Disposition::Replied | Disposition::Silent => {}
        }
    }

    fn extend_deadline(&mut self, now: Instant) {
        self.read_by = match self.stopped {
            None => now + self.limits.idle,
            Some(stopped) => (now + QUIET).min(stopped + LAST_READ),
        };
    }

    /// Writes all that is ready, late replies included.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let rest = self.out.get(self.written..).unwrap_or(&[]);
            if rest.is_empty() {
                if self.unflushed && Pin::new(&mut self.stream).poll_flush(context)?.is_pending() {
                    return self.wait_for_client();
                }
                self.unflushed = false;
                self.start_over();
                if !self.take_late() {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            match Pin::new(&mut self.stream).poll_write(context, rest)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(count) => self.written += count,
                Poll::Pending => return self.wait_for_client(),
            }
            self.unflushed = true;
        }
    }

    /// Gives the client the time it has to read what is written.
    fn wait_for_client<T>(&mut self) -> Poll<T> {
        if self.write_by.is_none() {
            let write_by = Instant::now() + self.limits.write;
            self.write_by = Some(write_by);
            self.timer.as_mut().reset(write_by);
        }
        Poll::Pending
    }

    /// Takes the replies that came since the last call; false if none did.
    fn take_late(&mut self) -> bool {
        let mut late = LateReplies {
            octets: std::mem::take(&mut self.out),
            streams: Vec::new(),
        };
        let has_come = self.late.swap(&mut late);
        self.out = late.octets;
        self.streams.extend(late.streams);
        has_come
    }

    fn start_over(&mut self) {
        self.out.clear();
        self.written = 0;
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        if self.write_by.take().is_some() {
            // The client takes part again; its time to ask begins now.
            self.extend_deadline(Instant::now());
        }
    }

    /// Fails or finishes the connection once its time is over; never ready otherwise.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            let due = match self.write_by {
                Some(write_by) => write_by,
                None if self.late.waiting() > 0 => {
                    // A client that waits for us is not idle.
                    self.extend_deadline(now);
                    self.read_by
                }
                None => self.read_by,
            };
            if due > now {
                self.timer.as_mut().reset(due);
            } else if self.write_by.is_some() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            } else {
                self.finished = true;
                return Poll::Ready(Ok(()));
            }
        }
    }
}

enum Turn {
    /// Others may run now.
    Over,
    /// All is read, answered and written.
    Finished,
}

/// Replies that were announced.
#[derive(Default)]
struct LateReplies {
    octets: Vec<u8>,
    streams: Vec<Box<dyn Packets>>,
}

async fn send_later(expected: Expected<LateReplies>, reply: impl Future<Output: Into<Late>>) {
    match reply.await.into() {
        Late::Packet(reply) => expected.put(|late| {
            frame::append(&mut late.octets, |out| out.extend_from_slice(&reply));
        }),
        Late::Packets(packets) => expected.put(|late| late.streams.push(packets)),
        Late::Silent => {}
    }
}
