//! What happens to a reply on its way out.

use std::sync::Arc;

use catena_dns::{Rcode, RecordType};
use catena_plugin::networks::Network;
use catena_plugin::{Answer, Flow, Next, Outcome, Plugin, Query, StartContext, StartError};

use crate::arrange;
use crate::weights::Weights;

/// How the first address is chosen.
#[derive(Debug, Default)]
pub(crate) enum Policy {
    /// Every order is as likely as any other.
    #[default]
    Shuffle,
    /// The first is drawn by weight, the others stay.
    Weighted(Arc<Weights>),
}

/// The parsed directive.
#[derive(Debug, Default)]
pub(crate) struct LoadBalance {
    pub policy: Policy,
    /// Addresses in these networks come first, in this order.
    pub prefer: Vec<Network>,
}

/// The stage.
pub(crate) struct Stage(pub Arc<LoadBalance>);

impl Plugin for Stage {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        next.serve(query).then(&self.0, query, LoadBalance::arrange)
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        match &self.0.policy {
            Policy::Shuffle => Ok(()),
            Policy::Weighted(weights) => weights.start(context),
        }
    }
}

impl LoadBalance {
    #[inline]
    fn arrange(&self, query: &Query<'_>, outcome: Outcome) -> Outcome {
        let several = outcome.as_reply().is_some_and(|reply| {
            let [_, answers, authorities, additionals] = reply.header().counts;
            reply.rcode() == Rcode::NOERROR && (answers > 1 || authorities > 1 || additionals > 1)
        });
        if several && self.wants(query.qtype()) {
            self.arrange_several(outcome)
        } else {
            outcome
        }
    }

    fn wants(&self, qtype: RecordType) -> bool {
        match (&self.policy, qtype) {
            (_, RecordType::AXFR | RecordType::IXFR) => false,
            (Policy::Shuffle, _) => true,
            (Policy::Weighted(_), qtype) => {
                matches!(qtype, RecordType::A | RecordType::AAAA | RecordType::SRV)
            }
        }
    }

    fn arrange_several(&self, mut outcome: Outcome) -> Outcome {
        if let Answer::Reply(reply) = &mut outcome.answer {
            if arrange::needs_sorting(reply)
                && let Ok(message) = reply.clone().edit()
            {
                *reply = arrange::sorted(message);
            }
            arrange::addresses(reply, self);
        }
        outcome
    }
}
