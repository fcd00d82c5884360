//! The last touch of what leaves: OPT, size, signature; one message, or one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use catena_dns::tsig::Seal;
use catena_dns::{QueryMessage, Rcode, Reply};
use catena_plugin::{Answer, Outcome, OwnedQuery, Query, ReplyStream};
use catena_transport::{Disposition, Packets};

use crate::generation::InFlight;
use crate::router::Router;
use crate::seal;

/// How the answer to one query leaves.
pub(crate) struct Exit {
    limit: usize,
    /// Signs it, in the zones of `tsig`.
    seal: Option<Box<Seal>>,
}

impl Exit {
    #[inline]
    pub fn new(query: &Query<'_>, router: &Router) -> Exit {
        let limit = query.size_limit();
        match query.tsig() {
            None => Exit::unsealed(limit),
            Some(signed) => Exit {
                limit,
                seal: seal::of(query, signed, router).map(Box::new),
            },
        }
    }

    /// Without a signature.
    #[inline]
    pub fn unsealed(limit: usize) -> Exit {
        Exit { limit, seal: None }
    }

    /// Appends what the client gets to `out`.
    #[inline]
    pub fn write<L>(
        &mut self,
        outcome: Outcome,
        query: &QueryMessage<'_>,
        out: &mut Vec<u8>,
    ) -> Disposition<L> {
        let reply = match outcome.answer {
            Answer::Reply(reply) => reply,
            Answer::Fail(rcode) => Reply::error(query, rcode),
            // More than a datagram can be.
            Answer::Stream(_) => Reply::error(query, Rcode::REFUSED),
            Answer::Silent => return Disposition::Silent,
        };
        self.write_reply(reply, query, out);
        Disposition::Replied
    }

    fn write_reply(&mut self, mut reply: Reply, query: &QueryMessage<'_>, out: &mut Vec<u8>) {
        let room = self.seal.as_ref().map_or(0, |seal| seal.room());
        if reply.rcode() == Rcode::BADVERS {
            // The OPT record of BADVERS does not repeat the client's, which speaks another version.
            reply.append_own_opt();
        } else {
            reply.finish(query, self.limit.saturating_sub(room));
        }
        let start = out.len();
        out.extend_from_slice(reply.packet());
        if let Some(seal) = &mut self.seal {
            seal.sign(out, start, seal::now());
        }
    }
}

/// An answer of several messages on its way.
pub(crate) struct Streaming {
    stream: ReplyStream,
    exit: Exit,
    query: OwnedQuery,
    _in_flight: InFlight,
}

impl Streaming {
    pub fn new(stream: ReplyStream, exit: Exit, query: OwnedQuery, in_flight: InFlight) -> Self {
        Streaming {
            stream,
            exit,
            query,
            _in_flight: in_flight,
        }
    }
}

impl Packets for Streaming {
    fn append_next(&mut self, out: &mut Vec<u8>) -> bool {
        let (stream, exit) = (&mut self.stream, &mut self.exit);
        self.query.view(|query| {
            let next = catch_unwind(AssertUnwindSafe(|| stream.next(query)));
            let Ok(Some(reply)) = next else {
                // Cut off after a panic: the client sees that the end is missing.
                return false;
            };
            exit.write_reply(reply, query, out);
            true
        })
    }
}
