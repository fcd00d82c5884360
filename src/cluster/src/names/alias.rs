//! Services that stand for other names: followed within the zone, else asked of this server.

use std::sync::Arc;

use catena_dns::{Name, RecordRef, RecordType, Reply, Section, flag};
use catena_plugin::{Answer, Outcome, Query};

use super::{Family, Found, Hosts, Names, Verdict, Zone};

/// How many names a chain within the zone may lead through.
const CHAIN_MAX: usize = 11;

impl Names {
    /// Answers with an alias for the name asked for, and what it leads to.
    pub(super) fn follow(
        self: &Arc<Self>,
        query: &Query<'_>,
        zone: &Zone,
        target: Name,
    ) -> Verdict {
        let family = match query.qtype() {
            RecordType::AAAA => Family::V6,
            _ => Family::V4,
        };
        let mut reply = Reply::authoritative(query);
        let mut owner = query.name_as_asked().to_name();
        let mut target = target;
        let mut chain = vec![owner.clone()];
        loop {
            // A loop, or a chain without end, leads nowhere.
            if chain.contains(&target) || chain.len() > CHAIN_MAX {
                return Verdict::Empty;
            }
            let kind = (RecordType::CNAME, self.rules.ttl);
            let alias = RecordRef::new(owner.view(), kind, target.wire());
            reply.push_or_tc(Section::Answer, alias);
            if !target.view().is_within(zone.name.view()) {
                let flow = query.resolve(target.view(), query.qtype());
                let flow = flow.then_with(self, query, reply, add_answers);
                return Verdict::Later(flow);
            }
            let mut hosts = Hosts::new();
            let lower = target.view().to_lower();
            match self.find(lower.view(), zone, family, &mut hosts) {
                Found::Alias(next) => {
                    chain.push(target.clone());
                    owner = std::mem::replace(&mut target, next);
                }
                _ if hosts.is_empty() => return Verdict::Empty,
                _ => {
                    let owner = (target.view(), self.rules.ttl);
                    for address in hosts {
                        reply.push_address(Section::Answer, owner, address);
                    }
                    return Verdict::Answer(reply);
                }
            }
        }
    }
}

/// Adds the answers to the question behind an alias; without any, the alias stands alone.
fn add_answers(_: &Names, _: &Query<'_>, mut reply: Reply, outcome: Outcome) -> Outcome {
    let Answer::Reply(found) = &outcome.answer else {
        return Outcome::reply(reply).live_if(outcome.is_live);
    };
    if found.header().has(flag::TC) {
        reply.set_flag(flag::TC, true);
    }
    reply.push_answers_of(found, Section::Answer);
    Outcome::reply(reply).live_if(outcome.is_live)
}
