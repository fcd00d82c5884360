//! Zones and what is in them.

use std::collections::BTreeMap;

use catena_dns::{Name, NameRef, RecordType};
use catena_http::Peer;
use catena_index::{Node, Zone};
use catena_records::{LiveZone, RecordSet, SetKey};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::path::{query_value, read_name, read_type};
use super::problem::{Code, Problem};
use super::records::Named;
use super::{Api, Replied, reply};
use crate::access::{Caller, Verb};

/// Names on a page, if not said otherwise, and at most.
const PAGE: (usize, usize) = (100, 1000);

impl Api {
    /// The zones of all server blocks that share the address, as far as the client may see them.
    pub(super) fn list_zones(&self, request: &Request<Incoming>, peer: &Peer) -> Replied {
        only_get(request)?;
        let mut zones: BTreeMap<String, Value> = BTreeMap::new();
        for (api, caller) in self.that_know(request.headers(), peer)? {
            for zone in api.zones.iter().filter(|zone| api.may_see(&caller, zone)) {
                let place = zones.entry(zone.origin().to_string());
                // While a Corefile is reloaded, two generations have it.
                place.or_insert_with(|| describe(zone));
            }
        }
        let zones = Vec::from_iter(zones.into_values());
        Ok(reply::json(StatusCode::OK, &json!({ "zones": zones })))
    }

    pub(super) fn show_zone(
        &self,
        request: &Request<Incoming>,
        zone: &LiveZone,
        caller: &Caller,
    ) -> Replied {
        only_get(request)?;
        match self.may_see(caller, zone) {
            true => Ok(reply::json(StatusCode::OK, &describe(zone))),
            false => Err(Code::Denied.with(format!("{caller} may not read {}", zone.origin()))),
        }
    }

    fn may_see(&self, caller: &Caller, zone: &LiveZone) -> bool {
        let apex = (zone.origin(), RecordType::SOA);
        self.access.allows(caller, Verb::Read, apex)
    }

    /// A page of the records of a zone, name by name in an order of the zone's own.
    pub(super) fn list_records(
        &self,
        request: &Request<Incoming>,
        zone: &LiveZone,
        caller: &Caller,
    ) -> Replied {
        only_get(request)?;
        let query = request.uri().query();
        let after = query_value(query, "after")?;
        let rtype = query_value(query, "type")?;
        let rtype = rtype.as_deref().map(read_type).transpose()?;
        let limit = match query_value(query, "limit")? {
            None => PAGE.0,
            Some(text) => match text.parse() {
                Ok(limit @ 1..=1000) => limit,
                _ => {
                    let detail = format!("limit must be from 1 to {}", PAGE.1);
                    return Err(Code::InvalidSet.with(detail));
                }
            },
        };
        let shown = zone.zone().clone();
        let shown = shown.ok_or_else(|| Code::Unavailable.with("the zone is not loaded yet"))?;
        let after = after.map(|after| read_place(&shown, &after)).transpose()?;
        let page = self.page(&shown, (after, limit), rtype, caller);
        Ok(reply::json(StatusCode::OK, &page))
    }

    fn page(
        &self,
        zone: &Zone,
        (after, limit): (Option<Name>, usize),
        rtype: Option<RecordType>,
        caller: &Caller,
    ) -> Value {
        let nodes = zone.page(after.as_ref().map(Name::view), limit + 1);
        let mut sets = Vec::new();
        for node in nodes.iter().take(limit) {
            for (own, set) in sets_at(self, zone, *node) {
                let is_asked = rtype.is_none_or(|rtype| rtype == own);
                if is_asked && self.access.allows(caller, Verb::Read, (node.name(), own)) {
                    sets.push(Named::new(&node.name().to_string(), own, &set));
                }
            }
        }
        let has_more = nodes.len() > limit;
        let last = nodes.get(limit - 1).filter(|_| has_more);
        json!({
            "serial": zone.serial(),
            "records": sets,
            "next": last.map(|node| print_place(zone, node.name())),
        })
    }
}

pub(crate) fn only_get(request: &Request<Incoming>) -> Result<(), Problem> {
    only(request, &[Method::GET, Method::HEAD])
}

/// Refuses a request by another method than `methods`.
pub(crate) fn only(request: &Request<Incoming>, methods: &[Method]) -> Result<(), Problem> {
    match methods.contains(request.method()) {
        true => Ok(()),
        false => Err(Code::MethodNotAllowed.problem()),
    }
}

fn describe(zone: &LiveZone) -> Value {
    let mark = zone.mark();
    let records = zone.zone().as_ref().map(|zone| zone.record_count());
    json!({
        "name": zone.origin().to_string(),
        "serial": mark.serial,
        "revision": mark.revision,
        "records": records.unwrap_or(0),
        "ready": records.is_some(),
    })
}

/// All sets at `node`, with their leases.
pub(crate) fn sets_at(api: &Api, zone: &Zone, node: Node<'_>) -> Vec<(RecordType, RecordSet)> {
    let mut sets: Vec<(RecordType, RecordSet)> = Vec::new();
    let soa = zone.soa().filter(|_| node.is(zone.apex()));
    for record in soa.into_iter().chain(node.records()) {
        let data = record.rdata().into();
        match sets.iter_mut().find(|(rtype, _)| *rtype == record.rtype()) {
            Some((_, set)) => set.data.push(data),
            None => {
                let key = SetKey::new(node.name(), record.rtype());
                let set = RecordSet {
                    ttl: record.ttl(),
                    data: vec![data],
                    lease: api.ledger.leases(|leases| leases.of(&key)),
                };
                sets.push((record.rtype(), set));
            }
        }
    }
    sets
}

/// Where a page ends, in the order of the zone's names.
fn print_place(zone: &Zone, name: NameRef<'_>) -> String {
    format!("{:016x}-{name}", zone.order())
}

/// The name after which a page begins.
fn read_place(zone: &Zone, text: &str) -> Result<Name, Problem> {
    let (order, name) = text.split_once('-').unwrap_or_default();
    match u64::from_str_radix(order, 16) {
        Ok(order) if order == zone.order() => read_name(name),
        Ok(_) => Err(Code::Gone.with("the names stand in another order now: list them anew")),
        Err(_) => {
            let detail = format!("{text:?} is not what a page said in 'next'");
            Err(Code::InvalidName.with(detail))
        }
    }
}
