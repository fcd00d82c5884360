//! What happens to a reply on its way up: its TTLs are levelled, and it may be stored.

use catena_dns::{Rcode, Reply, ReplyEdns, flag};
use catena_plugin::{Answer, Outcome, Query, zones};

use crate::Shared;
use crate::classify::{Meaning, TTL_DEFAULT, Verdict, classify, is_for};
use crate::entry::{Entry, Moment, Start, millis, wants_authenticated};
use crate::table::Kind;

/// A reply that took the place of a stale one.
pub(crate) struct Verified {
    /// What the client gets.
    pub outcome: Outcome,
    /// Whether it is in the table now.
    pub is_stored: bool,
}

impl Shared {
    /// The time now, as entries count it.
    pub fn now(&self) -> Moment {
        self.moment(catena_plugin::clock::now())
    }

    /// `instant` as entries count time.
    pub fn moment(&self, instant: catena_plugin::clock::Instant) -> Moment {
        Moment(millis(instant.saturating_duration_since(self.epoch)))
    }

    /// Stores what came back for `query`, if it may be.
    pub fn take(&self, query: &Query<'_>, mut outcome: Outcome) -> Outcome {
        let is_live = outcome.is_live;
        if let Some(reply) = outcome.as_reply_mut() {
            let verdict = classify(query, reply).unless(is_live);
            self.level_and_store(query, reply, verdict, 0);
        }
        outcome
    }

    /// Stores what came back for a popular entry that is about to expire.
    pub fn take_prefetched(&self, query: &Query<'_>, mut outcome: Outcome, hits: u32) {
        let is_live = outcome.is_live;
        if let Some(reply) = outcome.as_reply_mut() {
            let verdict = classify(query, reply).unless(is_live);
            self.level_and_store(query, reply, verdict, hits);
        }
    }

    /// Stores what came back for a stale entry, if it may take its place.
    ///
    /// A failure may not (RFC 8767 section 4): the stale entry then stays as it was.
    pub fn verify(&self, query: &Query<'_>, outcome: Outcome, hits: u32) -> Option<Verified> {
        let mut outcome = outcome;
        let Answer::Reply(reply) = &mut outcome.answer else {
            return None;
        };
        if reply.header().has(flag::TC) || !is_for(query, reply) {
            return None;
        }
        let verdict = classify(query, reply).unless(outcome.is_live);
        let prefers_positive = self.config.prefers_positive();
        let is_good = if prefers_positive {
            verdict.answering
        } else {
            verdict.meaning != Meaning::Other
                && matches!(reply.rcode(), Rcode::NOERROR | Rcode::NXDOMAIN)
        };
        if !is_good && !prefers_positive {
            return None;
        }
        let is_stored = self.level_and_store(query, reply, verdict, hits);
        is_good.then_some(Verified { outcome, is_stored })
    }

    /// Gives all records of `reply` one TTL and stores it if it may be; says if it did.
    fn level_and_store(
        &self,
        query: &Query<'_>,
        reply: &mut Reply,
        verdict: Verdict,
        hits: u32,
    ) -> bool {
        let ttl = self.ttl(verdict);
        reply.map_ttls(|_| ttl);
        drop_options(reply);
        let mut is_stored = false;
        if verdict.storable && ttl > 0 {
            if is_for(query, reply) {
                is_stored = self.store(query, reply, verdict, (ttl, hits));
            } else {
                self.counters.drop(query);
            }
        }
        if !wants_authenticated(query.header(), query) {
            reply.set_flag(flag::AD, false);
        }
        is_stored
    }

    /// Seconds for which a reply may be used.
    fn ttl(&self, verdict: Verdict) -> u32 {
        let bounds = match verdict.meaning {
            Meaning::Failure => return self.config.servfail,
            Meaning::NameError | Meaning::NoData => &self.config.denial,
            _ => &self.config.success,
        };
        let own = match verdict.meaning {
            Meaning::Data | Meaning::NameError | Meaning::NoData => verdict.lowest_ttl,
            _ => None,
        };
        let own = own.unwrap_or(TTL_DEFAULT);
        own.max(bounds.min_ttl).min(bounds.max_ttl)
    }

    fn store(
        &self,
        query: &Query<'_>,
        reply: &Reply,
        verdict: Verdict,
        (ttl, hits): (u32, u32),
    ) -> bool {
        let kind = match verdict.meaning {
            Meaning::Data | Meaning::Delegation => Kind::Success,
            _ => Kind::Denial,
        };
        let disabled = self.config.disabled.of(kind);
        if zones::longest(disabled, query.name()).is_some() {
            return false;
        }
        let mut key = self.table.key(query);
        if self.config.prefers_positive() && kind == Kind::Success && !verdict.answering {
            key = key.beside();
        }
        let wildcard = query.metadata("zone/wildcard").unwrap_or_default();
        let start = Start {
            ttl,
            stored: self.now(),
            hits,
            wildcard: &wildcard,
        };
        let Some(entry) = Entry::new(&key, reply, start) else {
            return false;
        };
        let evicted = self.table.store(&key, kind, entry);
        self.counters.evictions(query, kind, evicted);
        for kind in [Kind::Success, Kind::Denial] {
            self.counters.entries(query, kind, self.table.count(kind));
        }
        true
    }
}

/// Leaves the OPT record to the server: its content is between two hops (RFC 6891 section 6.1.1).
fn drop_options(reply: &mut Reply) {
    match reply.edns().map(|edns| edns.extended_rcode) {
        None => {}
        Some(0) => reply.clear_edns(),
        Some(extended_rcode) => {
            *reply.edns_mut() = ReplyEdns {
                extended_rcode,
                ..ReplyEdns::default()
            };
        }
    }
}
