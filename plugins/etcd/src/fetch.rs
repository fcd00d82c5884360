//! Fetches what an answer lacks: keys from etcd, targets of aliases from the server itself.

use std::collections::HashMap;
use std::sync::Arc;

use catena_dns::{RecordType, Section, flag};
use catena_etcd::proto::{RangeRequest, RangeResponse};
use catena_etcd::{Client, Error, range_end};
use catena_plugin::{Answer, Outcome, OwnedQuery};
use futures_util::{StreamExt, stream};

use crate::facts::{Fact, Missing, Resolved};
use crate::service::{Entry, Found, KEYS_MAX, LeaseBounds, Place, Trouble};

/// What is fetched for one answer at a time, and the leases that are asked after for one name.
const AT_ONCE: usize = 16;
const LEASES_MAX: usize = 256;

/// Fetches all of `missing`.
pub(crate) async fn fetch(
    client: &Client,
    bounds: LeaseBounds,
    query: &OwnedQuery,
    missing: Vec<Missing>,
) -> Vec<(Missing, Fact)> {
    let facts = missing.into_iter().map(|what| async move {
        let fact = match &what {
            Missing::Services(place) => Fact::Services(services(client, bounds, place).await),
            Missing::Answers(name, qtype) => {
                let qtype = RecordType(*qtype);
                let flow = query.view(|query| query.resolve(name.view(), qtype));
                Fact::Answers(resolved(flow.outcome().await))
            }
        };
        (what, fact)
    });
    stream::iter(facts)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// What the server answered; `None` if nothing at all.
fn resolved(outcome: Outcome) -> Option<Arc<Resolved>> {
    let is_live = outcome.is_live;
    let reply = match outcome.answer {
        Answer::Reply(reply) => reply,
        Answer::Fail(_) => return Some(Arc::default()),
        _ => return None,
    };
    let records = reply.records();
    let answers = records.filter(|record| record.section == Section::Answer);
    Some(Arc::new(Resolved {
        answers: answers
            .filter_map(|record| record.to_record(reply.packet()).ok())
            .collect(),
        truncated: reply.header().flags & flag::TC != 0,
        is_live,
    }))
}

/// The services at `place`.
async fn services(
    client: &Client,
    bounds: LeaseBounds,
    place: &Place,
) -> Result<Arc<[Found]>, Trouble> {
    let failed = |error: Error| Trouble::Failed(error.to_string());
    let mut answer = RangeResponse::default();
    if let Some(below) = &place.below {
        answer = read(client, below, range_end(below.as_bytes()))
            .await
            .map_err(failed)?;
    }
    if answer.kvs.is_empty() {
        answer = read(client, &place.key, Vec::new()).await.map_err(failed)?;
    }
    if answer.kvs.is_empty() {
        return Err(Trouble::NoSuchName);
    }
    if answer.more {
        let message = format!("{}: more than {KEYS_MAX} keys", place.key);
        return Err(Trouble::Failed(message));
    }
    let entries = answer.kvs.iter().filter_map(Entry::new);
    let entries: Vec<Entry> = entries.filter(|entry| place.takes(&entry.key)).collect();
    let leases = leases(client, bounds, &entries).await;
    let found = entries.into_iter().map(|entry| Found {
        lease_ttl: leases.get(&entry.lease).copied().flatten(),
        entry: Arc::new(entry),
    });
    Ok(found.collect())
}

async fn read(client: &Client, key: &str, range_end: Vec<u8>) -> Result<RangeResponse, Error> {
    let query = RangeRequest {
        key: key.into(),
        range_end,
        limit: i64::try_from(KEYS_MAX).unwrap_or(i64::MAX),
        ..RangeRequest::default()
    };
    client.range(query).await
}

/// The TTLs that the leases of `entries` leave them.
async fn leases(
    client: &Client,
    bounds: LeaseBounds,
    entries: &[Entry],
) -> HashMap<i64, Option<u32>> {
    let leases = entries.iter().map(|entry| entry.lease);
    let mut leases: Vec<i64> = leases.filter(|lease| *lease != 0).collect();
    leases.sort_unstable();
    leases.dedup();
    leases.truncate(LEASES_MAX);
    let ttls = leases.into_iter().map(|lease| async move {
        let left = client.time_left(lease).await;
        (lease, left.ok().and_then(|left| bounds.ttl(left)))
    });
    stream::iter(ttls).buffer_unordered(AT_ONCE).collect().await
}
