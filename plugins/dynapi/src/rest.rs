//! The REST API: finds what a request is for, and who asks.

mod body;
mod changes;
pub(crate) mod doors;
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
use std::sync::Arc;

use catena_dns::{Name, NameRef, RecordType};
use catena_http::{Asked, Body, Pages, Peer, Service};
use catena_records::{Ledger, LiveZone};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, ORIGIN};
use hyper::{HeaderMap, Request, Response, StatusCode};
use tokio::sync::Semaphore;

use crate::access::{Access, Caller, Verb, Who};
use crate::metrics;
use crate::serve::Listen;
use crate::tls;
use path::{Part, Target};
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

/// The API of one server block.
#[derive(Clone)]
pub(crate) struct Rest(Arc<Api>);

pub(crate) struct Api {
    pub listen: Listen,
    pub ledger: Arc<Ledger>,
    pub zones: Vec<Arc<LiveZone>>,
    pub access: Arc<Access>,
    pub ttl: u32,
    room: Semaphore,
    watchers: Arc<Semaphore>,
}

impl Rest {
    /// The API of a block; an error if it cannot share the address with those of other blocks.
    pub fn new(
        ledger: &Arc<Ledger>,
        zones: &[Arc<LiveZone>],
        (access, ttl): (Arc<Access>, u32),
        listen: &Listen,
    ) -> Result<Rest, String> {
        let api = Arc::new(Api {
            listen: listen.clone(),
            ledger: Arc::clone(ledger),
            zones: zones.to_vec(),
            access,
            ttl,
            room: Semaphore::new(REQUESTS_MAX),
            watchers: Arc::new(Semaphore::new(WATCHERS_MAX)),
        });
        doors::join(&api)?;
        Ok(Rest(api))
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
            let replied = match is_legacy {
                _ if request.headers().contains_key(ORIGIN) => Err(no_browsers()),
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

/// What a web page gets: it may come from anywhere, and would speak with the rights that its
/// reader's machine has by `allow net:`.
fn no_browsers() -> Problem {
    Code::Denied.with("requests with the header Origin, which web pages send, are refused")
}

impl Api {
    /// The latest API at the same address that has `zone`; this one if none has.
    fn of_zone(self: &Arc<Self>, zone: NameRef<'_>) -> Arc<Api> {
        let mut apis = doors::at(&self.listen.address).into_iter();
        let found = apis.find(|api| api.has_zone(zone));
        found.unwrap_or_else(|| Arc::clone(self))
    }

    fn has_zone(&self, zone: NameRef<'_>) -> bool {
        self.zones.iter().any(|own| own.origin() == zone)
    }

    async fn respond(self: &Arc<Self>, request: Request<Incoming>, peer: &Peer) -> Replied {
        let target = Target::read(request.uri().path())?;
        if target == Target::OpenApi {
            zones::only_get(&request)?;
            return Ok(reply::whole(StatusCode::OK, "application/json", OPENAPI));
        }
        let _place = self.room.try_acquire().map_err(|_| Code::Busy.problem())?;
        match target {
            Target::OpenApi => Err(Code::NotFound.problem()),
            Target::Zones => self.list_zones(&request, peer),
            Target::Leases => self.begin_lease(request, peer).await,
            Target::Lease(id) => self.lease(&request, &id, peer).await,
            Target::Renewal(id) => self.renew_lease(&request, &id, peer).await,
            Target::Of(zone, part) => {
                let api = self.of_zone(zone.view());
                let caller = api.caller(request.headers(), peer)?;
                let zone = Arc::clone(api.zone(zone)?);
                api.respond_of_zone(request, (zone, part), caller).await
            }
        }
    }

    /// Answers a request that is for `part` of `zone`.
    async fn respond_of_zone(
        self: &Arc<Self>,
        request: Request<Incoming>,
        (zone, part): (Arc<LiveZone>, Part),
        caller: Caller,
    ) -> Replied {
        match part {
            Part::Whole => self.show_zone(&request, &zone, &caller),
            Part::Changes => self.change(request, zone, &caller).await,
            Part::Watch => self.watch(&request, zone, caller),
            Part::Export => self.export(&request, zone, caller).await,
            Part::Import => self.import(request, zone, &caller).await,
            Part::Listing => self.list_records(&request, &zone, &caller),
            Part::Set(name, rtype) => self.set(request, (zone, &name, rtype), &caller).await,
        }
    }

    /// The APIs at the same address whose blocks know who asks, the latest first.
    fn that_know(
        &self,
        headers: &HeaderMap,
        peer: &Peer,
    ) -> Result<Vec<(Arc<Api>, Caller)>, Problem> {
        let mut known = Vec::new();
        let mut stranger = Code::Unauthorized.problem();
        for api in doors::at(&self.listen.address) {
            match api.caller(headers, peer) {
                Ok(caller) => known.push((api, caller)),
                Err(problem) => stranger = problem,
            }
        }
        match known.is_empty() {
            true => Err(stranger),
            false => Ok(known),
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
