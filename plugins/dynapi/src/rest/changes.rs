//! Several changes in one: all of them are made, or none.

use std::sync::Arc;

use catena_records::{LiveZone, RecordSet, Refusal, SetKey};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::body::{SetBody, read_json};
use super::path::{read_name, read_type};
use super::problem::{Code, INVALID, Problem};
use super::records::{Condition, count_write, mark};
use super::zones::only;
use super::{Api, Replied, audit, reply};
use crate::access::{Caller, Verb};

/// Changes in one request, and octets of it, at most.
const CHANGES_MAX: usize = 1000;
const OCTETS_MAX: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    changes: Vec<Item>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Op {
    /// The set becomes this.
    Put,
    /// The set is removed.
    Delete,
    /// These records are in the set, beside others.
    Add,
    /// These records are not in the set.
    Remove,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    op: Op,
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    #[serde(default)]
    ttl: Option<u32>,
    #[serde(default)]
    records: Option<Vec<String>>,
    #[serde(default)]
    addresses: Option<Vec<String>>,
    #[serde(default)]
    lease: Option<String>,
    /// The tag that the set must have before any of the changes.
    #[serde(default)]
    if_match: Option<String>,
    /// Whether there must be no such set before.
    #[serde(default)]
    if_absent: bool,
}

/// One change, read and checked.
struct Change {
    op: Op,
    key: SetKey,
    set: Option<RecordSet>,
    condition: Condition,
}

impl Api {
    /// Makes several changes at once.
    pub(super) async fn change(
        &self,
        request: Request<Incoming>,
        zone: Arc<LiveZone>,
        caller: &Caller,
    ) -> Replied {
        only(&request, &[Method::POST])?;
        let body: Changes = read_json(request, OCTETS_MAX).await?;
        if body.changes.len() > CHANGES_MAX {
            let detail = format!("more than {CHANGES_MAX} changes");
            return Err(Code::BodyTooLarge.with(detail));
        }
        let mut changes = Vec::new();
        for item in body.changes {
            changes.push(self.read_change(item, &zone, caller)?);
        }
        let names: Vec<String> = changes
            .iter()
            .map(|change| format!("{:?} {} {}", change.op, change.key.name, change.key.rtype))
            .collect();
        let written = self.ledger.change(zone.origin(), move |draft| {
            for change in &changes {
                let set = draft.set(change.key.name.view(), change.key.rtype);
                change.condition.check(set.as_ref())?;
            }
            changes.iter().try_for_each(|change| change.apply(draft))
        });
        let written = written.await?;
        count_write(&zone, "rest");
        for name in names {
            let serial = written.serial;
            audit(
                "rest",
                caller,
                format_args!("{}: serial {serial}", name.to_ascii_lowercase()),
            );
        }
        let body = json!({
            "serial": written.serial,
            "revision": written.revision,
        });
        let mut response = reply::json(StatusCode::OK, &body);
        mark(&mut response, written);
        Ok(response)
    }

    fn read_change(&self, item: Item, zone: &LiveZone, caller: &Caller) -> Result<Change, Problem> {
        let (name, rtype) = (read_name(&item.name)?, read_type(&item.rtype)?);
        let verb = match item.op {
            Op::Put | Op::Add => Verb::Write,
            Op::Delete | Op::Remove => Verb::Delete,
        };
        self.check(caller, verb, (name.view(), rtype))?;
        let body = SetBody {
            ttl: item.ttl,
            records: item.records,
            addresses: item.addresses,
            lease: item.lease,
        };
        let set = match item.op {
            Op::Delete => None,
            _ => Some(body.to_set(rtype, zone.origin(), self.ttl)?),
        };
        let mut condition = item.if_match.as_deref().map(Condition::matching);
        if item.if_absent {
            condition = Some(condition.unwrap_or_default().with_absent());
        }
        Ok(Change {
            op: item.op,
            key: SetKey::new(name.view(), rtype),
            set,
            condition: condition.unwrap_or_default(),
        })
    }
}

impl Change {
    fn apply(&self, draft: &mut catena_records::Draft<'_>) -> Result<(), Refusal> {
        let (name, rtype) = (self.key.name.view(), self.key.rtype);
        let Some(own) = &self.set else {
            return draft.remove(name, rtype);
        };
        let known = draft.set(name, rtype);
        let set = match (self.op, known) {
            (Op::Add, Some(mut known)) => {
                for rdata in &own.data {
                    known.insert(own.ttl, rdata.clone());
                }
                known.lease = own.lease.or(known.lease);
                known
            }
            (Op::Remove, Some(mut known)) => {
                known.data.retain(|rdata| !own.has(rdata));
                if known.data.is_empty() {
                    return draft.remove(name, rtype);
                }
                known
            }
            (Op::Remove, None) => return Ok(()),
            (Op::Delete, _) => {
                let text = "a removal has no records".to_owned();
                return Err(Refusal::Condition(INVALID, text));
            }
            (Op::Put, _) | (Op::Add, None) => own.clone(),
        };
        draft.put(name, rtype, set)
    }
}
