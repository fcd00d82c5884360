//! The older API: `/dynapi`, as SOFAMesh's controller speaks it.

use std::collections::BTreeMap;
use std::sync::Arc;

use catena_dns::{Name, RecordType};
use catena_http::{Body, Peer};
use catena_records::{Draft, RecordSet, Refusal};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::body::{BODY_MAX, read_address, read_octets};
use super::problem::{EXISTS, Problem};
use super::records::count_write;
use super::zones::only;
use super::{Api, Replied, audit, reply};
use crate::access::{Caller, Verb};

/// The TTL of a record that is written without one.
const TTL: u32 = 3600;

/// What a body says; names of fields count in any case.
#[derive(Debug, Default)]
struct Asked {
    zone: String,
    name: String,
    rtype: String,
    address: String,
    ttl: u32,
}

impl Asked {
    fn read(octets: &[u8]) -> Option<Asked> {
        let fields: BTreeMap<String, Value> = serde_json::from_slice(octets).ok()?;
        let mut asked = Asked::default();
        for (key, value) in fields {
            let place = match key.to_ascii_lowercase().as_str() {
                "zone" => &mut asked.zone,
                "name" => &mut asked.name,
                "type" => &mut asked.rtype,
                "address" => &mut asked.address,
                "ttl" => {
                    asked.ttl = u32::try_from(value.as_u64()?).ok()?;
                    continue;
                }
                _ => continue,
            };
            value.as_str()?.clone_into(place);
        }
        Some(asked)
    }
}

/// What is to be done, read and checked.
#[derive(Clone)]
struct Action {
    verb: Method,
    name: Name,
    rtype: RecordType,
    set: RecordSet,
}

impl Api {
    /// Serves a request of the older API.
    pub(super) async fn legacy(
        self: &Arc<Self>,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Replied {
        only(
            &request,
            &[Method::POST, Method::PUT, Method::PATCH, Method::DELETE],
        )?;
        let headers = request.headers().clone();
        let verb = request.method().clone();
        let octets = read_octets(request, BODY_MAX).await?;
        let Some(asked) = Asked::read(&octets) else {
            return Ok(refused(500, "the body is not JSON"));
        };
        let zone = asked.zone.parse::<Name>();
        let api = zone.map_or_else(|_| Arc::clone(self), |zone| self.of_zone(zone.view()));
        let caller = api.caller(&headers, peer)?;
        api.write_legacy(verb, &asked, &caller).await
    }

    async fn write_legacy(&self, verb: Method, asked: &Asked, caller: &Caller) -> Replied {
        // The zone as the Corefile has it, its last dot too.
        let mut zones = self.zones.iter();
        let Some(zone) = zones.find(|zone| zone.origin().to_string() == asked.zone) else {
            return Ok(refused(400, "Zone not found"));
        };
        let name = match asked.name.as_str() {
            "" | "@" => Ok(zone.origin().to_name()),
            name => Name::parse(name.trim_end_matches('.'), zone.origin()),
        };
        let Ok(name) = name else {
            return Ok(refused(400, "the name makes no sense"));
        };
        let rtype = match asked.rtype.as_str() {
            "A" => RecordType::A,
            "AAAA" => RecordType::AAAA,
            _ => return Ok(refused(400, "Record type not supported")),
        };
        let ttl = if asked.ttl == 0 { TTL } else { asked.ttl };
        let set = match read_address(rtype, &asked.address) {
            Ok(data) => RecordSet::new(rtype, ttl, vec![data]),
            Err(problem) => return Ok(refused(400, &problem.detail)),
        };
        let Some(set) = set else {
            return Ok(refused(400, "the address makes no sense"));
        };
        let needed = match verb {
            Method::DELETE => Verb::Delete,
            _ => Verb::Write,
        };
        self.check(caller, needed, (name.view(), rtype))?;
        let action = Action {
            verb: verb.clone(),
            name: name.view().to_lower(),
            rtype,
            set,
        };
        let written = self
            .ledger
            .change(zone.origin(), move |draft| action.apply(draft));
        match written.await {
            Ok(written) => {
                count_write(zone, "legacy");
                let serial = written.serial;
                audit(
                    "legacy",
                    caller,
                    format_args!("{verb} {name} {rtype}: serial {serial}"),
                );
                Ok(reply::whole(StatusCode::OK, "application/json", "OK"))
            }
            Err(Refusal::Condition(_, text)) => Ok(refused(400, &text)),
            Err(refusal) => Err(Problem::from(refusal)),
        }
    }
}

impl Action {
    fn apply(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let name = self.name.view();
        let addresses = [RecordType::A, RecordType::AAAA];
        let has_some = addresses
            .iter()
            .any(|rtype| draft.set(name, *rtype).is_some());
        let missing = || Refusal::Condition(EXISTS, "Record does not exist".to_owned());
        match self.verb {
            Method::DELETE => {
                let set = draft.set(name, self.rtype);
                let rdata = self.set.data.first();
                let own = set.zip(rdata);
                let own = own.filter(|(set, rdata)| set.ttl == self.set.ttl && set.has(rdata));
                let (mut set, rdata) = own.ok_or_else(missing)?;
                set.data.retain(|own| own != rdata);
                return match set.data.is_empty() {
                    true => draft.remove(name, self.rtype),
                    false => draft.put(name, self.rtype, set),
                };
            }
            Method::POST if has_some => {
                let text = "Record already exists".to_owned();
                return Err(Refusal::Condition(EXISTS, text));
            }
            Method::PATCH if !has_some => return Err(missing()),
            _ => {}
        }
        for rtype in addresses.iter().filter(|rtype| **rtype != self.rtype) {
            draft.remove(name, *rtype)?;
        }
        draft.put(name, self.rtype, self.set.clone())
    }
}

fn refused(status: u16, text: &str) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or_default();
    reply::text(status, format!("{text}\n"))
}
