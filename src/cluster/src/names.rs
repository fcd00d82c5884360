//! The stage that answers names of a cluster.

mod alias;
mod external;
mod find;
mod lookup;
mod metadata;
mod nameserver;
mod reverse;
mod search;
mod service_records;
mod writing;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use catena_dns::{Name, NameRef, Rcode, RecordType, Reply};
use catena_plugin::zones::Fallthrough;
use catena_plugin::{
    ExternalNames, Flow, Next, Outcome, Plugin, Query, Readiness, SearchPaths, StartContext,
    StartError,
};
use hashbrown::HashSet;

use crate::cluster::Cluster;
use crate::question::{Grammar, is_reverse};
use crate::store::Serial;

pub use metadata::METADATA;

use find::{Family, Found, Hosts};

/// SOA records live no longer than this.
const SOA_TTL_MAX: u32 = 300;
/// How often the log says that a start waits.
const WAITING_LOG: Duration = Duration::from_millis(500);

/// What pods have names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pods {
    /// None.
    #[default]
    Disabled,
    /// All that could be, whether they are there or not.
    Insecure,
    /// Those that are there.
    Verified,
}

/// A zone that is answered for.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub name: Name,
    pub grammar: Grammar,
    /// Reverse names are in it.
    pub holds_reverse: bool,
}

/// What one directive says, beside what to watch.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub zones: Vec<Zone>,
    /// The zone that names of reverse answers are in.
    pub primary: Name,
    pub ttl: u32,
    pub pods: Pods,
    /// In lower case; empty for all.
    pub namespaces: HashSet<Vec<u8>>,
    pub ignores_empty: bool,
    pub fallthrough: Fallthrough,
    /// What else is passed on where `fallthrough` allows it.
    pub passes: Passes,
    pub startup_timeout: Duration,
    /// The search path of this machine.
    pub search: Vec<Name>,
}

/// Answers that are passed on, beside NXDOMAIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passes {
    pub nodata: bool,
    /// An unsynced cluster is passed on by fallthrough anyway, unless told not to.
    pub servfail: bool,
}

/// The names of a cluster.
pub(crate) struct Names {
    pub rules: Rules,
    pub cluster: Arc<Cluster>,
    /// The addresses of this machine that name servers are found by.
    local: OnceLock<Vec<IpAddr>>,
}

/// What comes of a query, before it is known who answers.
enum Verdict {
    Answer(Reply),
    /// There are no such records.
    Empty,
    /// There is no such name.
    Missing,
    Refused,
    Later(Flow),
}

/// A stage for the names of one cluster.
pub(crate) struct Stage(pub Arc<Names>);

impl Zone {
    pub fn new(name: Name, grammar: Grammar) -> Zone {
        let is_above = ["in-addr.arpa.", "ip6.arpa."].iter().any(|reverse| {
            let reverse: Option<Name> = reverse.parse().ok();
            reverse.is_some_and(|reverse| reverse.view().is_within(name.view()))
        });
        Zone {
            holds_reverse: is_above || is_reverse(name.view()),
            name,
            grammar,
        }
    }
}

impl Names {
    pub fn new(rules: Rules, cluster: Arc<Cluster>) -> Names {
        Names {
            rules,
            cluster,
            local: OnceLock::new(),
        }
    }

    /// The longest zone that `name` is in.
    fn zone(&self, name: NameRef<'_>) -> Option<&Zone> {
        let zones = self.rules.zones.iter();
        zones
            .filter(|zone| name.is_within(zone.name.view()))
            .max_by_key(|zone| zone.name.wire().len())
    }

    fn answer(self: &Arc<Self>, query: &Query<'_>, zone: &Zone) -> Verdict {
        let is_apex = query.name().wire().len() == zone.name.wire().len();
        match query.qtype() {
            RecordType::A => self.addresses(query, zone, Family::V4),
            RecordType::AAAA => self.addresses(query, zone, Family::V6),
            RecordType::SRV => self.service_records(query, zone),
            RecordType::PTR => self.reverse(query, zone),
            RecordType::TXT => self.text(query, zone),
            RecordType::CNAME => self.canonical_name(query, zone),
            RecordType::NS if is_apex => self.name_servers(query, zone),
            RecordType::SOA if is_apex => {
                let mut reply = writing::reply(query);
                self.push_soa(&mut reply, query, zone, catena_dns::Section::Answer);
                Verdict::Answer(reply)
            }
            RecordType::SOA => Verdict::Empty,
            RecordType::AXFR | RecordType::IXFR => Verdict::Refused,
            _ => self.existence(query, zone),
        }
    }

