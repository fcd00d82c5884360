//! Refreshing entries beside the queries that gave rise to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use catena_dns::flag;
use catena_plugin::{Answer, Flow, Next, Outcome, OwnedQuery, Query};
use tokio::sync::oneshot;

use crate::entry::{Entry, Moment};
use crate::serve::{REFRESH_TRANSPORT, Stale, authenticated_packet};
use crate::store::Verified;
use crate::table::{Kind, Variant};
use crate::{Cache, Shared};

/// Refreshes of one cache that may run at once; entries beyond wait for another query.
const IN_FLIGHT_MAX: usize = 1024;

/// How many refreshes run.
#[derive(Default)]
pub(crate) struct InFlight(AtomicUsize);

/// The right of one refresh to run.
struct Permit(Arc<Shared>);

impl Permit {
    /// One more, unless too many run already.
    fn new(shared: &Arc<Shared>) -> Option<Permit> {
        let running = shared.in_flight.0.fetch_add(1, Relaxed);
        let permit = Permit(Arc::clone(shared));
        (running < IN_FLIGHT_MAX).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.0.fetch_sub(1, Relaxed);
    }
}

/// Where the entry to refresh is, among those for the same question.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    kind: Kind,
    variant: Variant,
    stored: Moment,
    hits: u32,
    /// How long the entry is left alone after a failure.
    rest: Duration,
}

impl Place {
    /// The place of `entry`.
    pub fn of(kind: Kind, entry: &Entry, rest: Duration) -> Place {
        Place {
            kind,
            variant: entry.variant(),
            stored: entry.stored(),
            hits: entry.hits(),
            rest,
        }
    }
}

/// Whether a stale entry may be refreshed for this query.
pub(crate) enum Claim {
    /// No: a refresh runs, or one failed a short time ago.
    Refused,
    /// Yes, and others may do so too.
    Free,
    /// Yes, and no other may until it is over.
    Granted(Place),
}

/// A refresh that was granted; when it ends, however it ends, the next one may begin.
pub(crate) struct Attempt {
    shared: Arc<Shared>,
    query: OwnedQuery,
    place: Place,
    is_refreshed: bool,
}

impl Attempt {
    /// The attempt to refresh the entry at `place`, which answered `query`.
    pub fn new(shared: &Arc<Shared>, query: &Query<'_>, place: Place) -> Attempt {
        Attempt {
            shared: Arc::clone(shared),
            query: query.keep(),
            place,
            is_refreshed: false,
        }
    }

    /// Ends it: well if the entry was replaced.
    pub fn finish(mut self, is_refreshed: bool) {
        self.is_refreshed = is_refreshed;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let (shared, place) = (&self.shared, self.place);
        let rest = if self.is_refreshed {
            Duration::ZERO
        } else {
            place.rest
        };
        self.query.view(|query| {
            let key = shared.table.key(query).with(place.variant);
            shared.table.read(&key, |shard| {
                let entry = shard.find(place.kind, &key);
                // A newer entry has a state of its own.
                if let Some(entry) = entry.filter(|entry| entry.stored() == place.stored) {
                    entry.end_refresh(shared.now(), rest);
                }
            });
        });
    }
}

impl Cache {
    /// Fetches a popular entry anew before it expires.
    pub(crate) fn prefetch(&self, query: &Query<'_>, next: Next<'_>, attempt: Attempt) {
        self.fetch(query, next, attempt, |shared, query, outcome, hits| {
            shared.take_prefetched(query, outcome, hits);
            true
        });
    }

    /// Fetches a stale entry anew while the client has its answer already.
    pub(crate) fn refresh_stale(&self, query: &Query<'_>, next: Next<'_>, attempt: Attempt) {
        self.fetch(query, next, attempt, |shared, query, outcome, hits| {
            shared.verify(query, outcome, hits).is_some()
        });
    }

    fn fetch(
        &self,
        query: &Query<'_>,
        next: Next<'_>,
        attempt: Attempt,
        take: fn(&Shared, &Query<'_>, Outcome, u32) -> bool,
    ) {
        let (Some(background), Some(permit)) = (self.0.background.get(), Permit::new(&self.0))
        else {
            return;
        };
        self.0.counters.prefetch(query);
        let asked = query.keep_as(&authenticated_packet(query), REFRESH_TRANSPORT);
        let next = next.keep();
        background.spawn(async move {
            let outcome = next.serve(&asked).await;
            let hits = attempt.place.hits;
            let is_refreshed = asked.view(|query| take(&attempt.shared, query, outcome, hits));
            attempt.finish(is_refreshed);
            drop(permit);
        });
    }

    /// Waits for `patience` for something newer than a stale answer.
    ///
    /// What comes later is stored for the next query.
    pub(crate) fn verify_for(
        &self,
        query: &Query<'_>,
        next: Next<'_>,
        (stale, attempt, patience): (Stale, Option<Attempt>, Duration),
    ) -> Flow {
        let (Some(background), Some(permit)) = (self.0.background.get(), Permit::new(&self.0))
        else {
            return Flow::Ready(stale.serve(&self.0, query));
        };
        let packet = authenticated_packet(query);
        let asked = query.with_packet(&packet, |query| query.keep());
        let asked = asked.unwrap_or_else(|| query.keep());
        let (next, shared) = (next.keep(), Arc::clone(&self.0));
        let (sender, receiver) = oneshot::channel();
        background.spawn(async move {
            let outcome = next.serve(&asked).await;
            let verified = asked.view(|query| shared.verify(query, outcome, 0));
            if let Some(attempt) = attempt {
                attempt.finish(verified.is_some());
            }
            drop(permit);
            let _client_has_left = sender.send(verified);
        });
        let (shared, query) = (Arc::clone(&self.0), query.keep());
        Flow::wait(async move {
            match tokio::time::timeout(patience, receiver).await {
                Ok(Ok(Some(verified))) => verified.into_hit(&query),
                _ => query.view(|query| stale.serve(&shared, query)),
            }
        })
    }
}

impl Verified {
    /// The outcome as if it came from the table, where it is.
    fn into_hit(mut self, query: &OwnedQuery) -> Outcome {
        if let (true, Answer::Reply(reply)) = (self.is_stored, &mut self.outcome.answer) {
            reply.set_flag(flag::AA, true);
            query.view(|query| reply.readdress(query));
        }
        self.outcome
    }
}
