//! Dynamic updates (RFC 2136): who may send them, and what is answered.

use std::sync::Arc;

use catena_dns::{Rcode, Reply};
use catena_plugin::{Flow, Outcome, OwnedQuery, Query};
use catena_records::{Draft, Effect, LiveZone, Refusal, Update, Written};

use crate::access::{Access, Caller, Verb, Who};
use crate::metrics;
use crate::rest::{audit, count_write};
use crate::serve::Served;

/// Answers an update of one of the zones.
pub(crate) fn update(access: &Arc<Access>, served: &Served, query: &Query<'_>) -> Flow {
    let zones = served.zones.iter();
    let mut zones = zones.filter(|zone| zone.origin() == query.name());
    let Some(zone) = zones.next() else {
        return refused(query, Rcode::NOTAUTH);
    };
    let who = match (query.tsig(), query.signer()) {
        (_, Some(signer)) => vec![Who::Key(signer.to_lower())],
        (None, None) => Vec::new(),
        // It is signed, but not by anybody who is known.
        (Some(_), None) => return refused(query, Rcode::NOTAUTH),
    };
    let caller = access.caller(query.client().ip(), who);
    if !access.may_change(&caller) {
        return refused(query, Rcode::REFUSED);
    }
    let update = match Update::read(query) {
        Ok(update) => update,
        Err(rcode) => return refused(query, rcode),
    };
    let (access, ledger) = (Arc::clone(access), Arc::clone(&served.ledger));
    let (zone, query) = (Arc::clone(zone), query.keep());
    Flow::wait(async move {
        let who = caller.clone();
        let written = ledger.change(zone.origin(), move |draft| {
            change(&update, draft, (&access, &who))
        });
        let rcode = tell(&zone, &caller, written.await);
        reply(&query, rcode)
    })
}

/// Does all that RFC 2136 section 3 says, in its order.
fn change(
    update: &Update,
    draft: &mut Draft<'_>,
    (access, caller): (&Access, &Caller),
) -> Result<(), Refusal> {
    update.check_prerequisites(draft)?;
    for (effect, name, rtype) in update.effects() {
        let verb = match effect {
            Effect::Adds => Verb::Write,
            Effect::Removes => Verb::Delete,
        };
        if !access.allows(caller, verb, (name, rtype)) {
            let why = format!("{caller} may not change {name} {rtype}");
            return Err(Refusal::Condition(Rcode::REFUSED.0, why));
        }
    }
    update.check_changes(draft)?;
    update.apply(draft)
}

/// Logs and counts what came of an update; its response code.
fn tell(zone: &LiveZone, caller: &Caller, written: Result<Written, Refusal>) -> Rcode {
    let refusal = match written {
        Ok(written) => {
            count_write(zone, "update");
            let (origin, changes) = (zone.origin(), written.changes);
            let serial = written.serial;
            let what = format_args!("changes {changes} names of {origin}: serial {serial}");
            audit("update", caller, what);
            return Rcode::NOERROR;
        }
        Err(refusal) => refusal,
    };
    let rcode = match &refusal {
        Refusal::Condition(rcode, _) => Rcode(*rcode),
        Refusal::OutOfZone(..) => Rcode::NOTZONE,
        Refusal::Unavailable(_) | Refusal::Busy => Rcode::SERVFAIL,
        Refusal::NoZone(_) => Rcode::SERVFAIL,
        _ => Rcode::REFUSED,
    };
    metrics::REFUSALS
        .with(&["update", &rcode.to_string()])
        .inc();
    audit(
        "update",
        caller,
        format_args!("is refused, {rcode}: {refusal}"),
    );
    rcode
}

fn refused(query: &Query<'_>, rcode: Rcode) -> Flow {
    metrics::REFUSALS
        .with(&["update", &rcode.to_string()])
        .inc();
    Outcome::reply(Reply::error(query, rcode)).into()
}

fn reply(query: &OwnedQuery, rcode: Rcode) -> Outcome {
    query.view(|query| Outcome::reply(Reply::error(query, rcode)))
}
