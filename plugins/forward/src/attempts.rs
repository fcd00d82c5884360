//! The attempts to get one query answered: which upstream is asked when, and when to give up.
//!
//! The first upstream of the policy's order is asked. One that fails is followed by the next.
//! One that takes longer than usual is left its time, but the next is asked beside it, and the
//! first answer wins; a sequential policy waits until the slow one is known to be silent.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use catena_dns::Reply;
use catena_dns::edns::Options;
use catena_plugin::clock::{self, Instant};
use smallvec::SmallVec;
use tokio::time::Sleep;

use crate::merge;
use crate::policy::Order;
use crate::serve::Line;
use crate::upstream::{AskError, Question, Upstream, Way};

/// What is left after the first time-out, for the upstreams that were asked later.
const GRACE: Duration = Duration::from_millis(500);
/// The wait when no upstream is known to be alive: short, so that waiting queries do not pile up.
const HOPELESS: Duration = Duration::from_secs(1);
/// No upstream is asked later than this, as in CoreDNS.
const ATTEMPTS_END: Duration = Duration::from_secs(5);
/// How often a sequential policy looks whether the upstream it waits for is silent.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The EDNS option of cookies, which are between one client and the server.
const COOKIE: u16 = 10;
/// The EDNS option of the client subnet.
const SUBNET: u16 = 8;

/// What came of asking; the reply still has the id and question that were on the wire.
#[derive(Clone)]
pub(crate) struct Asked {
    pub answer: Result<Reply, Failure>,
    /// The upstream asked last.
    pub upstream: Option<Arc<Upstream>>,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure(pub Arc<str>);

impl Asked {
    /// What an equal query of another client gets of it; `None` if it has to ask itself.
    pub fn for_others(&self, same_subnet: bool) -> Option<Asked> {
        let mut shared = self.clone();
        let Ok(reply) = &mut shared.answer else {
            return Some(shared);
        };
        let Some(edns) = reply.edns().cloned() else {
            return Some(shared);
        };
        if !same_subnet && merge::is_for_one_subnet(&edns.options) {
            return None;
        }
        let own = reply.edns_mut();
        own.options.clear();
        for (code, data) in Options::new(&edns.options) {
            if code != COOKIE && (code != SUBNET || same_subnet) {
                own.push(code, data);
            }
        }
        Some(shared)
    }
}

/// An upstream that is being asked.
struct Running<'a> {
    place: usize,
    sent: Instant,
    reply: Pin<Box<dyn Future<Output = Result<Reply, AskError>> + Send + 'a>>,
}

type AllRunning<'a> = SmallVec<[Running<'a>; 2]>;

/// What ends a wait.
enum Event {
    /// An upstream has answered or failed.
    Ended(usize, Result<Reply, AskError>),
    /// The answer takes longer than usual.
    Slow,
}

/// One query on its way to an answer.
pub(crate) struct Asking<'a> {
    line: &'a Line,
    packet: &'a [u8],
    way: Way,
    udp_limit: usize,
    order: Order,
    /// How many places of the order were passed.
    passed: usize,
    attempts: usize,
    begun: Instant,
    gives_up: Instant,
    last: Option<usize>,
    error: Option<AskError>,
    /// A reply that `failover` turned down.
    second_best: Option<Reply>,
    failovers: usize,
    sent_again: bool,
}

impl<'a> Asking<'a> {
    /// A query that is not sent yet.
    pub fn new(line: &'a Line, packet: &'a [u8], way: Way, udp_limit: usize) -> Self {
        let begun = clock::now();
        Asking {
            line,
            packet,
            way,
            udp_limit,
            order: line.policy.order(line.upstreams.len()),
            passed: 0,
            attempts: 0,
            begun,
            gives_up: begun + line.read_timeout + GRACE,
            last: None,
            error: None,
            second_best: None,
            failovers: 0,
            sent_again: false,
        }
    }

    /// Asks until there is an answer or no hope left.
    pub async fn run(mut self) -> Asked {
        let mut running = AllRunning::new();
        let timer = tokio::time::sleep_until(self.gives_up);
        tokio::pin!(timer);
        loop {
            if running.is_empty() {
                let now = clock::now();
                let Some(place) = self.next_place(now) else {
                    return self.no_answer();
                };
                timer.as_mut().reset(self.ask(place, now, &mut running));
            }
            match next_event(&mut running, timer.as_mut()).await {
                Event::Ended(place, result) => {
                    if let Some(reply) = self.judge(place, result) {
                        return self.answered(place, reply);
                    }
                }
                Event::Slow => timer.as_mut().reset(self.widen(&mut running)),
            }
        }
    }

    /// The upstream to ask next: those that are up first.
    fn next_place(&mut self, now: Instant) -> Option<usize> {
        if !self.may_ask(now) {
            return None;
        }
        let found = self
            .next_that(Upstream::is_fine)
            .or_else(|| self.next_that(Upstream::is_up));
        if found.is_some() {
            return found;
        }
        // Perhaps it is the checks that are broken: ask all the same, but briefly.
        self.line.totals.broken.inc();
        if self.line.failfast {
            return None;
        }
        let place = self.next_that(|_, _| true)?;
        let usual = self.line.upstreams.get(place)?.health.usual_wait();
        self.gives_up = self.gives_up.min(self.begun + (usual * 2).max(HOPELESS));
        Some(place)
    }

