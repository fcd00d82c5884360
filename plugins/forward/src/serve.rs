//! The stage: which queries it takes, how many at once, and what it makes of the answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use catena_dns::{Name, NameRef, Rcode, Reply, Section};
use catena_plugin::{
    Flow, Next, Outcome, OwnedNext, OwnedQuery, Plugin, Query, StartContext, StartError, Transport,
};
use catena_transport::upstream::{TlsClient, TlsClientFiles};

use crate::attempts::{Asked, Asking, Failure};
use crate::check;
use crate::config::{self, Checks, Config};
use crate::merge::{self, Flight, Join, Key, Merging, Subnet};
use crate::metrics::Totals;
use crate::policy::Policy;
use crate::target::Protocol;
use crate::upstream::{Upstream, Way, give_id, give_question};

/// Queries that one directive has under way at most when `max_concurrent` says nothing.
const CONCURRENT_MAX: usize = 10_000;
/// So often a query waits for an equal one that then gave up, before it asks itself.
const FOLLOWS_MAX: usize = 3;

/// The stage of one directive.
pub(crate) struct Forward(Arc<Line>);

/// One directive, ready to serve.
pub(crate) struct Line {
    from: Name,
    except: Vec<Name>,
    transport: config::Transport,
    checks: Checks,
    concurrent: AtomicUsize,
    max_concurrent: usize,
    /// The rcodes that send a query to the next directive; empty if there is none.
    next: Vec<Rcode>,
    next_on_nodata: bool,
    merging: Merging<Asked>,
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    pub(crate) policy: Policy,
    pub(crate) read_timeout: std::time::Duration,
    pub(crate) max_connect_attempts: Option<usize>,
    pub(crate) failover: Vec<Rcode>,
    pub(crate) failfast: bool,
    pub(crate) totals: Totals,
}

impl Forward {
    /// The stage of `config`; `another_follows` if the block has a further directive.
    pub fn new(config: Config, another_follows: bool) -> Result<Forward, String> {
        let tls = tls_client(&config)?;
        let upstream = |target| Upstream::new(target, &config, tls.as_ref()).map(Arc::new);
        let upstreams: Vec<_> = config
            .targets
            .iter()
            .map(upstream)
            .collect::<Result<_, String>>()?;
        let limit = match config.max_concurrent {
            0 => CONCURRENT_MAX,
            max => max,
        };
        let attempts = config.max_connect_attempts.map(usize::try_from);
        let max_connect_attempts = match attempts {
            None => Some(2 * upstreams.len()),
            Some(Ok(0) | Err(_)) => None,
            Some(Ok(max)) => Some(max),
        };
        Ok(Forward(Arc::new(Line {
            from: config.from,
            except: config.except,
            transport: config.transport,
            checks: config.checks,
            concurrent: AtomicUsize::new(0),
            max_concurrent: limit,
            next: if another_follows {
                config.next
            } else {
                Vec::new()
            },
            next_on_nodata: another_follows && config.next_on_nodata,
            merging: Merging::new(),
            upstreams,
            policy: config.policy,
            read_timeout: config.read_timeout,
            max_connect_attempts,
            failover: config.failover,
            failfast: config.failfast,
            totals: Totals::new(),
        })))
    }
}

/// TLS as `tls` sets it; `None` if no upstream needs it and no file is to be checked.
fn tls_client(config: &Config) -> Result<Option<TlsClient>, String> {
    let wanted = config
        .targets
        .iter()
        .any(|target| target.protocol != Protocol::Dns);
    if !wanted && config.tls == TlsClientFiles::default() {
        return Ok(None);
    }
    let client = TlsClient::new(&config.tls);
    client.map(Some).map_err(|error| match config.tls.identity {
        Some(_) => format!("could not load TLS cert: {error}"),
        None => format!("error reading {error}"),
    })
}