    /// Whether a namespace is answered for.
    pub fn is_exposed(&self, namespace: &[u8]) -> bool {
        self.is_configured(namespace) && self.cluster.store.has_namespace(namespace)
    }

    /// Whether the Corefile lets a namespace be answered for.
    fn is_configured(&self, namespace: &[u8]) -> bool {
        self.rules.namespaces.is_empty() || self.rules.namespaces.contains(namespace)
    }

    fn serial(&self, zone: &Zone) -> u32 {
        let which = match zone.grammar.multicluster {
            true => Serial::Multicluster,
            false => Serial::Internal,
        };
        self.cluster.store.serial(which)
    }

    fn soa_ttl(&self) -> u32 {
        self.rules.ttl.min(SOA_TTL_MAX)
    }

    fn missing(&self, query: &Query<'_>, zone: &Zone, next: Next<'_>) -> Flow {
        let is_synced = self.cluster.is_synced();
        if self.rules.fallthrough.allows(query.name()) && (is_synced || self.rules.passes.servfail)
        {
            return next.serve(query);
        }
        let rcode = match is_synced {
            true => Rcode::NXDOMAIN,
            false => Rcode::SERVFAIL,
        };
        Outcome::reply(self.denial(query, zone, rcode)).into()
    }

    fn empty(&self, query: &Query<'_>, zone: &Zone, next: Next<'_>) -> Flow {
        if self.rules.passes.nodata && self.rules.fallthrough.allows(query.name()) {
            return next.serve(query);
        }
        Outcome::reply(self.denial(query, zone, Rcode::NOERROR)).into()
    }
}

impl Plugin for Stage {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let Some(zone) = self.0.zone(query.name()) else {
            return next.serve(query);
        };
        match self.0.answer(query, zone) {
            Verdict::Answer(reply) => Outcome::reply(reply).into(),
            Verdict::Empty => self.0.empty(query, zone, next),
            Verdict::Missing => self.0.missing(query, zone, next),
            Verdict::Refused => Outcome::fail(Rcode::REFUSED).into(),
            Verdict::Later(flow) => flow,
        }
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let _first = self.0.local.set(nameserver::local_addresses(context));
        self.0.cluster.run(&context.background());
        Ok(())
    }

    fn started(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let cluster = Arc::clone(&self.0.cluster);
        let patience = self.0.rules.startup_timeout;
        Some(Box::pin(wait(cluster, patience)))
    }

    fn ready(&self) -> Readiness {
        match self.0.cluster.is_synced() {
            true => Readiness::Ready,
            false => Readiness::NotReady,
        }
    }

    fn metadata(&self, label: &str, query: &Query<'_>) -> Option<String> {
        self.0.metadata(label, query)
    }

    fn search_paths(&self) -> Option<&dyn SearchPaths> {
        Some(&*self.0)
    }

    fn external_names(&self) -> Option<&dyn ExternalNames> {
        Some(&*self.0)
    }
}

/// Waits until the cluster is known, as long as patience lasts.
async fn wait(cluster: Arc<Cluster>, patience: Duration) {
    let deadline = tokio::time::sleep(patience);
    tokio::pin!(deadline);
    let mut log = tokio::time::interval(WAITING_LOG);
    log.tick().await;
    loop {
        tokio::select! {
            () = cluster.synced() => return,
            () = &mut deadline => {
                tracing::warn!(
                    target: "plugin/kubernetes",
                    "starting server with unsynced Kubernetes API"
                );
                return;
            }
            _ = log.tick() => tracing::info!(
                target: "plugin/kubernetes",
                "waiting for Kubernetes API before starting server"
            ),
        }
    }
}
