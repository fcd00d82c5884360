//! The stage: answers from what etcd has, or had when it was heard last.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use catena_dns::{Name, NameRef, Rcode};
use catena_etcd::skydns::Prefix;
use catena_etcd::{Client, ClientOptions};
use catena_plugin::zones::{self, Fallthrough};
use catena_plugin::{
    Flow, Next, Outcome, OwnedNext, OwnedQuery, Plugin, Query, Readiness, StartContext, StartError,
};
use catena_transport::upstream::TlsClientFiles;
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::answer::{Answering, failed, negative};
use crate::facts::Facts;
use crate::fetch::fetch;
use crate::memory::Memory;
use crate::scope::{Scope, Watched};
use crate::service::{LeaseBounds, Trouble};

/// How long the start waits for the first list.
const STARTUP_TIME_MAX: Duration = Duration::from_secs(2);
/// How often an answer may turn out to lack something: the longest chain of aliases and a bit.
const ROUNDS_MAX: usize = 16;

/// The stage of one server block.
pub(crate) struct Etcd(Arc<Stage>);

struct Stage {
    zones: Vec<Name>,
    prefix: Arc<Prefix>,
    options: ClientOptions,
    fallthrough: Fallthrough,
    bounds: LeaseBounds,
    /// The watched zones, in the order of `zones`; none if they are not watched.
    scopes: Vec<Arc<Scope>>,
    client: OnceLock<Client>,
}

impl Etcd {
    /// A stage for `zones` that asks etcd for each query.
    pub fn new(zones: Vec<Name>, prefix: Prefix, options: ClientOptions) -> Etcd {
        Etcd(Arc::new(Stage {
            zones,
            prefix: Arc::new(prefix),
            options,
            fallthrough: Fallthrough::Never,
            bounds: LeaseBounds::default(),
            scopes: Vec::new(),
            client: OnceLock::new(),
        }))
    }

    /// Passes on what `fallthrough` allows.
    pub fn with_fallthrough(self, fallthrough: Fallthrough) -> Etcd {
        self.change(|stage| stage.fallthrough = fallthrough)
    }

    /// Bounds the TTLs of leases.
    pub fn with_bounds(self, bounds: LeaseBounds) -> Etcd {
        self.change(|stage| stage.bounds = bounds)
    }

    /// Keeps the zones in memory; `tls` are the files of TLS.
    pub fn watched(self, tls: &TlsClientFiles) -> Etcd {
        self.change(|stage| {
            let scopes = stage.zones.iter().map(|zone| stage.scope(zone, tls));
            stage.scopes = scopes.collect();
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Stage)) -> Etcd {
        // Nobody else has it before it is a stage.
        if let Some(stage) = Arc::get_mut(&mut self.0) {
            change(stage);
        }
        self
    }
}

impl Stage {
    fn scope(&self, zone: &Name, tls: &TlsClientFiles) -> Arc<Scope> {
        let key = self.prefix.key(zone.view());
        let key = key.unwrap_or_else(|| self.prefix.as_str().to_owned());
        Scope::shared(Watched {
            endpoints: self.options.endpoints.clone(),
            credentials: self.options.credentials.clone(),
            tls: tls.clone(),
            prefix: format!("{}/", key.trim_end_matches('/')),
            lease_ttls: (self.bounds.min, self.bounds.max),
        })
    }

    /// The watched names of `zone`.
    fn memory(&self, zone: &Name) -> Option<Arc<Memory>> {
        let at = self.zones.iter().position(|other| other == zone)?;
        self.scopes.get(at).map(|scope| Arc::clone(&scope.memory))
    }

    /// The outcome by what is known; `None` if the query is for the next stage.
    fn try_answer(&self, facts: &Facts, zone: NameRef<'_>, query: &Query<'_>) -> Option<Outcome> {
        let mut answering = Answering::new(facts, zone, query.qtype());
        let outcome = match answering.answer(query.name_as_asked()) {
            Ok(()) => Outcome::reply(answering.into_reply(query)),
            Err(Trouble::NoSuchName) if self.fallthrough.allows(query.name()) => return None,
            Err(Trouble::NoSuchName) => Outcome::reply(negative(query, zone, Rcode::NXDOMAIN)),
            Err(Trouble::Failed(error)) => failed(query, zone, error),
        };
        Some(outcome.live_if(facts.is_live()))
    }

    /// Fetches what `facts` lack until nothing is missing.
    async fn wait(
        self: Arc<Self>,
        query: OwnedQuery,
        next: OwnedNext,
        zone: Name,
        mut facts: Facts,
    ) -> Outcome {
        for _ in 0..ROUNDS_MAX {
            let answer = query.view(|query| self.try_answer(&facts, zone.view(), query));
            let missing = facts.take_missing();
            if missing.is_empty() {
                return match answer {
                    Some(outcome) => outcome,
                    None => next.serve(&query).await,
                };
            }
            let Some(client) = self.client.get() else {
                break;
            };
            facts.learn(fetch(client, self.bounds, &query, missing).await);
        }
        let error = "too many look-ups, one after the other".to_owned();
        query.view(|query| failed(query, zone.view(), error))
    }
}

impl Plugin for Etcd {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let stage = &self.0;
        let Some(zone) = zones::longest(&stage.zones, query.name()) else {
            return next.serve(query);
        };
        let memory = stage.memory(zone);
        let is_watched = memory.is_some();
        let facts = Facts::new(Arc::clone(&stage.prefix), memory);
        if is_watched {
            let answer = stage.try_answer(&facts, zone.view(), query);
            if facts.take_missing().is_empty() {
                return answer.map_or_else(|| next.serve(query), Flow::Ready);
            }
        }
        let stage = Arc::clone(stage);
        Flow::wait(stage.wait(query.keep(), next.keep(), zone.clone(), facts))
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let stage = &self.0;
        let client = Client::new(stage.options.clone(), context.background.clone());
        for scope in &stage.scopes {
            context.spawn(Arc::clone(scope).follow(client.clone()));
        }
        let _first = stage.client.set(client);
        Ok(())
    }

    fn started(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        if self.0.scopes.is_empty() {
            return None;
        }
        let scopes = self.0.scopes.clone();
        Some(Box::pin(async move {
            let synced = scopes.iter().map(|scope| scope.memory.wait());
            let _late = timeout(STARTUP_TIME_MAX, join_all(synced)).await;
        }))
    }

    fn ready(&self) -> Readiness {
        let scopes = &self.0.scopes;
        match scopes.iter().all(|scope| scope.memory.is_synced()) {
            _ if scopes.is_empty() => Readiness::Always,
            true => Readiness::Ready,
            false => Readiness::NotReady,
        }
    }
}
