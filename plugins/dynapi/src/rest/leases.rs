//! Leases: begun, renewed, looked at and ended.

use catena_records::{LEASE_TTL_MAX, LeaseId};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::body::{BODY_MAX, print_lease, read_json, read_lease};
use super::problem::{Code, Problem};
use super::{Api, Replied, audit, reply};
use crate::access::Caller;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLease {
    ttl: u32,
}

impl Api {
    /// Begins a lease. Whoever knows its name may renew and end it.
    pub(super) async fn begin_lease(&self, request: Request<Incoming>, caller: &Caller) -> Replied {
        if request.method() != Method::POST {
            return Err(Code::MethodNotAllowed.problem());
        }
        self.check_writer(caller)?;
        let asked: NewLease = read_json(request, BODY_MAX).await?;
        if !(1..=LEASE_TTL_MAX).contains(&asked.ttl) {
            let detail = format!("a lease has from 1 to {LEASE_TTL_MAX} seconds");
            return Err(Code::InvalidSet.with(detail));
        }
        let lease = self.ledger.begin_lease(asked.ttl).await?;
        audit(
            "rest",
            caller,
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
        caller: &Caller,
    ) -> Replied {
        self.check_writer(caller)?;
        let id = read_lease(id)?;
        match *request.method() {
            Method::GET | Method::HEAD => self.show_lease(id),
            Method::DELETE => {
                self.ledger.end_lease(id).await?;
                audit("rest", caller, format_args!("ends a lease"));
                Ok(reply::empty())
            }
            _ => Err(Code::MethodNotAllowed.problem()),
        }
    }

    /// Renews a lease.
    pub(super) async fn renew_lease(
        &self,
        request: &Request<Incoming>,
        id: &str,
        caller: &Caller,
    ) -> Replied {
        if !matches!(*request.method(), Method::POST | Method::PUT) {
            return Err(Code::MethodNotAllowed.problem());
        }
        self.check_writer(caller)?;
        let id = read_lease(id)?;
        self.ledger.renew_lease(id).await?;
        self.show_lease(id)
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

    fn check_writer(&self, caller: &Caller) -> Result<(), Problem> {
        match self.access.may_write(caller) {
            true => Ok(()),
            false => Err(Code::Denied.with(format!("{caller} may not write"))),
        }
    }
}
