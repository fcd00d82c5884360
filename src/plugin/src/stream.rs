//! Answers of several messages, made one by one as the client reads them.

use std::fmt;

use catena_dns::{MESSAGE_MAX, Reply};

use crate::Query;

/// An answer of several messages; a zone transfer is one.
///
/// The next message is asked for when the one before has left, so nothing piles up, however slow
/// the client and however large the zone. A stream that is dropped was cut off by the client.
pub struct ReplyStream {
    next: Box<Next>,
}

type Next = dyn FnMut(&Query<'_>) -> Option<Reply> + Send;

impl ReplyStream {
    /// Octets that a message of a stream may have: what is left of them is for OPT and TSIG.
    pub const MESSAGE_ROOM: usize = MESSAGE_MAX - 2048;

    /// A stream of what `next` makes, up to its first `None`.
    ///
    /// It runs on a worker: a message is to cost no more than a copy of its records.
    pub fn new(next: impl FnMut(&Query<'_>) -> Option<Reply> + Send + 'static) -> ReplyStream {
        ReplyStream {
            next: Box::new(next),
        }
    }

    /// The next message of the answer to `query`.
    pub fn next(&mut self, query: &Query<'_>) -> Option<Reply> {
        (self.next)(query)
    }
}

impl fmt::Debug for ReplyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyStream")
    }
}
