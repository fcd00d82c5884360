//! The way of a query through the cache: hit, stale hit or miss.

use std::time::Duration;

use catena_dns::header::write_u16;
use catena_dns::{Opcode, Rcode, RecordType, Reply, flag};
use catena_plugin::{
    Flow, Next, Outcome, Plugin, Query, StartContext, StartError, Transport, zones,
};
use smallvec::SmallVec;

use crate::entry::{Entry, Moment};
use crate::refresh::{Attempt, Claim, Place};
use crate::setup::Refresh;
use crate::table::{Key, Kind, Shard};
use crate::{Cache, Shared};

impl Plugin for Cache {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let shared = &self.0;
        if !is_cacheable(query) || zones::longest(&shared.zones, query.name()).is_none() {
            return next.serve(query);
        }
        let now = shared.moment(query.context().arrived);
        shared.counters.request(query);
        let key = shared.table.key(query);
        let found = shared
            .table
            .read(&key, |shard| shared.look(shard, &key, query, now));
        match found.flatten() {
            None => {
                shared.counters.miss(query);
                authenticated(query, |query| next.serve(query)).then(
                    shared,
                    query,
                    |shared, query, outcome| shared.take(query, outcome),
                )
            }
            Some(Found::Fresh(reply)) => Flow::Ready(Outcome::reply(reply)),
            Some(Found::Popular(reply, place)) => {
                self.prefetch(query, next, Attempt::new(shared, query, place));
                Flow::Ready(Outcome::reply(reply))
            }
            Some(Found::Stale(stale)) => self.serve_stale(query, next, stale),
        }
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let _again = self.0.background.set(context.background());
        Ok(())
    }
}

/// What the table has for a query.
enum Found {
    /// An answer.
    Fresh(Reply),
    /// An answer, and the entry should be fetched anew.
    Popular(Reply, Place),
    /// An expired answer.
    Stale(Stale),
}

/// An expired answer.
pub(crate) struct Stale {
    /// What the client gets if there is nothing newer.
    pub reply: Reply,
    /// The wildcard it was made from.
    wildcard: Option<Box<str>>,
    /// Whether a refresh may be tried.
    claim: Claim,
}

impl Stale {
    /// Gives it to the client.
    pub fn serve(self, shared: &Shared, query: &Query<'_>) -> Outcome {
        shared.counters.served_stale(query);
        if let Some(wildcard) = self.wildcard {
            query.set_metadata("zone/wildcard", || wildcard.into());
        }
        Outcome::reply(self.reply)
    }
}

impl Cache {
    /// Answers with a stale entry, or with what takes its place.
    fn serve_stale(&self, query: &Query<'_>, next: Next<'_>, mut stale: Stale) -> Flow {
        let shared = &self.0;
        let attempt = match std::mem::replace(&mut stale.claim, Claim::Refused) {
            Claim::Refused => return Flow::Ready(stale.serve(shared, query)),
            Claim::Free => None,
            Claim::Granted(place) => Some(Attempt::new(shared, query, place)),
        };
        match shared.config.stale.as_ref().map(|stale| stale.refresh) {
            Some(Refresh::Verify(Duration::ZERO)) => {
                authenticated(query, |query| next.serve(query)).then_with(
                    shared,
                    query,
                    (stale, attempt),
                    on_verified,
                )
            }
            Some(Refresh::Verify(patience)) => {
                self.verify_for(query, next, (stale, attempt, patience))
            }
            Some(Refresh::Immediate) | None => {
                if let Some(attempt) = attempt {
                    self.refresh_stale(query, next, attempt);
                }
                Flow::Ready(stale.serve(shared, query))
            }
        }
    }
}

/// Chooses between a stale answer and what came back instead.
fn on_verified(
    shared: &Shared,
    query: &Query<'_>,
    (stale, attempt): (Stale, Option<Attempt>),
    outcome: Outcome,
) -> Outcome {
    let verified = shared.verify(query, outcome, 0);
    if let Some(attempt) = attempt {
        attempt.finish(verified.is_some());
    }
    match verified {
        Some(verified) => verified.outcome,
        None => stale.serve(shared, query),
    }
}