    fn may_ask(&self, now: Instant) -> bool {
        let allowed = self
            .line
            .max_connect_attempts
            .is_none_or(|max| self.attempts < max);
        allowed && now < self.gives_up && now < self.begun + ATTEMPTS_END
    }

    /// The next place of the order, round and round, whose upstream `suits`.
    fn next_that(&mut self, suits: fn(&Upstream, bool) -> bool) -> Option<usize> {
        let strict = !self.line.policy.prefers_the_first();
        let count = self.order.len();
        let ahead = (0..count).find(|ahead| {
            let place = self.order.get((self.passed + ahead) % count);
            let upstream = place.and_then(|place| self.line.upstreams.get(*place));
            upstream.is_some_and(|upstream| suits(upstream, strict))
        })?;
        let place = self.order.get((self.passed + ahead) % count).copied();
        self.passed += ahead + 1;
        place
    }

    /// Sends the query; returns when an answer is overdue.
    fn ask(&mut self, place: usize, now: Instant, running: &mut AllRunning<'a>) -> Instant {
        let line = self.line;
        let Some(upstream) = line.upstreams.get(place) else {
            return now;
        };
        let question = Question {
            packet: self.packet,
            way: self.way,
            udp_limit: self.udp_limit,
            deadline: self.gives_up.min(now + line.read_timeout),
        };
        self.attempts += 1;
        self.last = Some(place);
        running.push(Running {
            place,
            sent: now,
            reply: Box::pin(upstream.ask(question)),
        });
        now + upstream.health.usual_wait()
    }

    /// The answer is overdue: asks one more if that may help; returns when to look again.
    fn widen(&mut self, running: &mut AllRunning<'a>) -> Instant {
        let now = clock::now();
        let Some((place, sent)) = running.last().map(|last| (last.place, last.sent)) else {
            return now;
        };
        let Some(slow) = self.line.upstreams.get(place) else {
            return self.gives_up;
        };
        slow.health.suspected(sent);
        if !self.may_ask(now) {
            return self.gives_up;
        }
        if self.line.policy.prefers_the_first() && !slow.health.is_down() && self.has_other(running)
        {
            return now + LOOK_AGAIN;
        }
        if let Some(other) = self.other_place(running) {
            return self.ask(other, now, running);
        }
        let resend_at = self.begun + self.line.read_timeout / 2;
        if self.way == Way::Tcp || self.sent_again {
            self.gives_up
        } else if now < resend_at {
            resend_at
        } else {
            // One datagram may have been lost.
            self.sent_again = true;
            self.ask(place, now, running)
        }
    }

    fn has_other(&self, running: &AllRunning<'a>) -> bool {
        self.order
            .iter()
            .any(|place| self.is_other(*place, running))
    }

    /// An upstream that is not asked yet: one that is up, or any if none is.
    fn other_place(&self, running: &AllRunning<'a>) -> Option<usize> {
        let others = || {
            self.order
                .iter()
                .copied()
                .filter(|place| self.is_other(*place, running))
        };
        let up = |place: &usize| {
            self.line
                .upstreams
                .get(*place)
                .is_some_and(|upstream| !upstream.health.is_down())
        };
        let all_down = self
            .line
            .upstreams
            .iter()
            .all(|upstream| upstream.health.is_down());
        others()
            .find(up)
            .or_else(|| others().next().filter(|_| all_down))
    }

    fn is_other(&self, place: usize, running: &AllRunning<'a>) -> bool {
        running.iter().all(|one| one.place != place)
    }

    /// The reply, if it is one to be content with.
    fn judge(&mut self, place: usize, result: Result<Reply, AskError>) -> Option<Reply> {
        match result {
            Ok(reply) if self.line.failover.contains(&reply.rcode()) => {
                self.failovers += 1;
                if self.failovers >= self.line.upstreams.len() {
                    return Some(reply);
                }
                self.second_best = Some(reply);
                None
            }
            Ok(reply) => Some(reply),
            Err(error) => {
                if let Some(upstream) = self.line.upstreams.get(place) {
                    upstream.health.failed();
                }
                self.error = Some(error);
                None
            }
        }
    }

    fn answered(&self, place: usize, reply: Reply) -> Asked {
        Asked {
            answer: Ok(reply),
            upstream: self.line.upstreams.get(place).cloned(),
        }
    }

    fn no_answer(self) -> Asked {
        let upstream = self
            .last
            .and_then(|place| self.line.upstreams.get(place))
            .cloned();
        let text = || match &self.error {
            Some(error) => Failure(error.to_string().into()),
            None => Failure("no healthy proxies".into()),
        };
        Asked {
            answer: self.second_best.ok_or_else(text),
            upstream,
        }
    }
}

/// Waits until an upstream has answered or failed, or the timer has run out.
///
/// An answer that is there is taken before the time is looked at.
async fn next_event(running: &mut AllRunning<'_>, mut timer: Pin<&mut Sleep>) -> Event {
    poll_fn(|context| {
        let ended = running.iter_mut().enumerate().find_map(|(index, one)| {
            match one.reply.as_mut().poll(context) {
                Poll::Ready(result) => Some((index, result)),
                Poll::Pending => None,
            }
        });
        if let Some((index, result)) = ended {
            let one = running.remove(index);
            return Poll::Ready(Event::Ended(one.place, result));
        }
        timer.as_mut().poll(context).map(|()| Event::Slow)
    })
    .await
}
