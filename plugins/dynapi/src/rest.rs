//! The REST API: finds what a request is for, and who asks.

mod body;
mod changes;
mod leases;
mod legacy;
mod master;
mod path;
mod problem;
mod records;
mod reply;
mod watch;
mod zones;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use catena_dns::{Name, NameRef, RecordType};
use catena_http::{Address, Asked, Body, Pages, Peer, Service};
use catena_records::{Ledger, LiveZone};
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Request, Response, StatusCode};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::access::{Access, Caller, Verb, Who};
use crate::metrics;
use crate::tls;
use path::Target;
pub(crate) use problem::Code;
use problem::Problem;
pub(crate) use records::count_write;

/// Requests that are worked on at once.
const REQUESTS_MAX: usize = 512;
/// Clients that follow changes at once; each holds a connection.
const WATCHERS_MAX: usize = 64;
/// What there is to know of the API, for programs.
const OPENAPI: &str = include_str!("../openapi.json");

/// What a request is answered with.
pub(crate) type Replied = Result<Response<Body>, Problem>;

/// The APIs of the process by address: several server blocks may share one.
static OPEN: Mutex<Vec<(Address, Weak<Api>)>> = Mutex::new(Vec::new());

/// The API of one server block.
#[derive(Clone)]
pub(crate) struct Rest(Arc<Api>);

pub(crate) struct Api {
    address: Address,
    pub ledger: Arc<Ledger>,
    pub zones: Vec<Arc<LiveZone>>,
    pub access: Arc<Access>,
    pub ttl: u32,
    room: Semaphore,
    watchers: Arc<Semaphore>,
}

impl Rest {
    pub fn new(
        ledger: &Arc<Ledger>,
        zones: &[Arc<LiveZone>],
        (access, ttl): (Arc<Access>, u32),
        address: &Address,
    ) -> Rest {
        let api = Arc::new(Api {
            address: address.clone(),
            ledger: Arc::clone(ledger),
            zones: zones.to_vec(),
            access,
            ttl,
            room: Semaphore::new(REQUESTS_MAX),
            watchers: Arc::new(Semaphore::new(WATCHERS_MAX)),
        });
        let mut open = OPEN.lock();
        open.retain(|(_, api)| api.strong_count() > 0);
        open.push((address.clone(), Arc::downgrade(&api)));
        Rest(api)
    }
}

impl Pages for Rest {
    fn answer(&self, _: &Asked) -> Option<catena_http::Answer> {
        None
    }

    fn service(&self, asked: &Asked) -> Option<Arc<dyn Service>> {
        let is_ours = asked.path.starts_with("/v1/") || path::is_legacy(&asked.path);
        is_ours.then(|| Arc::new(self.clone()) as Arc<dyn Service>)
    }
}

impl Service for Rest {
    fn respond(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        let (api, peer) = (Arc::clone(&self.0), peer.clone());
        Box::pin(async move {
            let is_legacy = path::is_legacy(request.uri().path());
            let api = match path::zone_of(request.uri().path()) {
                Some(zone) => api.of_zone(&zone.to_string()),
                None => api,
            };
            let replied = match is_legacy {
                true => api.legacy(request, &peer).await,
                false => api.respond(request, &peer).await,
            };
            replied.unwrap_or_else(|problem| {
                let door = if is_legacy { "legacy" } else { "rest" };
                metrics::REFUSALS.with(&[door, problem.code.text()]).inc();
                if is_legacy {
                    problem.plain()
                } else {
                    problem.reply()
                }
            })
        })
    }
}

impl Api {
    /// The latest API at the same address that has `zone`; this one if none has.
    fn of_zone(self: &Arc<Self>, zone: &str) -> Arc<Api> {
        let open = OPEN.lock();
        let here = open
            .iter()
            .rev()
            .filter(|(address, _)| *address == self.address);
        let mut apis = here.filter_map(|(_, api)| api.upgrade());
        let has_zone = |api: &Arc<Api>| {
            let mut zones = api.zones.iter();
            zones.any(|own| own.origin().to_string() == zone)
        };
        apis.find(has_zone).unwrap_or_else(|| Arc::clone(self))
    }

