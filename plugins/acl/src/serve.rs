//! Looks at the client and the question, and refuses or hands on.

use catena_dns::{Name, Rcode, RecordType, Reply, edns};
use catena_plugin::metrics::{Counter, PerServer};
use catena_plugin::networks::Networks;
use catena_plugin::{Flow, Next, Outcome, Plugin, Query};

use crate::metrics::{Refusals, count_allowed};

/// The UDP size told with an extended error to a client without EDNS, as in CoreDNS.
const UDP_SIZE: u16 = 4096;
/// The EDNS option of extended errors, RFC 8914.
const EXTENDED_ERROR: u16 = 15;
/// Extended errors: Blocked and Filtered, RFC 8914 sections 4.16 and 4.18.
const BLOCKED: u16 = 15;
const FILTERED: u16 = 17;

/// The stage: all directives of a server block, in order.
pub(crate) struct Acl {
    pub rules: Vec<Rule>,
    pub view: String,
    pub allowed: PerServer<Counter>,
}

/// One directive.
pub(crate) struct Rule {
    pub zones: Vec<Zone>,
    pub policies: Vec<Policy>,
}

/// A zone that a directive is for.
pub(crate) struct Zone {
    pub name: Name,
    pub text: String,
    pub refusals: Refusals,
}

/// One line of a directive.
pub(crate) struct Policy {
    pub action: Action,
    /// All types if there is no list.
    pub types: Option<Vec<RecordType>>,
    /// All clients if there is no set.
    pub clients: Option<Networks>,
}

/// What is done with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Allow,
    Block,
    Filter,
    Drop,
}

impl Plugin for Acl {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        for rule in &self.rules {
            let Some(zone) = rule.zone_for(query) else {
                continue;
            };
            let mut policies = rule.policies.iter();
            let Some(policy) = policies.find(|policy| policy.is_for(query)) else {
                continue;
            };
            let labels = (zone.text.as_str(), self.view.as_str());
            zone.refusals.count(query, policy.action, labels);
            match policy.action {
                Action::Allow => break,
                Action::Block => return refusal(query, Rcode::REFUSED, BLOCKED).into(),
                Action::Filter => return refusal(query, Rcode::NOERROR, FILTERED).into(),
                Action::Drop => return Outcome::silent().into(),
            }
        }
        count_allowed(query, &self.view, &self.allowed);
        next.serve(query)
    }
}

impl Rule {
    /// The longest of its zones that the name is in.
    fn zone_for(&self, query: &Query<'_>) -> Option<&Zone> {
        let name = query.name();
        let zones = self
            .zones
            .iter()
            .filter(|zone| name.is_within(zone.name.view()));
        zones.max_by_key(|zone| zone.name.wire().len())
    }
}

impl Policy {
    fn is_for(&self, query: &Query<'_>) -> bool {
        let types = self.types.as_ref();
        let clients = self.clients.as_ref();
        types.is_none_or(|types| types.contains(&query.qtype()))
            && clients.is_none_or(|clients| clients.contain(query.client().ip()))
    }
}

/// An answer without records that says why.
fn refusal(query: &Query<'_>, rcode: Rcode, why: u16) -> Outcome {
    let mut reply = Reply::error(query, rcode);
    let own = reply.edns_mut();
    (own.udp_size, own.flags) = (UDP_SIZE, edns::DO);
    own.push(EXTENDED_ERROR, &why.to_be_bytes());
    Outcome::reply(reply)
}
