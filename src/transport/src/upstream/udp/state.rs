//! The queries of a worker that wait for a reply, and the deadlines they have.

use std::io;
use std::task::{Context, Poll, Waker};

use slab::Slab;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::ports::Ports;
use crate::upstream::matching;

/// So many packets wait for one query's reader; a forger who knows all cannot send in more.
const ARRIVED_MAX: usize = 4;
/// So many datagrams are taken from a port before other tasks get their turn.
const DATAGRAMS: usize = 16;
/// Tasks to wake once the lock on the state is given up.
pub(crate) type Woken = SmallVec<[Waker; 32]>;
/// Buffers kept for packets to come.
const SPARE_MAX: usize = 64;
/// Buffers that grew beyond this are not kept.
const SPARE_SIZE: usize = 4096;

/// All of a worker that its tasks share.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) ports: Ports,
    waiting: Slab<Waiting>,
    spare: Vec<Vec<u8>>,
    /// When the ticker looks at deadlines next; `None` while it sleeps.
    pub(crate) next_tick: Option<Instant>,
}

/// Whether a port has to be looked at again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing that anybody waits for.
    Nothing,
    /// There may be more.
    Perhaps,
}

/// A query that waits.
pub(crate) struct Waiting {
    pub(crate) port: usize,
    pub(crate) id: u16,
    pub(crate) opcode: u8,
    pub(crate) question: Vec<u8>,
    pub(crate) deadline: Instant,
    /// What came, the earliest first.
    arrived: SmallVec<[Vec<u8>; 1]>,
    failed: Option<io::Error>,
    waker: Option<Waker>,
}

impl State {
    /// Starts to wait for the reply to `query`, sent from `port` with `id`.
    pub(crate) fn wait(&mut self, port: usize, id: u16, query: Query<'_>) -> usize {
        let mut question = self.buffer();
        question.extend_from_slice(query.question);
        let key = self.waiting.insert(Waiting {
            port,
            id,
            opcode: query.opcode,
            question,
            deadline: query.deadline,
            arrived: SmallVec::new(),
            failed: None,
            waker: None,
        });
        self.ports.add_query(port, key);
        key
    }

    /// Whether a query from `port` waits under `id`.
    pub(crate) fn is_taken(&self, port: usize, id: u16) -> bool {
        let same = |key: &usize| self.waiting.get(*key).is_some_and(|one| one.id == id);
        self.ports.queries(port).iter().any(same)
    }

    pub(crate) fn poll(&mut self, key: usize, context: &Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        let Some(waiting) = self.waiting.get_mut(key) else {
            return Poll::Ready(Err(io::ErrorKind::NotFound.into()));
        };
        if !waiting.arrived.is_empty() {
            return Poll::Ready(Ok(waiting.arrived.remove(0)));
        }
        if let Some(error) = waiting.failed.take() {
            return Poll::Ready(Err(error));
        }
        match &waiting.waker {
            Some(waker) if waker.will_wake(context.waker()) => {}
            _ => waiting.waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Ends the wait of a query.
    pub(crate) fn forget(&mut self, key: usize) {
        let Some(waiting) = self.waiting.try_remove(key) else {
            return;
        };
        self.ports.remove_query(waiting.port, key);
        self.give_back(waiting.question);
        for packet in waiting.arrived {
            self.give_back(packet);
        }
    }

    /// Reads from `port` until no query waits there for a packet, or nothing is left.
    ///
    /// One reply to one query is the rule, and costs one call. What else has come then stays
    /// until something follows it; who is not content with what it got has to call this again.
    pub(crate) fn receive(&mut self, port: usize, buffer: &mut [u8], woken: &mut Woken) -> Left {
        for _ in 0..DATAGRAMS {
            let Some(open) = self.ports.get(port) else {
                return Left::Nothing;
            };
            match open.socket.recv(buffer) {
                Ok(length) => {
                    woken.extend(self.deliver(port, buffer.get(..length).unwrap_or(&[])));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Left::Nothing,
                Err(error) => self.fail(port, &error, woken),
            }
            if self.are_answered(port) {
                return Left::Nothing;
            }
        }
        Left::Perhaps
    }

    /// Looks for further packets after one that was no good.
    pub(crate) fn receive_again(&mut self, key: usize, buffer: &mut [u8], woken: &mut Woken) {
        if let Some(port) = self.waiting.get(key).map(|one| one.port) {
            self.receive(port, buffer, woken);
        }
    }

    /// Hands a packet that came to `port` to the query it answers, if there is one.
    fn deliver(&mut self, port: usize, packet: &[u8]) -> Option<Waker> {
        let key = self.ports.queries(port).iter().copied().find(|key| {
            self.waiting
                .get(*key)
                .is_some_and(|one| matching::is_reply(packet, one.id, one.opcode, &one.question))
        })?;
        let mut buffer = self.buffer();
        buffer.extend_from_slice(packet);
        let waiting = self.waiting.get_mut(key)?;
        if waiting.arrived.len() < ARRIVED_MAX {
            waiting.arrived.push(buffer);
        }
        waiting.waker.take()
    }

    /// Whether each query sent from `port` has something to look at.
    fn are_answered(&self, port: usize) -> bool {
        let answered = |one: &Waiting| !one.arrived.is_empty() || one.failed.is_some();
        self.ports
            .queries(port)
            .iter()
            .all(|key| self.waiting.get(*key).is_none_or(answered))
    }

    /// Fails all queries that were sent from `port`.
    fn fail(&mut self, port: usize, error: &io::Error, woken: &mut Woken) {
        for key in self.ports.queries(port) {
            if let Some(waiting) = self.waiting.get_mut(*key) {
                waiting.failed = Some(copy(error));
                woken.extend(waiting.waker.take());
            }
        }
    }

    /// Fails the queries whose time is over and says when the next one's is.
    pub(crate) fn expire(&mut self, now: Instant) -> (Option<Instant>, Woken) {
        let (mut next, mut woken) = (None::<Instant>, Woken::new());
        for (_, waiting) in &mut self.waiting {
            if waiting.deadline <= now {
                waiting.failed = Some(io::ErrorKind::TimedOut.into());
                woken.extend(waiting.waker.take());
            } else {
                next = Some(next.map_or(waiting.deadline, |next| waiting.deadline.min(next)));
            }
        }
        (next, woken)
    }

    fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a buffer back for packets to come.
    pub(crate) fn give_back(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE_MAX && buffer.capacity() <= SPARE_SIZE {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

/// What is asked, and until when an answer is of use.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a> {
    pub(crate) packet: &'a [u8],
    pub(crate) question: &'a [u8],
    pub(crate) opcode: u8,
    pub(crate) deadline: Instant,
}

/// Several queries may fail from one error.
fn copy(error: &io::Error) -> io::Error {
    error
        .raw_os_error()
        .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}
