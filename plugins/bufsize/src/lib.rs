//! Plugin bufsize: lowers the size that clients offer for UDP answers.

use std::sync::Arc;

use catena_dns::header::write_u16;
use catena_dns::{MESSAGE_MAX, RecordType, Section};
use catena_plugin::{
    Flow, Next, Outcome, Plugin, Query, Registration, Setup, SetupError, Transport,
};
use smallvec::SmallVec;

/// What travels without fragments nearly everywhere (DNS flag day 2020).
const DEFAULT: u16 = 1232;
/// The sizes that make sense, RFC 6891 section 6.2.5.
const SIZES: std::ops::RangeInclusive<u16> = 512..=4096;

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "bufsize",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut size = None;
    for line in cx.occurrences() {
        let mut args = line.args();
        let given = match args.next() {
            None => DEFAULT,
            Some(arg) => {
                let parsed = arg.text().parse().ok().filter(|size| SIZES.contains(size));
                parsed.ok_or_else(|| {
                    let error = "Wrong argument count or unexpected argument";
                    let error = arg.error(format_args!("{error} '{}'", arg.text()));
                    error.with_hint("a size from 512 to 4096 is expected")
                })?
            }
        };
        args.finish()?;
        // The first line counts, as in CoreDNS.
        size = size.or(Some(given));
    }
    cx.add_stage(Bufsize(Arc::new(size.unwrap_or(DEFAULT))));
    Ok(())
}

/// The stage, with the largest size it lets through.
struct Bufsize(Arc<u16>);

impl Plugin for Bufsize {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        match query.edns() {
            Some(edns) if edns.udp_size > *self.0 => self.lower(query, next),
            _ => next.serve(query),
        }
    }
}

impl Bufsize {
    /// Shows a lower size to the stages inside, and to the client when the reply leaves.
    fn lower(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let mut packet: SmallVec<[u8; 512]> = SmallVec::from_slice(query.packet());
        let records = query.records().map_while(Result::ok);
        for opt in records.filter(|record| record.rtype == RecordType::OPT) {
            if opt.section == Section::Additional {
                // The size stands in the class field, RFC 6891 section 6.1.2.
                write_u16(&mut packet, opt.rdata - 8, *self.0);
            }
        }
        let lowered = query.with_packet(&packet, |lowered| next.serve(lowered));
        let flow = lowered.unwrap_or_else(|| next.serve(query));
        flow.then(&self.0, query, lower_reply)
    }
}

fn lower_reply(size: &u16, query: &Query<'_>, mut outcome: Outcome) -> Outcome {
    if let Some(reply) = outcome.as_reply_mut() {
        let limit = match query.context().transport {
            Transport::Udp => usize::from(*size),
            Transport::Tcp => MESSAGE_MAX,
        };
        reply.lower_size(*size, limit);
    }
    outcome
}

#[cfg(test)]
mod tests;
