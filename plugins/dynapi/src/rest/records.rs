//! One record set: GET, PUT and DELETE.

use std::sync::Arc;

use catena_dns::{Name, RecordType};
use catena_http::Body;
use catena_records::{LiveZone, RecordSet, Refusal, SetKey, Written};
use hyper::body::Incoming;
use hyper::header::{ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde::Serialize;

use super::body::{BODY_MAX, SetBody, read_json};
use super::problem::{CONDITION_FAILED, Code, Problem};
use super::{Api, Replied, audit, reply};
use crate::access::{Caller, Verb};
use crate::metrics;

/// A set with its name, as JSON.
#[derive(Serialize)]
pub(crate) struct Named {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    #[serde(flatten)]
    set: SetBody,
    etag: String,
}

impl Named {
    pub fn new(name: &str, rtype: RecordType, set: &RecordSet) -> Named {
        Named {
            name: name.to_owned(),
            rtype: rtype.to_string(),
            set: SetBody::of(rtype, set),
            etag: reply::etag(set),
        }
    }
}

/// What must hold for a write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition {
    /// The set must have one of these tags; `*` stands for any set.
    matches: Option<Vec<String>>,
    /// The set must have none of these tags.
    differs: Option<Vec<String>>,
}

impl Condition {
    pub fn of(headers: &HeaderMap) -> Condition {
        let tags = |name| {
            let values = headers.get_all(name).iter();
            let values: Vec<String> = values
                .flat_map(|value| value.to_str().unwrap_or_default().split(','))
                .map(|tag| tag.trim().to_owned())
                .collect();
            (!values.is_empty()).then_some(values)
        };
        Condition {
            matches: tags(IF_MATCH),
            differs: tags(IF_NONE_MATCH),
        }
    }

    /// One tag that the set must have, or `*`.
    pub fn matching(tag: &str) -> Condition {
        Condition {
            matches: Some(vec![tag.to_owned()]),
            differs: None,
        }
    }

    /// As headers with both would say.
    pub fn with_absent(mut self) -> Condition {
        self.differs = Some(vec!["*".to_owned()]);
        self
    }

    /// Whether it holds for `set`.
    pub fn check(&self, set: Option<&RecordSet>) -> Result<(), Refusal> {
        let tag = set.map(reply::etag);
        let has = |tags: &Vec<String>| match &tag {
            Some(tag) => tags.iter().any(|own| own == "*" || own == tag),
            None => false,
        };
        let failed = |what: &str| Err(Refusal::Condition(CONDITION_FAILED, what.to_owned()));
        if self.matches.as_ref().is_some_and(|tags| !has(tags)) {
            return failed("the records are not those expected");
        }
        if self.differs.as_ref().is_some_and(has) {
            return failed("the records exist");
        }
        Ok(())
    }
}

/// The set of `rtype` at `name`, with its lease.
pub(crate) fn look(api: &Api, zone: &LiveZone, key: &SetKey) -> Option<RecordSet> {
    let zone = zone.zone();
    let records = zone.as_ref()?.set(key.name.view(), key.rtype);
    Some(RecordSet {
        ttl: records.first()?.ttl(),
        data: records.iter().map(|record| record.rdata().into()).collect(),
        lease: api.ledger.leases(|leases| leases.of(key)),
    })
}

impl Api {
    /// Serves a request for one set.
    pub(super) async fn set(
        &self,
        request: Request<Incoming>,
        (zone, name, rtype): (Arc<LiveZone>, &Name, RecordType),
        caller: &Caller,
    ) -> Replied {
        if !name.view().is_within(zone.origin()) {
            let detail = format!("{name} is not in the zone {}", zone.origin());
            return Err(Code::InvalidName.with(detail));
        }
        let key = SetKey::new(name.view(), rtype);
        let asked = (name.view(), rtype);
        match *request.method() {
            Method::GET | Method::HEAD => {
                self.check(caller, Verb::Read, asked)?;
                let set = look(self, &zone, &key);
                let missing = || Code::SetNotFound.with(format!("{name} has no {rtype} records"));
                Ok(shown(&key, &set.ok_or_else(missing)?, None))
            }
            Method::PUT => {
                self.check(caller, Verb::Write, asked)?;
                let condition = Condition::of(request.headers());
                let body: SetBody = read_json(request, BODY_MAX).await?;
                let set = body.to_set(rtype, zone.origin(), self.ttl)?;
                let written = self.put(&zone, &key, (set.clone(), condition)).await?;
                let (serial, revision) = (written.serial, written.revision);
                audit(
                    "rest",
                    caller,
                    format_args!("put {name} {rtype}: serial {serial}, revision {revision}"),
                );
                Ok(shown(&key, &set, Some(written)))
            }
            Method::DELETE => {
                self.check(caller, Verb::Delete, asked)?;
                let condition = Condition::of(request.headers());
                let written = self.remove(&zone, &key, condition).await?;
                let (serial, revision) = (written.serial, written.revision);
                audit(
                    "rest",
                    caller,
                    format_args!("delete {name} {rtype}: serial {serial}, revision {revision}"),
                );
                let mut response = reply::empty();
                mark(&mut response, written);
                Ok(response)
            }
            _ => Err(Code::MethodNotAllowed.problem()),
        }
    }

    pub(super) async fn put(
        &self,
        zone: &LiveZone,
        key: &SetKey,
        (set, condition): (RecordSet, Condition),
    ) -> Result<Written, Problem> {
        let key = key.clone();
        let written = self.ledger.change(zone.origin(), move |draft| {
            condition.check(draft.set(key.name.view(), key.rtype).as_ref())?;
            draft.put(key.name.view(), key.rtype, set.clone())
        });
        let written = written.await?;
        count_write(zone, "rest");
        Ok(written)
    }

    async fn remove(
        &self,
        zone: &LiveZone,
        key: &SetKey,
        condition: Condition,
    ) -> Result<Written, Problem> {
        let key = key.clone();
        let written = self.ledger.change(zone.origin(), move |draft| {
            condition.check(draft.set(key.name.view(), key.rtype).as_ref())?;
            draft.remove(key.name.view(), key.rtype)
        });
        let written = written.await?;
        count_write(zone, "rest");
        Ok(written)
    }
}

pub(crate) fn count_write(zone: &LiveZone, door: &str) {
    let zone = zone.origin().to_string();
    metrics::WRITES.with(&[&zone, door]).inc();
}

fn shown(key: &SetKey, set: &RecordSet, written: Option<Written>) -> Response<Body> {
    let named = Named::new(&key.name.to_string(), key.rtype, set);
    let mut response = reply::json(StatusCode::OK, &named);
    if let Ok(tag) = HeaderValue::from_str(&named.etag) {
        response.headers_mut().insert(ETAG, tag);
    }
    if let Some(written) = written {
        mark(&mut response, written);
    }
    response
}

/// Says what a write has come to: the serial of the zone and the revision of the store.
pub(crate) fn mark(response: &mut Response<Body>, written: Written) {
    let headers = response.headers_mut();
    headers.insert("dns-serial", HeaderValue::from(written.serial));
    headers.insert("dns-revision", HeaderValue::from(written.revision));
}
