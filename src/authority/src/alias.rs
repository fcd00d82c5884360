//! Aliases: CNAME chains within a zone and out of it, and DNAME (RFC 6672).

use std::sync::Arc;

use catena_dns::{Name, NameRef, Rcode, RecordRef, RecordType, Reply, Section};
use catena_index::{Found, Node, Zone};
use catena_plugin::{Answer as Written, Flow, Outcome, Query};
use smallvec::SmallVec;

use crate::answer::Answer;

/// CNAME records in one answer, at most, that come from the zone itself.
const ALIASES_MAX: usize = 10;

/// Answers from the CNAME of `node`, which stands for `owner`, and what it leads to.
pub(crate) fn follow(
    zone: &Arc<Zone>,
    query: &Query<'_>,
    node: Node<'_>,
    owner: NameRef<'_>,
) -> Flow {
    let mut answer = Answer::new(zone, query);
    answer.push_set(Section::Answer, node, (owner, RecordType::CNAME));
    match target_of(node) {
        Some(target) => chase(zone, query, answer, target.to_name()),
        None => answer.finish().into(),
    }
}

/// Answers from the DNAME of `node`, which is above the name asked for.
pub(crate) fn follow_dname(zone: &Arc<Zone>, query: &Query<'_>, node: Node<'_>) -> Flow {
    let mut answer = Answer::new(zone, query);
    let name = query.name();
    answer.push_set(Section::Answer, node, (node.name(), RecordType::DNAME));
    let Some((ttl, suffix)) = node.first(RecordType::DNAME).and_then(|record| {
        let suffix = NameRef::from_wire(record.rdata()).ok()?;
        Some((record.ttl(), suffix))
    }) else {
        return Outcome::fail(Rcode::SERVFAIL).into();
    };
    let kept = name.label_count() - node.name().label_count();
    let Ok(target) = Name::from_labels(name.labels().take(kept), suffix) else {
        // The new name is too long, RFC 6672 section 2.2.
        answer.reply.set_rcode(Rcode::YXDOMAIN);
        return answer.finish().into();
    };
    if target.view() == name {
        return Outcome::fail(Rcode::SERVFAIL).into();
    }
    let alias = RecordRef::new(name, (RecordType::CNAME, ttl), target.wire());
    answer.reply.push(Section::Answer, alias);
    if query.qtype() == RecordType::CNAME {
        answer.push_apex_ns();
        return answer.finish().into();
    }
    chase(zone, query, answer, target.view().to_lower())
}

fn target_of(node: Node<'_>) -> Option<NameRef<'_>> {
    let record = node.first(RecordType::CNAME)?;
    NameRef::from_wire(record.rdata()).ok()
}

/// Adds to `answer` what there is at `target`, in this zone or by asking the server itself.
fn chase(zone: &Arc<Zone>, query: &Query<'_>, mut answer: Answer<'_>, target: Name) -> Flow {
    let qtype = query.qtype();
    let mut seen = SmallVec::<[Node<'_>; ALIASES_MAX]>::new();
    seen.extend(zone.node(query.name()));
    let (mut target, mut aliases) = (target, 1);
    loop {
        let node = match zone.find(target.view(), qtype) {
            Some(Found::Cut(cut)) => {
                answer.push_referral(cut);
                return answer.finish_referral().into();
            }
            Some(Found::Name(node)) if is_own(zone, node, qtype) => node,
            _ => {
                let flow = query.resolve(target.view(), qtype);
                return flow.then_with(zone, query, answer.reply, merge);
            }
        };
        // A loop ends where it closes, each record given once; a long chain ends unfinished.
        if seen.contains(&node) || aliases >= ALIASES_MAX {
            break;
        }
        let Some(next) = target_of(node) else {
            answer.push_set(Section::Answer, node, (node.name(), qtype));
            break;
        };
        answer.push_set(Section::Answer, node, (node.name(), RecordType::CNAME));
        (target, aliases) = (next.to_name(), aliases + 1);
        seen.push(node);
    }
    answer.push_apex_ns();
    answer.push_addresses();
    answer.finish().into()
}

/// Whether the answer for `node` can be read off its records alone.
fn is_own(zone: &Zone, node: Node<'_>, qtype: RecordType) -> bool {
    !node.is_empty() && !node.is(zone.apex()) && qtype != RecordType::NS
}

/// Adds what the server said of the target to the alias.
fn merge(zone: &Zone, query: &Query<'_>, alias: Reply, outcome: Outcome) -> Outcome {
    let mut answer = Answer::resume(zone, query, alias);
    let before = answer.reply.count(Section::Answer);
    let rcode = outcome.rcode().unwrap_or(Rcode::NOERROR);
    if let Written::Reply(target) = &outcome.answer {
        answer.reply.push_answers_of(target, Section::Answer);
    }
    let found = answer.reply.count(Section::Answer) > before;
    let is_written = !matches!(outcome.answer, Written::Silent);
    match rcode {
        Rcode::NXDOMAIN | Rcode::SERVFAIL => answer.reply.set_rcode(rcode),
        _ => {}
    }
    if rcode == Rcode::NXDOMAIN || rcode == Rcode::NOERROR && !found && is_written {
        answer.push_soa();
    } else {
        answer.push_apex_ns();
    }
    answer.push_addresses();
    answer.finish().live_if(outcome.is_live)
}
