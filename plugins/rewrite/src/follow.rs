//! Follows aliases to the target that a `cname` rule gives them.

use std::sync::Arc;

use catena_dns::{Message, Name, NameRef, Record, RecordType, Reply, Section, flag};
use catena_plugin::{Answer, Flow, Outcome, Query};

use crate::restore::Restoration;
use crate::rule::Change;
use crate::serve::Rules;

/// Waits for the reply, gives its alias another target, asks for that, then does the rest.
pub(crate) fn follow(
    rules: &Arc<Rules>,
    query: &Query<'_>,
    restoration: Restoration,
    flow: Flow,
) -> Flow {
    match flow {
        Flow::Ready(outcome) => look_up(rules, query, restoration, outcome),
        Flow::Pending(later) => {
            let (rules, query) = (Arc::clone(rules), query.keep());
            Flow::wait(async move {
                let outcome = later.await;
                let flow = query.view(|query| look_up(&rules, query, restoration, outcome));
                flow.outcome().await
            })
        }
    }
}

fn look_up(
    rules: &Arc<Rules>,
    query: &Query<'_>,
    restoration: Restoration,
    outcome: Outcome,
) -> Flow {
    let alias = outcome.as_reply().and_then(|reply| {
        let message = Message::decode(reply.packet()).ok()?;
        redirected(rules, &restoration, &message.answers)
    });
    let Some((at, target)) = alias else {
        return Restoration::apply(rules, query, restoration, outcome).into();
    };
    let flow = query.resolve(target.view(), query.qtype());
    let own = (restoration, outcome, at, target);
    flow.then_with(rules, query, own, |rules, query, own, found| {
        let (restoration, outcome, at, target) = own;
        let outcome = join(outcome, at, &target, found);
        Restoration::apply(rules, query, restoration, outcome)
    })
}

/// The first alias that rules redirect, with the target that all of them together give it.
fn redirected(
    rules: &Rules,
    restoration: &Restoration,
    answers: &[Record],
) -> Option<(usize, Name)> {
    let places = restoration
        .undo
        .iter()
        .rev()
        .filter_map(|undo| undo.place());
    let changes: Vec<&Change> = places.filter_map(|place| rules.change(place)).collect();
    let aliases = answers.iter().enumerate();
    let aliases = aliases.filter(|(_, record)| record.rtype == RecordType::CNAME);
    for (at, record) in aliases {
        let Ok(target) = NameRef::from_wire(&record.rdata) else {
            continue;
        };
        let text = target.to_text().to_ascii_lowercase();
        let new = changes.iter().fold(None, |new: Option<String>, change| {
            let now = new.as_deref().unwrap_or(&text);
            match change {
                Change::Cname(matcher, to) => matcher.replace(now, to).or(new),
                _ => new,
            }
        });
        if let Some(Ok(new)) = new.map(|new| new.parse()) {
            return Some((at, new));
        }
    }
    None
}

/// The aliases up to the one at `at`, which gets its new target, and what was found there.
fn join(outcome: Outcome, at: usize, target: &Name, found: Outcome) -> Outcome {
    let is_live = outcome.is_live || found.is_live;
    let Outcome {
        answer, error, by, ..
    } = outcome;
    let answer = match (answer, found.answer) {
        (Answer::Reply(reply), Answer::Reply(found)) => {
            Answer::Reply(join_replies(&reply, at, target, &found).unwrap_or(reply))
        }
        // What cannot be looked up leaves the alias as it was.
        (answer, _) => answer,
    };
    Outcome {
        answer,
        error,
        by,
        is_live,
    }
}

fn join_replies(reply: &Reply, at: usize, target: &Name, found: &Reply) -> Option<Reply> {
    let mut message = Message::decode(reply.packet()).ok()?;
    message.edns = reply.edns().cloned();
    message.answers.truncate(at + 1);
    message
        .answers
        .retain(|record| record.rtype == RecordType::CNAME);
    message.answers.last_mut()?.rdata = target.wire().into();
    let records = found.records().filter(|rr| rr.section == Section::Answer);
    let records = records.filter_map(|rr| rr.to_record(found.packet()).ok());
    message.answers.extend(records);
    message.flags = message.flags & !flag::TC | found.header().flags & flag::TC;
    Some(message.to_reply())
}