impl Plugin for Forward {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let line = &self.0;
        if !line.takes(query.name()) {
            return next.serve(query);
        }
        let Some(place) = Place::take(line) else {
            line.totals.rejects.inc();
            let max = line.max_concurrent;
            let error = format!("concurrent queries exceeded maximum {max}");
            return Flow::Ready(Outcome::failed(Rcode::REFUSED, error));
        };
        let way = Way::new(line.transport, query.context().transport == Transport::Tcp);
        let task = Task {
            way,
            key: merge::is_plain(query).then(|| Key::new(query, way)),
            subnet: query
                .edns()
                .map(|edns| merge::subnet(edns.options))
                .unwrap_or_default(),
            udp_limit: query.udp_limit(),
            next: line.uses_next().then(|| next.keep()),
            query: query.keep(),
            place,
        };
        Flow::wait(task.run())
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let line = &self.0;
        for upstream in &line.upstreams {
            let (checks, transport) = (line.checks.clone(), line.transport);
            context.spawn(check::watch(Arc::clone(upstream), checks, transport));
        }
        Ok(())
    }
}

impl Line {
    fn takes(&self, name: NameRef<'_>) -> bool {
        let excepted = || self.except.iter().any(|zone| name.is_within(zone.view()));
        name.is_within(self.from.view()) && (name == self.from.view() || !excepted())
    }

    fn uses_next(&self) -> bool {
        self.next_on_nodata || !self.next.is_empty()
    }

    /// Whether `reply` sends the query to the next directive.
    fn passes_on(&self, reply: &Reply) -> bool {
        let nodata = || reply.rcode() == Rcode::NOERROR && reply.count(Section::Answer) == 0;
        self.next.contains(&reply.rcode()) || self.next_on_nodata && nodata()
    }
}

/// A place among the queries under way.
struct Place(Arc<Line>);

impl Place {
    fn take(line: &Arc<Line>) -> Option<Place> {
        if line.concurrent.fetch_add(1, Relaxed) < line.max_concurrent {
            return Some(Place(Arc::clone(line)));
        }
        line.concurrent.fetch_sub(1, Relaxed);
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.concurrent.fetch_sub(1, Relaxed);
    }
}

/// A query that waits for its answer.
struct Task {
    way: Way,
    /// What equal queries have in common; `None` if it is to be sent as it is.
    key: Option<Key>,
    subnet: Subnet,
    udp_limit: usize,
    /// The next directive, if an answer may send the query there.
    next: Option<OwnedNext>,
    query: OwnedQuery,
    place: Place,
}

impl Task {
    async fn run(self) -> Outcome {
        let Asked { answer, upstream } = self.answer().await;
        if let Some(upstream) = upstream {
            self.query
                .set_metadata("forward/upstream", || upstream.label.to_string());
        }
        let line = &*self.place.0;
        match answer {
            Ok(reply) if line.passes_on(&reply) => match &self.next {
                Some(next) => next.serve(&self.query).await,
                None => Outcome::reply(reply),
            },
            Ok(mut reply) => {
                give_id(&mut reply, self.query.packet());
                Outcome::reply(reply)
            }
            Err(Failure(text)) => Outcome::failed(Rcode::SERVFAIL, &*text),
        }
    }

    /// The answer, asked for or got from an equal query.
    async fn answer(&self) -> Asked {
        let Some(key) = &self.key else {
            return self.ask().await;
        };
        let line = &*self.place.0;
        for _ in 0..FOLLOWS_MAX {
            match line.merging.join(key, || self.subnet.clone()) {
                Join::Lead(flight) => {
                    let lead = Lead {
                        line,
                        key,
                        flight: Some(flight),
                    };
                    let asked = self.ask().await;
                    lead.end(&asked);
                    return asked;
                }
                Join::Follow(flight) => {
                    if let Some(asked) = flight.result().await {
                        let Some(mut shared) = asked.for_others(flight.subnet == self.subnet)
                        else {
                            return self.ask().await;
                        };
                        if let Ok(reply) = &mut shared.answer {
                            give_question(reply, self.query.packet());
                        }
                        return shared;
                    }
                }
            }
        }
        self.ask().await
    }

    async fn ask(&self) -> Asked {
        let line = &*self.place.0;
        Asking::new(line, self.query.packet(), self.way, self.udp_limit)
            .run()
            .await
    }
}

/// A query that others may follow; ends it also if it is dropped while it waits.
struct Lead<'a> {
    line: &'a Line,
    key: &'a Key,
    flight: Option<Arc<Flight<Asked>>>,
}

impl Lead<'_> {
    fn end(mut self, asked: &Asked) {
        if let Some(flight) = self.flight.take() {
            self.line
                .merging
                .end(self.key, &flight, || Some(asked.clone()));
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.line.merging.end(self.key, &flight, || None);
        }
    }
}