    async fn respond(self: &Arc<Self>, request: Request<Incoming>, peer: &Peer) -> Replied {
        let target = Target::read(request.uri().path())?;
        if target == Target::OpenApi {
            zones::only_get(&request)?;
            return Ok(reply::whole(StatusCode::OK, "application/json", OPENAPI));
        }
        let _place = self.room.try_acquire().map_err(|_| Code::Busy.problem())?;
        let caller = self.caller(request.headers(), peer)?;
        match target {
            Target::OpenApi => Err(Code::NotFound.problem()),
            Target::Leases => self.begin_lease(request, &caller).await,
            Target::Lease(id) => self.lease(&request, &id, &caller).await,
            Target::Renewal(id) => self.renew_lease(&request, &id, &caller).await,
            Target::Changes(zone) => {
                let zone = Arc::clone(self.zone(zone)?);
                self.change(request, zone, &caller).await
            }
            Target::Watch(zone) => {
                let zone = Arc::clone(self.zone(zone)?);
                self.watch(&request, zone, caller)
            }
            Target::Export(zone) => {
                let zone = Arc::clone(self.zone(zone)?);
                self.export(&request, zone, caller).await
            }
            Target::Import(zone) => {
                let zone = Arc::clone(self.zone(zone)?);
                self.import(request, zone, &caller).await
            }
            Target::Zones => self.list_zones(&request, &caller),
            Target::Zone(zone) => self.show_zone(&request, self.zone(zone)?, &caller),
            Target::Listing(zone) => {
                let zone = Arc::clone(self.zone(zone)?);
                self.list_records(&request, zone, caller).await
            }
            Target::Set(zone, name, rtype) => {
                let zone = Arc::clone(self.zone(zone)?);
                self.set(request, (zone, &name, rtype), &caller).await
            }
        }
    }

    /// Who asks; an error if nobody knows him.
    fn caller(&self, headers: &HeaderMap, peer: &Peer) -> Result<Caller, Problem> {
        let mut who = Vec::new();
        if let Some(value) = headers.get(AUTHORIZATION) {
            let value = value.to_str().unwrap_or_default();
            let (scheme, secret) = value.split_once(' ').unwrap_or((value, ""));
            if !scheme.eq_ignore_ascii_case("bearer") {
                return Err(Code::Unauthorized.with("a bearer token is expected"));
            }
            let token = self.access.token(secret.trim());
            who.push(token.ok_or_else(|| Code::Unauthorized.with("the token is not known"))?);
        }
        for (name, host) in &self.access.certificates {
            if tls::is_issued_to(peer, host) {
                who.push(Who::Certificate(name.clone()));
            }
        }
        let caller = self.access.caller(peer.address.ip(), who);
        match self.access.knows(&caller) {
            true => Ok(caller),
            false => Err(Code::Unauthorized.problem()),
        }
    }

    fn zone(&self, name: Name) -> Result<&Arc<LiveZone>, Problem> {
        let mut zones = self.zones.iter();
        let zone = zones.find(|zone| zone.origin() == name.view());
        zone.ok_or_else(|| Code::ZoneNotFound.with(format!("{name} is not a zone of this server")))
    }

    fn check(
        &self,
        caller: &Caller,
        verb: Verb,
        set: (NameRef<'_>, RecordType),
    ) -> Result<(), Problem> {
        match self.access.allows(caller, verb, set) {
            true => Ok(()),
            false => {
                let (name, rtype) = set;
                let what = match verb {
                    Verb::Read => "read",
                    Verb::Write => "write",
                    Verb::Delete => "delete",
                };
                let detail = format!("{caller} may not {what} {name} {rtype}");
                Err(Code::Denied.with(detail))
            }
        }
    }
}

/// A line in the log for each write.
pub(crate) fn audit(door: &str, caller: &Caller, what: std::fmt::Arguments<'_>) {
    tracing::info!(target: "plugin/dynapi", "{door}: {caller} {what}");
}
