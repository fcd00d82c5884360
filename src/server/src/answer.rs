//! What a listener does with a packet: the gate, the chain, and the way out.

use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use catena_dns::{MESSAGE_MAX, QueryMessage, Rcode, Reject, rejection};
use catena_plugin::metrics::server::OVERLOADED;
use catena_plugin::{
    Answer, Arrival, Context, Flow, Outcome, OwnedQuery, Query, Resolver, Transport,
};
use catena_transport::{Disposition, Late, Meta, PacketService, Protocol};
use futures_util::FutureExt;
use rustls::ServerConfig;

use crate::exit::{Exit, Streaming};
use crate::generation::{Generation, InFlight};
use crate::router::Router;
use crate::seal;

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
    type Later = Pin<Box<dyn Future<Output = Late> + Send>>;

    fn packet(&self, packet: &[u8], meta: &Meta, reply: &mut Vec<u8>) -> Disposition<Self::Later> {
        let mut scratch = Vec::new();
        let generation = self.current.load();
        let listening = generation.listening.get(self.listener);
        let listening = listening.and_then(Option::as_ref);
        let takes_updates = listening.is_some_and(|listening| listening.router.accepts_updates);
        let admitted = match takes_updates {
            false => QueryMessage::admit(packet, &mut scratch),
            true => QueryMessage::admit_with_updates(packet, &mut scratch),
        };
        let message = match admitted {
            Ok(message) => message,
            Err(reject) => return write_rejection(packet, reject, reply),
        };
        let Some(listening) = listening else {
            // The address has left the Corefile; what still arrives is refused.
            let refused = Outcome::fail(Rcode::REFUSED);
            return Exit::unsealed(MESSAGE_MAX).write(refused, &message, reply);
        };
        let signed = match seal::check(&message, &listening.router.keys) {
            Ok(signed) => signed,
            Err(reject) => return write_rejection(packet, reject, reply),
        };
        let transport = match meta.protocol {
            Protocol::Udp => Transport::Udp,
            _ => Transport::Tcp,
        };
        let Listening { router, resolver } = listening;
        let arrival = Arrival {
            client: meta.peer,
            local: meta.local,
            transport,
            at: meta.arrived,
        };
        let context = Context::new(arrival, &router.id, resolver).with_signature(signed);
        let query = Query::new(&message, &context);
        let mut exit = Exit::new(&query, router);
        match router.serve(&query) {
            Flow::Ready(Outcome {
                answer: Answer::Stream(stream),
                ..
            }) if transport == Transport::Tcp => {
                let streaming = Streaming::new(stream, exit, query.keep(), generation.enter());
                Disposition::Packets(Box::new(streaming))
            }
            Flow::Ready(outcome) => exit.write(outcome, &message, reply),
            Flow::Pending(_) if WAITING.get() >= WAITING_MAX => {
                OVERLOADED.with(&[]).inc();
                exit.write(Outcome::fail(Rcode::SERVFAIL), &message, reply)
            }
            Flow::Pending(future) => {
                let waiting = Waiting::new();
                let router = Arc::clone(router);
                let late = late(future, (query.keep(), exit), router, generation.enter());
                Disposition::Later(Box::pin(async move {
                    let late = late.await;
                    drop(waiting);
                    late
                }))
            }
        }
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        let generation = self.current.load();
        let listening = generation.listening.get(self.listener)?.as_ref()?;
        let certificate = listening.router.certificate.as_ref()?;
        Some(certificate.current())
    }
}

fn write_rejection<L>(packet: &[u8], reject: Reject, reply: &mut Vec<u8>) -> Disposition<L> {
    match rejection(packet, reject) {
        Some(octets) => {
            reply.extend_from_slice(&octets);
            Disposition::Replied
        }
        None => Disposition::Silent,
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
    (query, mut exit): (OwnedQuery, Exit),
    router: Arc<Router>,
    in_flight: InFlight,
) -> Late {
    let outcome = match AssertUnwindSafe(future).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => router.recovered(&*panic),
    };
    if let (Answer::Stream(_), Transport::Tcp) = (&outcome.answer, query.transport())
        && let Answer::Stream(stream) = outcome.answer
    {
        return Late::Packets(Box::new(Streaming::new(stream, exit, query, in_flight)));
    }
    let late = query.view(|query| {
        let mut octets = Vec::new();
        match exit.write::<()>(outcome, query, &mut octets) {
            Disposition::Replied => Late::Packet(octets),
            _ => Late::Silent,
        }
    });
    drop(in_flight);
    late
}
