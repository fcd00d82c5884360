//! Asks for one name after the other until one exists.

use std::collections::VecDeque;
use std::sync::Arc;

use catena_dns::{Class, Message, Name, NameRef, Rcode, Record, RecordType};
use catena_plugin::metrics::{Counter, PerServer};
use catena_plugin::{Answer, Flow, Next, Outcome, Query};

use crate::SUCCESSES;

/// A search under way.
struct Search {
    /// The labels before the first element of the path, in wire form.
    base: Vec<u8>,
    /// What is not tried yet.
    path: VecDeque<Name>,
    /// What came of the name as it was asked.
    first: Option<Outcome>,
    successes: Arc<PerServer<Counter>>,
}

/// What one name brought.
enum Step {
    Done(Outcome),
    GoOn,
}

/// Answers `query` from the first element of `path` that makes a name which exists.
pub(crate) fn search(
    path: Vec<Name>,
    successes: &Arc<PerServer<Counter>>,
    query: &Query<'_>,
    next: Next<'_>,
) -> Flow {
    let Some(first) = path.first().map(Name::view) else {
        return next.serve(query);
    };
    let asked = query.name_as_asked().wire();
    if !query.name().is_within(first) {
        // Not a name that a client's search made.
        return next.serve(query);
    }
    let base = asked.len() - first.wire().len();
    if base == 0 {
        let error = format!("overshot qname: {} for zone {first}", query.name_as_asked());
        return Outcome::failed(Rcode::SERVFAIL, error).into();
    }
    let mut search = Search {
        base: asked.get(..base).unwrap_or(&[]).to_vec(),
        path: path.into(),
        first: None,
        successes: Arc::clone(successes),
    };
    search.path.pop_front();
    // Last, the name with nothing after it.
    search.path.push_back(Name::root());
    let flow = next.serve(query);
    search.go_on(flow, query, next)
}

impl Search {
    /// Judges what `flow` brings, and tries the rest of the path if need be.
    fn go_on(mut self, flow: Flow, query: &Query<'_>, next: Next<'_>) -> Flow {
        let mut flow = flow;
        loop {
            match flow {
                Flow::Ready(outcome) => {
                    if let Step::Done(outcome) = self.judge(outcome, query) {
                        return outcome.into();
                    }
                }
                Flow::Pending(waiting) => {
                    let (query, next) = (query.keep(), next.keep());
                    return Flow::wait(async move {
                        let outcome = waiting.await;
                        let ready = Flow::Ready(outcome);
                        let flow = query.view(|query| self.go_on(ready, query, next.view()));
                        flow.outcome().await
                    });
                }
            }
            flow = match self.next_name() {
                Some(name) => ask(name.view(), query, next),
                None => return self.give_up(),
            };
        }
    }

    /// The next name to try; one that is too long is passed over.
    fn next_name(&mut self) -> Option<Name> {
        while let Some(element) = self.path.pop_front() {
            let wire = [&self.base, element.wire()].concat();
            if let Ok(name) = NameRef::from_wire(&wire) {
                return Some(name.to_name());
            }
        }
        None
    }

    fn judge(&mut self, outcome: Outcome, query: &Query<'_>) -> Step {
        let exists = match &outcome.answer {
            Answer::Reply(reply) => reply.rcode() != Rcode::NXDOMAIN,
            Answer::Fail(_) => false,
            Answer::Silent | Answer::Stream(_) => return Step::Done(outcome),
        };
        let failed = outcome.error.is_some();
        if !exists && !failed {
            self.first.get_or_insert(outcome);
            return Step::GoOn;
        }
        if exists && let Some(count) = self.successes.get(query.server(), count) {
            count.inc();
        }
        let is_first = self.first.is_none();
        Step::Done(if is_first {
            outcome
        } else {
            alias(outcome, query)
        })
    }

    /// Nothing exists: the client gets the answer to what it asked.
    fn give_up(self) -> Flow {
        let none = || Outcome::fail(Rcode::SERVFAIL);
        self.first.unwrap_or_else(none).into()
    }
}

fn count(server: &str) -> Counter {
    SUCCESSES.with(&[server])
}

/// Asks the rest of the chain for `name` in place of what `query` asks for.
fn ask(name: NameRef<'_>, query: &Query<'_>, next: Next<'_>) -> Flow {
    let mut message = Message::from_query(query);
    message.qname = name.to_name();
    let flow = query.with_packet(&message.to_packet(), |query| next.serve(query));
    flow.unwrap_or_else(|| Outcome::fail(Rcode::SERVFAIL).into())
}

/// Makes the answer for another name one for the name that was asked for.
fn alias(mut outcome: Outcome, query: &Query<'_>) -> Outcome {
    let Answer::Reply(reply) = outcome.answer else {
        return outcome;
    };
    let Ok(mut message) = reply.edit() else {
        outcome.answer = Answer::Fail(Rcode::SERVFAIL);
        return outcome;
    };
    let asked = query.name_as_asked();
    message.id = query.header().id;
    message.qname = asked.to_name();
    let other = message.answers.iter().find(|a| a.name.view() != asked);
    if let Some(other) = other {
        let alias = Record {
            name: asked.to_name(),
            rtype: RecordType::CNAME,
            class: Class::IN,
            ttl: other.ttl,
            rdata: other.name.wire().into(),
        };
        message.answers.insert(0, alias);
    }
    outcome.answer = Answer::Reply(message.to_reply());
    outcome
}
