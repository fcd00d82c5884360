//! The stage: turns away what is not signed as it must be, and takes good signatures off.

use catena_dns::tsig::BADSIG;
use catena_dns::{Name, Opcode, Rcode, RecordType, Reply};
use catena_plugin::zones::longest;
use catena_plugin::{Flow, Next, Outcome, Plugin, Query};
use tracing::debug;

use crate::metrics::count_rejected;

/// The stage of one server block.
///
/// Signatures were checked at the gate, and answers are signed on their way out: both know the
/// keys and zones from the server block.
#[derive(Default)]
pub(crate) struct Tsig {
    pub zones: Vec<Name>,
    pub types: Required<RecordType>,
    pub opcodes: Required<Opcode>,
}

/// What must be signed.
pub(crate) enum Required<T> {
    All,
    These(Vec<T>),
}

impl<T> Default for Required<T> {
    fn default() -> Self {
        Required::These(Vec::new())
    }
}

impl<T: PartialEq> Required<T> {
    fn has(&self, one: &T) -> bool {
        match self {
            Required::All => true,
            Required::These(these) => these.contains(one),
        }
    }
}

impl Plugin for Tsig {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let is_required = || self.types.has(&query.qtype()) || self.opcodes.has(&query.opcode());
        let signed = query.tsig();
        if (signed.is_none() && !is_required()) || longest(&self.zones, query.name()).is_none() {
            return next.serve(query);
        }
        let Some(signed) = signed else {
            let qtype = query.qtype();
            debug!(target: "plugin/tsig", "rejecting '{qtype}' request without TSIG");
            count_rejected(query, "unsigned");
            return Outcome::reply(Reply::error(query, Rcode::REFUSED)).into();
        };
        if let Some(error) = signed.error() {
            let (qtype, reason) = (query.qtype(), reason(error));
            debug!(target: "plugin/tsig", "TSIG validation failed: {qtype} {reason}");
            count_rejected(query, reason);
            return Outcome::reply(Reply::error(query, Rcode::NOTAUTH)).into();
        }
        // What is below, an upstream say, does not know the key.
        let Some(packet) = query.without_tsig() else {
            return next.serve(query);
        };
        let flow = query.with_packet(&packet, |query| next.serve(query));
        flow.unwrap_or_else(|| Outcome::fail(Rcode::FORMERR).into())
    }
}

fn reason(error: Rcode) -> &'static str {
    match error {
        BADSIG => "BADSIG",
        Rcode::BADTIME => "BADTIME",
        _ => "BADKEY",
    }
}
