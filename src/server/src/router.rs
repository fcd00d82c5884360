//! From a query's name to the chain of the server block that has the longest matching zone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use catena_dns::tsig::Keys;
use catena_dns::{Class, Name, NameRef, Opcode, Rcode, RecordType};
use catena_plugin::metrics::QueryCounts;
use catena_plugin::metrics::server::PANICS;
use catena_plugin::{Chain, Filter, Flow, Outcome, Query, Resolver, ServerConfig, ServerId};
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::certificate::Certificate;

/// The label `zone` of queries that meet no chain; without a final dot it is no zone.
const DROPPED: &str = "dropped";

/// One block as a listener sees it.
pub(crate) struct Route {
    pub chain: Arc<Chain>,
    /// Which queries it is for.
    pub filter: Option<Filter>,
    /// Whether panics end the process, as `debug` asks.
    pub debug: bool,
    pub accepts_updates: bool,
    /// Where answers to signed queries are signed.
    pub tsig_zones: Vec<Name>,
}

impl Route {
    fn admits(&self, query: &Query<'_>) -> bool {
        let filter = self.filter.as_ref();
        filter.is_none_or(|filter| filter.admits(query))
    }
}

/// The server blocks of one listener.
pub(crate) struct Router {
    pub id: Arc<ServerId>,
    dropped: QueryCounts,
    /// The blocks of each zone in the order of the Corefile: the first that admits a query has it.
    zones: HashMap<Box<[u8]>, SmallVec<[Arc<Route>; 1]>>,
    /// The zones' names, for the banner.
    names: Vec<Name>,
    /// The only block is one for the root and for all queries: no look-up is needed.
    catch_all: Option<Arc<Route>>,
    any_class: bool,
    /// Whether a block takes dynamic updates.
    pub accepts_updates: bool,
    /// The keys of all blocks.
    pub keys: Keys,
    /// What clients are shown; in plain text without.
    pub certificate: Option<Arc<Certificate>>,
}

impl Router {
    pub fn new(id: Arc<ServerId>) -> Self {
        let (zones, names) = (HashMap::new(), Vec::new());
        Router {
            dropped: QueryCounts::new(&id.address, DROPPED, ""),
            id,
            zones,
            names,
            catch_all: None,
            any_class: false,
            accepts_updates: false,
            keys: Keys::default(),
            certificate: None,
        }
    }

    /// Adds a zone of the block `config`, which `route` leads to.
    pub fn add(&mut self, zone: &Name, route: Arc<Route>, config: &ServerConfig) {
        self.any_class |= config.any_class;
        self.accepts_updates |= config.accepts_updates;
        self.keys.extend(&config.tsig_keys);
        let is_first = self.zones.is_empty();
        if !self.names.contains(zone) {
            self.names.push(zone.clone());
        }
        let key = zone.view().to_lower().wire().into();
        let routes = self.zones.entry(key).or_default();
        routes.push(Arc::clone(&route));
        let is_all = is_first && zone.view().is_root() && route.filter.is_none();
        self.catch_all = is_all.then_some(route);
    }

    pub fn zones(&self) -> &[Name] {
        &self.names
    }

    /// What `query` meets: the chain's outcome, or an error of the server's own.
    pub fn serve(&self, query: &Query<'_>) -> Flow {
        if query.qclass() != Class::IN && !self.any_class {
            return self.refuse(query);
        }
        if query.edns().is_some_and(|edns| edns.version != 0) {
            return Flow::Ready(bad_version(query));
        }
        match self.find(query) {
            None => self.refuse(query),
            Some(route) => self.enter(route, query),
        }
    }

    /// Whether the answer to a signed `query` is to be signed.
    pub fn seals(&self, query: &Query<'_>) -> bool {
        let Some(route) = self.find(query) else {
            return false;
        };
        let mut zones = route.tsig_zones.iter();
        zones.any(|zone| query.name().is_within(zone.view()))
    }

    fn refuse(&self, query: &Query<'_>) -> Flow {
        let outcome = Outcome::fail(Rcode::REFUSED);
        self.dropped.count(query, &outcome);
        Flow::Ready(outcome)
    }

    /// The route of the longest zone that the name is in and that has a block for the query.
    ///
    /// A DS query is for the parent's side of a cut, so it goes to the shortest zone but the root
    /// if there are several, as in CoreDNS.
    fn find(&self, query: &Query<'_>) -> Option<&Arc<Route>> {
        if let Some(route) = &self.catch_all {
            return Some(route);
        }
        let admitting = |zone: NameRef<'_>| {
            let mut routes = self.zones.get(zone.wire())?.iter();
            routes.find(|route| route.admits(query))
        };
        let zones = query.name().ancestors().filter(|zone| !zone.is_root());
        let mut found = zones.filter_map(admitting);
        let best = if query.qtype() == RecordType::DS {
            found.last()
        } else {
            found.next()
        };
        best.or_else(|| admitting(NameRef::ROOT))
    }

    fn enter(&self, route: &Arc<Route>, query: &Query<'_>) -> Flow {
        if route.chain.stages().is_empty() {
            return self.refuse(query);
        }
        if query.opcode() == Opcode::UPDATE && !route.accepts_updates {
            return Flow::Ready(Outcome::fail(Rcode::NOTIMP));
        }
        if route.debug {
            return route.chain.first().serve(query);
        }
        let chain = AssertUnwindSafe(|| route.chain.first().serve(query));
        match catch_unwind(chain) {
            Ok(flow) => flow,
            Err(panic) => Flow::Ready(self.recovered(&*panic)),
        }
    }

    /// The outcome of a query whose stage panicked.
    pub fn recovered(&self, panic: &(dyn std::any::Any + Send)) -> Outcome {
        PANICS.with(&[]).inc();
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown");
        tracing::error!(
            "Recovered from panic in server: \"{}\" {text}",
            self.id.address
        );
        Outcome::fail(Rcode::SERVFAIL)
    }
}

impl Resolver for Router {
    fn resolve(&self, query: &Query<'_>) -> Flow {
        self.serve(query)
    }
}

/// BADVERS with an OPT record of size 0, RFC 6891 section 6.1.3.
fn bad_version(query: &Query<'_>) -> Outcome {
    let mut reply = catena_dns::Reply::to(query);
    reply.set_rcode(Rcode::BADVERS);
    Outcome::reply(reply)
}
