//! Plugin minimal: leaves out records that were not asked for.

use catena_dns::{Opcode, Rcode, RecordType, Reply, Section};
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration, Setup, SetupError};
use std::sync::Arc;

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "minimal",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    for line in cx.occurrences() {
        line.no_args()?;
        line.no_block()?;
    }
    cx.add_stage(Minimal(Arc::new(())));
    Ok(())
}

struct Minimal(Arc<()>);

impl Plugin for Minimal {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        next.serve(query).then(&self.0, query, trim)
    }
}

fn trim((): &(), query: &Query<'_>, mut outcome: Outcome) -> Outcome {
    if let Some(reply) = outcome.as_reply_mut()
        && is_plain(query)
        && is_positive(reply)
    {
        reply.keep_answers();
        reply.clear_edns();
    }
    outcome
}

/// Whether the query is no transfer and no notification.
fn is_plain(query: &Query<'_>) -> bool {
    query.header().opcode() == Opcode::QUERY
        && !matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR)
}

/// Whether the reply answers; denials and referrals need their authority section.
fn is_positive(reply: &Reply) -> bool {
    if reply.rcode() != Rcode::NOERROR {
        return false;
    }
    let mut records = reply.records();
    reply.count(Section::Answer) > 0
        || !records.any(|record| {
            record.section == Section::Authority
                && matches!(record.rtype, RecordType::SOA | RecordType::NS)
        })
}

#[cfg(test)]
mod tests;
