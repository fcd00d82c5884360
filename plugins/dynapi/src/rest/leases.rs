//! Leases: begun, renewed, looked at and ended.

use std::sync::Arc;

use catena_http::Peer;
use catena_records::{LEASE_TTL_MAX, LeaseId};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::body::{BODY_MAX, print_lease, read_json, read_lease};
use super::path::read_name;
use super::problem::{Code, Problem};
use super::zones::only;
use super::{Api, Replied, audit, reply};
use crate::access::Caller;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLease {
    ttl: u32,
    /// A zone that the lease is for.
    #[serde(default)]
    zone: Option<String>,
}

/// A block at the address, and who asks there.
type Known = (Arc<Api>, Caller);

impl Api {
    /// Begins a lease. Whoever knows its name may renew and end it.
    pub(super) async fn begin_lease(&self, request: Request<Incoming>, peer: &Peer) -> Replied {
        only(&request, &[Method::POST])?;
        let writers = self.writers(&request, peer)?;
        let asked: NewLease = read_json(request, BODY_MAX).await?;
        if !(1..=LEASE_TTL_MAX).contains(&asked.ttl) {
            let detail = format!("a lease has from 1 to {LEASE_TTL_MAX} seconds");
            return Err(Code::InvalidSet.with(detail));
        }
        let (api, caller) = choose(writers, asked.zone.as_deref())?;
        let lease = api.ledger.begin_lease(asked.ttl).await?;
        audit(
            "rest",
            &caller,
            format_args!("begins a lease of {} s", asked.ttl),
        );
        let body = json!({ "lease": print_lease(lease), "ttl": asked.ttl });
        Ok(reply::json(StatusCode::CREATED, &body))
    }

    /// Looks at a lease, or ends it.
    pub(super) async fn lease(
        &self,
        request: &Request<Incoming>,
        id: &str,
        peer: &Peer,
    ) -> Replied {
        let ends = match *request.method() {
            Method::GET | Method::HEAD => false,
            Method::DELETE => true,
            _ => return Err(Code::MethodNotAllowed.problem()),
        };
        let (id, (api, caller)) = self.holder(request, id, peer)?;
        if !ends {
            return api.show_lease(id);
        }
        api.ledger.end_lease(id).await?;
        audit("rest", &caller, format_args!("ends a lease"));
        Ok(reply::empty())
    }

    /// Renews a lease.
    pub(super) async fn renew_lease(
        &self,
        request: &Request<Incoming>,
        id: &str,
        peer: &Peer,
    ) -> Replied {
        only(request, &[Method::POST, Method::PUT])?;
        let (id, (api, _)) = self.holder(request, id, peer)?;
        api.ledger.renew_lease(id).await?;
        api.show_lease(id)
    }

    /// The lease `id`, and the block whose store has it.
    fn holder(
        &self,
        request: &Request<Incoming>,
        id: &str,
        peer: &Peer,
    ) -> Result<(LeaseId, Known), Problem> {
        let writers = self.writers(request, peer)?;
        let id = read_lease(id)?;
        let has = |api: &Api| api.ledger.leases(|leases| leases.has(id));
        let found = writers.into_iter().find(|(api, _)| has(api));
        let found = found.ok_or_else(|| Code::LeaseNotFound.problem())?;
        Ok((id, found))
    }

    /// The blocks at the address where the client may write.
    fn writers(&self, request: &Request<Incoming>, peer: &Peer) -> Result<Vec<Known>, Problem> {
        let mut known = self.that_know(request.headers(), peer)?;
        let first = known.first().map(|(_, caller)| caller.to_string());
        known.retain(|(api, caller)| api.access.may_write(caller));
        match known.is_empty() {
            true => {
                let caller = first.unwrap_or_default();
                Err(Code::Denied.with(format!("{caller} may not write")))
            }
            false => Ok(known),
        }
    }

    fn show_lease(&self, id: LeaseId) -> Replied {
        let looked = self.ledger.leases(|leases| leases.look(id));
        let (ttl, left, sets) = looked.ok_or_else(|| Code::LeaseNotFound.problem())?;
        let sets: Vec<_> = sets
            .iter()
            .map(|key| json!({ "name": key.name.to_string(), "type": key.rtype.to_string() }))
            .collect();
        let body = json!({ "lease": print_lease(id), "ttl": ttl, "left": left, "records": sets });
        Ok(reply::json(StatusCode::OK, &body))
    }
}

/// The block whose store is to have a lease: that of `zone`, or the only one.
fn choose(writers: Vec<Known>, zone: Option<&str>) -> Result<Known, Problem> {
    let mut writers = writers.into_iter();
    if let Some(zone) = zone {
        let zone = read_name(zone)?;
        let missing = || Code::ZoneNotFound.with(format!("{zone} is not a zone to be written"));
        let found = writers.find(|(api, _)| api.has_zone(zone.view()));
        return found.ok_or_else(missing);
    }
    let first = writers.next().ok_or_else(|| Code::Denied.problem())?;
    match writers.all(|(other, _)| Arc::ptr_eq(&other.ledger, &first.0.ledger)) {
        true => Ok(first),
        false => Err(Code::InvalidJson.with("say for which 'zone': several stores are here")),
    }
}