impl Shared {
    /// Looks for an answer to `query`; runs under the lock of the shard.
    fn look(&self, shard: &Shard, key: &Key<'_>, query: &Query<'_>, now: Moment) -> Option<Found> {
        let (kind, entry) = self.choose(shard, key, now)?;
        self.counters.hit(query, kind);
        let left = entry.ttl_left(now);
        if left <= 0 {
            return Some(Found::Stale(self.stale(query, kind, entry, now)));
        }
        if !entry.wildcard().is_empty() {
            query.set_metadata("zone/wildcard", || entry.wildcard().to_owned());
        }
        let ttl = match u32::try_from(left) {
            Ok(left) if !self.config.keep_ttl => left,
            _ => entry.ttl(),
        };
        let reply = entry.reply(query, ttl);
        let popular = self.config.prefetch.as_ref().is_some_and(|prefetch| {
            let hits = entry.note_query(prefetch.window, now);
            hits >= prefetch.amount
                && left <= i64::from(prefetch.threshold(entry.ttl()))
                && entry.begin_refresh(now)
        });
        Some(if popular {
            Found::Popular(reply, Place::of(kind, entry, Duration::ZERO))
        } else {
            Found::Fresh(reply)
        })
    }

    /// Chooses between the answers the table has.
    fn choose<'s>(
        &self,
        shard: &'s Shard,
        key: &Key<'_>,
        now: Moment,
    ) -> Option<(Kind, &'s Entry)> {
        let success = shard
            .find(Kind::Success, key)
            .filter(|entry| self.is_usable(entry, now))
            .map(|entry| (Kind::Success, entry));
        let prefers_positive = self.config.prefers_positive();
        if success.is_some() && prefers_positive {
            return success;
        }
        let denial = shard
            .find(Kind::Denial, key)
            .filter(|entry| self.is_usable(entry, now))
            .map(|entry| (Kind::Denial, entry));
        match denial {
            // A failure passes: it must not hide what is known.
            Some((_, entry)) if entry.rcode() == Rcode::SERVFAIL => success.or(denial),
            Some(_) => denial,
            None if success.is_none() && prefers_positive => shard
                .find(Kind::Success, &key.beside())
                .filter(|entry| self.is_usable(entry, now))
                .map(|entry| (Kind::Success, entry)),
            None => success,
        }
    }

    /// Whether `entry` is fresh, or stale but not too old; failures are not served stale.
    fn is_usable(&self, entry: &Entry, now: Moment) -> bool {
        let left = entry.ttl_left(now);
        if left > 0 {
            return true;
        }
        let is_failure = matches!(entry.rcode(), Rcode::SERVFAIL | Rcode::NOTIMP);
        let stale = self.config.stale.as_ref();
        stale.is_some_and(|stale| !is_failure && -left < stale.up_to)
    }

    fn stale(&self, query: &Query<'_>, kind: Kind, entry: &Entry, now: Moment) -> Stale {
        let (ttl, rest, verifies) = match &self.config.stale {
            Some(stale) => (stale.ttl, stale.recheck, stale.verifies()),
            None => (0, Duration::ZERO, false),
        };
        let ttl = if ttl == 0 && self.config.keep_ttl {
            entry.ttl()
        } else {
            ttl
        };
        let claim = if verifies && rest.is_zero() {
            Claim::Free
        } else if entry.begin_refresh(now) {
            Claim::Granted(Place::of(kind, entry, rest))
        } else {
            Claim::Refused
        };
        Stale {
            reply: entry.reply(query, ttl),
            wildcard: Some(entry.wildcard())
                .filter(|wildcard| !wildcard.is_empty())
                .map(Box::from),
            claim,
        }
    }
}

/// Whether answers to `query` are kept at all: not transfers, not notifications.
fn is_cacheable(query: &Query<'_>) -> bool {
    query.header().opcode() == Opcode::QUERY
        && !matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR)
}

/// Asks with AD set, so that an upstream that validates says so (RFC 6840 section 5.7).
pub(crate) fn authenticated(query: &Query<'_>, ask: impl FnOnce(&Query<'_>) -> Flow) -> Flow {
    if query.header().has(flag::AD) {
        return ask(query);
    }
    let packet = authenticated_packet(query);
    query
        .with_packet(&packet, ask)
        .unwrap_or_else(|| Flow::Ready(Outcome::fail(Rcode::SERVFAIL)))
}

/// The packet of `query` with AD set.
pub(crate) fn authenticated_packet(query: &Query<'_>) -> SmallVec<[u8; 512]> {
    let mut packet = SmallVec::from_slice(query.packet());
    write_u16(&mut packet, 2, query.header().flags | flag::AD);
    packet
}

/// How a refresh asks: as over TCP, so that no answer comes back cut.
pub(crate) const REFRESH_TRANSPORT: Transport = Transport::Tcp;
