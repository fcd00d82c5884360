//! What a listener does with a packet: the gate, the chain, and the reply's last touch.

use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use catena_dns::{MESSAGE_MAX, QueryMessage, Rcode, Reply, rejection};
use catena_plugin::metrics::server::OVERLOADED;
use catena_plugin::{Answer, Context, Flow, Outcome, OwnedQuery, Query, Resolver, Transport};
use catena_transport::{Disposition, Meta, PacketService, Protocol};
use futures_util::FutureExt;

use crate::generation::Generation;
use crate::router::Router;

/// Queries that may wait on one worker at once; above it they get SERVFAIL.
const WAITING_MAX: usize = 16_384;

thread_local! {
    static WAITING: Cell<usize> = const { Cell::new(0) };
}

/// Answers the packets of one listener out of the current generation.
#[derive(Clone)]
pub(crate) struct Answering {
    pub current: Arc<ArcSwap<Generation>>,
    /// The listener's place in every generation.
    pub listener: usize,
}

/// A listener's router, and the same as what plugins ask again.
pub(crate) struct Listening {
    pub router: Arc<Router>,
    pub resolver: Arc<dyn Resolver>,
}

impl Listening {
    pub fn new(router: Router) -> Self {
        let router = Arc::new(router);
        let resolver: Arc<dyn Resolver> = Arc::clone(&router) as Arc<dyn Resolver>;
        Listening { router, resolver }
    }
}

impl PacketService for Answering {
    type Later = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>;

    fn packet(&self, packet: &[u8], meta: &Meta, reply: &mut Vec<u8>) -> Disposition<Self::Later> {
        let mut scratch = Vec::new();
        let message = match QueryMessage::admit(packet, &mut scratch) {
            Ok(message) => message,
            Err(reject) => {
                return match rejection(packet, reject) {
                    Some(octets) => {
                        reply.extend_from_slice(&octets);
                        Disposition::Replied
                    }
                    None => Disposition::Silent,
                };
            }
        };
        let generation = self.current.load();
        let Some(Some(listening)) = generation.listening.get(self.listener) else {
            // The address has left the Corefile; what still arrives is refused.
            return write(Outcome::fail(Rcode::REFUSED), &message, MESSAGE_MAX, reply);
        };
        let transport = match meta.protocol {
            Protocol::Udp => Transport::Udp,
            _ => Transport::Tcp,
        };
        let router = &listening.router;
        let context = Context::new(
            meta.peer,
            meta.local,
            transport,
            &router.id,
            &listening.resolver,
        );
        let query = Query::new(&message, &context);
        match router.serve(&query) {
            Flow::Ready(outcome) => write(outcome, &message, query.size_limit(), reply),
            Flow::Pending(_) if WAITING.get() >= WAITING_MAX => {
                OVERLOADED.with(&[]).inc();
                write(
                    Outcome::fail(Rcode::SERVFAIL),
                    &message,
                    query.size_limit(),
                    reply,
                )
            }
            Flow::Pending(future) => {
                let waiting = Waiting::new();
                let late = late(future, query.keep(), Arc::clone(router), generation.enter());
                Disposition::Later(Box::pin(async move {
                    let octets = late.await;
                    drop(waiting);
                    octets
                }))
            }
        }
    }
}

/// Counts a waiting query for as long as it lives.
struct Waiting;

impl Waiting {
    fn new() -> Self {
        WAITING.set(WAITING.get() + 1);
        Waiting
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.set(WAITING.get().saturating_sub(1));
    }
}

async fn late(
    future: Pin<Box<dyn Future<Output = Outcome> + Send>>,
    query: OwnedQuery,
    router: Arc<Router>,
    in_flight: crate::generation::InFlight,
) -> Option<Vec<u8>> {
    let outcome = match AssertUnwindSafe(future).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => router.recovered(&*panic),
    };
    let octets = query.view(|query| {
        let mut octets = Vec::new();
        match write::<()>(outcome, query, query.size_limit(), &mut octets) {
            Disposition::Replied => Some(octets),
            _ => None,
        }
    });
    drop(in_flight);
    octets
}

/// Appends what the client gets to `out`.
fn write<L>(
    outcome: Outcome,
    query: &QueryMessage<'_>,
    limit: usize,
    out: &mut Vec<u8>,
) -> Disposition<L> {
    let mut reply = match outcome.answer {
        Answer::Reply(reply) => reply,
        Answer::Fail(rcode) => Reply::error(query, rcode),
        Answer::Silent => return Disposition::Silent,
    };
    if reply.rcode() == Rcode::BADVERS {
        finish_bad_version(&mut reply);
    } else {
        reply.finish(query, limit);
    }
    out.extend_from_slice(reply.packet());
    Disposition::Replied
}

/// The OPT record of BADVERS does not repeat the client's, which speaks another version.
fn finish_bad_version(reply: &mut Reply) {
    reply.append_own_opt();
}
