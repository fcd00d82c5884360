//! The stage that answers names of a cluster.

mod alias;
mod external;
mod find;
mod lend;
mod lookup;
mod metadata;
mod nameserver;
mod reverse;
mod search;
mod service_records;
mod writing;

use std::cmp::Reverse;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use catena_dns::{Name, NameRef, Rcode, RecordType, Reply};
use catena_plugin::zones::Fallthrough;
use catena_plugin::{
    ExternalNames, Flow, Next, Outcome, Plugin, Query, Readiness, SearchPaths, StartContext,
    StartError, Transfers,
};
use hashbrown::HashSet;

use crate::cluster::Cluster;
use crate::question::{Grammar, is_reverse};
use crate::store::Serial;

pub use metadata::METADATA;
pub use nameserver::local_addresses;

use find::{Family, Found, Hosts};

/// SOA records live no longer than this.
const SOA_TTL_MAX: u32 = 300;
/// How often the log says that a start waits.
const WAITING_LOG: Duration = Duration::from_millis(500);

/// How long a start waits for other clusters when one is known.
const MOMENT: Duration = Duration::from_millis(500);

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

/// What is passed on where `fallthrough` allows it, beside names that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passes {
    /// Names that have no records of the type asked for.
    pub nodata: bool,
    pub unsynced: Unsynced,
}

/// What becomes of names that are not known while the cluster is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsynced {
    /// The next plugin has the word.
    Passed,
    /// The next plugin may know the name, but not that it does not exist.
    Doubted,
    /// SERVFAIL.
    Refused,
}

/// The names of a cluster.
pub(crate) struct Names {
    pub rules: Rules,
    pub cluster: Arc<Cluster>,
    /// All clusters of the block's directives of this name: one of them is enough to begin.
    peers: Arc<[Arc<Cluster>]>,
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
    pub fn new(mut rules: Rules, cluster: Arc<Cluster>, peers: Arc<[Arc<Cluster>]>) -> Names {
        rules
            .zones
            .sort_by_key(|zone| Reverse(zone.name.wire().len()));
        Names {
            rules,
            cluster,
            peers,
            local: OnceLock::new(),
        }
    }

    /// The longest zone that `name` is in.
    fn zone(&self, name: NameRef<'_>) -> Option<&Zone> {
        let mut longest_first = self.rules.zones.iter();
        longest_first.find(|zone| name.is_within(zone.name.view()))
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
                let mut reply = catena_dns::Reply::authoritative(query);
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

    fn missing(self: &Arc<Self>, query: &Query<'_>, zone: &Zone, next: Next<'_>) -> Flow {
        let is_synced = self.cluster.feeds.is_listed();
        if self.rules.fallthrough.allows(query.name()) {
            match self.rules.passes.unsynced {
                _ if is_synced => return next.serve(query),
                Unsynced::Passed => return next.serve(query),
                Unsynced::Doubted => return next.serve(query).then(self, query, doubt),
                Unsynced::Refused => {}
            }
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
        let checked = self.0.cluster.feeds.check_access();
        checked.map_err(|error| StartError::new(format!("plugin/kubernetes: {error}")))?;
        let _first = self.0.local.set(nameserver::local_addresses(context));
        self.0.cluster.run(&context.background());
        Ok(())
    }

    fn started(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let clusters = Arc::clone(&self.0.peers);
        let patience = self.0.rules.startup_timeout;
        Some(Box::pin(wait(clusters, patience)))
    }

    fn ready(&self) -> Readiness {
        match self.0.peers.iter().any(|cluster| cluster.feeds.is_listed()) {
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

    fn transfers(&self) -> Option<&dyn Transfers> {
        Some(self)
    }
}

/// A name that a cluster which is not known may have is not denied by others.
fn doubt(names: &Names, query: &Query<'_>, outcome: Outcome) -> Outcome {
    let zone = names.zone(query.name());
    match (outcome.rcode(), zone) {
        (Some(Rcode::NXDOMAIN), Some(zone)) => {
            Outcome::reply(names.denial(query, zone, Rcode::SERVFAIL))
        }
        _ => outcome,
    }
}

/// Waits until the clusters are known, as long as patience lasts.
async fn wait(clusters: Arc<[Arc<Cluster>]>, patience: Duration) {
    let all = async {
        for cluster in &*clusters {
            cluster.feeds.listed().await;
        }
    };
    // Once one can answer, the others get no more than a moment.
    let enough = async {
        let any = clusters
            .iter()
            .map(|cluster| Box::pin(cluster.feeds.listed()));
        futures_util::future::select_all(any).await;
        if clusters.len() == 1 {
            return;
        }
        tokio::time::sleep(MOMENT).await;
    };
    let deadline = tokio::time::sleep(patience);
    tokio::pin!(all, enough, deadline);
    let mut log = tokio::time::interval(WAITING_LOG);
    log.tick().await;
    loop {
        tokio::select! {
            () = &mut all => return,
            () = &mut enough => return,
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

#[cfg(test)]
mod tests;
