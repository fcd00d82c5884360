//! Signatures (RFC 8945): those of queries are checked at the gate, those of answers made here.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use catena_dns::tsig::{Keys, Seal, Signed};
use catena_dns::{QueryMessage, Rcode, Reject};
use catena_plugin::Query;

use crate::router::Router;

/// Checks the signature of `message`, if it has one.
#[inline]
pub(crate) fn check(
    message: &QueryMessage<'_>,
    keys: &Keys,
) -> Result<Option<Arc<Signed>>, Reject> {
    let Some(at) = message.tsig_at() else {
        return Ok(None);
    };
    match Signed::check(message.packet(), at, keys, now()) {
        Ok(signed) => Ok(Some(Arc::new(signed))),
        Err(_) => Err(Reject::Question(Rcode::FORMERR)),
    }
}

/// What signs the answer, if `tsig` stands in the server block and has the zone.
pub(crate) fn of(query: &Query<'_>, signed: &Arc<Signed>, router: &Router) -> Option<Seal> {
    let is_sealed = router.seals(query);
    is_sealed.then(|| Seal::new(Arc::clone(signed)))
}

/// Seconds since 1970: signatures go by the clock on the wall.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
