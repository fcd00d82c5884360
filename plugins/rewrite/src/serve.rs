//! Applies the rules to a query and hands it on.

use std::sync::Arc;

use catena_dns::Rcode;
use catena_plugin::{Flow, Next, Outcome, Plugin, Query};
use smallvec::SmallVec;

use crate::draft::{Applied, Draft, Undo};
use crate::edns::SUBNET;
use crate::restore::Restoration;
use crate::rule::{Change, Rule};

/// The stage.
pub(crate) struct Rewrite(pub Arc<Rules>);

/// The rules of a server block, in order.
pub(crate) struct Rules(pub Vec<Rule>);

impl Plugin for Rewrite {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let mut draft = Draft::new(query);
        let mut undo = SmallVec::<[Undo; 2]>::new();
        let mut is_stopped = false;
        for (place, rule) in self.0.0.iter().enumerate() {
            match draft.apply(query, rule, place) {
                Applied::No => {}
                Applied::Broken(text) => {
                    let error = format!("invalid name after rewrite: {text}");
                    return Outcome::failed(Rcode::SERVFAIL, error).into();
                }
                Applied::Yes(more) => {
                    undo.extend(more);
                    is_stopped = rule.stops;
                    if is_stopped {
                        break;
                    }
                }
            }
        }
        let has_other_question = draft.has_other_question(query);
        let is_changed = has_other_question || draft.opt.is_some();
        if !is_changed && undo.is_empty() {
            return next.serve(query);
        }
        let flow = if is_changed {
            query.note_type(draft.qtype);
            let packet = draft.to_packet(query);
            query.with_packet(&packet, |changed| next.serve(changed))
        } else {
            Some(next.serve(query))
        };
        let Some(flow) = flow else {
            return Outcome::fail(Rcode::SERVFAIL).into();
        };
        let restoration = Restoration {
            has_other_question,
            // An error that no plugin has written is rewritten like any other reply, and has the
            // OPT record that a rule has made.
            writes_errors: is_stopped || !undo.is_empty() || draft.opt.is_some(),
            echo: draft.opt.map(|opt| opt.echo(|code| self.0.knows(code))),
            undo,
        };
        match restoration.leads_elsewhere(&self.0) {
            true => crate::follow::follow(&self.0, query, restoration, flow),
            false => flow.then_with(&self.0, query, restoration, Restoration::apply),
        }
    }
}

impl Rules {
    /// Whether a `local` rule handles the EDNS option, so that it is given back.
    fn knows(&self, option: u16) -> bool {
        let mut rules = self.0.iter();
        rules.any(|rule| match &rule.change {
            Change::Edns(rule) => rule.code == option && option != SUBNET,
            _ => false,
        })
    }

    pub(crate) fn change(&self, place: usize) -> Option<&Change> {
        self.0.get(place).map(|rule| &rule.change)
    }
}
