//! A cluster whose interface names are known: one for all who want the same, across reloads.

mod objects;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use catena_kube::{
    Access, AccessError, Client, ClientOptions, Encoding, Feeds, Notice, Resource, Shared,
};
use catena_plugin::Background;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch as latest};
use tokio::time::sleep;

use crate::names::Names;
use crate::object::{Claimant, Id};
use crate::store::Store;
use crate::{interfaces, metrics, poll};

use objects::{Kind, Objects};

/// The clusters that are watched.
static REGISTRIES: Shared<Registry> = Shared::new();

/// Changes that come close together are answered for together.
const PAUSE: Duration = Duration::from_millis(20);
/// Complaints that are logged of one table at most.
const COMPLAINTS_MAX: usize = 10;

/// What to watch of which cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// The API server.
    pub access: Access,
    /// How much may be asked of it.
    pub options: ClientOptions,
    /// A label selector for Services and their endpoint slices; empty for all.
    pub labels: String,
    /// How often agents are asked.
    pub poll: Duration,
    /// The port of agents.
    pub agent_port: u16,
}

impl Default for Watched {
    fn default() -> Watched {
        Watched {
            access: Access::default(),
            options: ClientOptions::default(),
            labels: String::new(),
            poll: Duration::from_secs(10),
            agent_port: interfaces::PORT,
        }
    }
}

/// The Services whose agents are to be asked, with the agents' addresses.
pub(crate) type Asked = Arc<BTreeMap<Id, Vec<IpAddr>>>;

/// A cluster whose interface names are known.
pub struct Registry {
    pub(crate) watched: Watched,
    store: Arc<Mutex<Store>>,
    changed: Arc<Notify>,
    names: latest::Sender<Arc<Names>>,
    asked: latest::Sender<Asked>,
    /// Whether all that there is to know was asked once.
    synced: latest::Sender<bool>,
    feeds: Arc<Feeds<Objects>>,
    /// Held by the generation that makes tables and asks agents.
    composing: tokio::sync::Mutex<()>,
    polling: tokio::sync::Mutex<poll::Rounds>,
}

impl Registry {
    /// The cluster that is watched like this already, or a new one.
    pub fn shared(watched: Watched) -> Arc<Registry> {
        let wanted = watched.clone();
        REGISTRIES.find_or(|known| known.watched == wanted, || Registry::new(watched))
    }

    fn new(watched: Watched) -> Registry {
        let (store, changed) = (Arc::default(), Arc::new(Notify::new()));
        let readers = watched.resources().into_iter().map(|(kind, resource)| {
            let (store, changed) = (Arc::clone(&store), Arc::clone(&changed));
            let objects = Objects {
                kind,
                store,
                changed,
            };
            (objects, resource)
        });
        let client = Client::new(watched.access.clone(), watched.options, metrics::observe);
        let label = watched.access.label();
        let feeds = Feeds::new(client, readers, move |notice| tell(&label, notice));
        Registry {
            feeds: Arc::new(feeds),
            store,
            changed,
            names: latest::Sender::default(),
            asked: latest::Sender::default(),
            synced: latest::Sender::default(),
            composing: tokio::sync::Mutex::default(),
            polling: tokio::sync::Mutex::default(),
            watched,
        }
    }

    /// Looks whether the files and variables are there that the API server is asked with.
    pub fn check_access(&self) -> Result<(), AccessError> {
        self.feeds.check_access()
    }

    /// Watches and asks for as long as the generation of `background` lives.
    ///
    /// When another generation does so already, its end is waited for.
    pub fn run(self: &Arc<Self>, background: &Background) {
        metrics::show(&self.watched.access.label());
        self.feeds.run(background);
        let registry = Arc::clone(self);
        background.spawn(async move {
            let _mine = registry.composing.lock().await;
            registry.compose().await;
        });
        let registry = Arc::clone(self);
        background.spawn(async move {
            let mut rounds = registry.polling.lock().await;
            poll::run(&registry, &mut rounds).await;
        });
    }

    /// Makes a new table after each change, for ever.
    async fn compose(&self) {
        let mut told: Vec<String> = Vec::new();
        let label = self.watched.access.label();
        let names = metrics::NAMES.with(&[&label]);
        let conflicts = metrics::CONFLICTS.with(&[&label]);
        loop {
            let is_listed = self.feeds.is_listed();
            let composed = self.store.lock().compose();
            let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            names.set(count(composed.names.targets.len()));
            conflicts.set(count(composed.names.conflicts.len()));
            let mut complaints = composed.complaints;
            complaints.extend(composed.names.conflicts.iter().map(|conflict| {
                let (name, winner, loser) = (&conflict.name, &conflict.winner, &conflict.loser);
                format!("{name} is claimed by {winner}, which has it, and by {loser}")
            }));
            complaints.truncate(COMPLAINTS_MAX);
            for complaint in complaints
                .iter()
                .filter(|complaint| !told.contains(complaint))
            {
                tracing::warn!(target: "plugin/rpcservice", "{complaint}");
            }
            told = complaints;
            replace(&self.names, Arc::new(composed.names));
            replace(&self.asked, Arc::new(composed.asked));
            if is_listed && composed.is_known {
                replace(&self.synced, true);
            }
            tokio::select! {
                () = self.changed.notified() => {}
                () = self.feeds.listed(), if !is_listed => {}
            }
            sleep(PAUSE).await;
        }
    }

    /// The table, which says when it changes.
    pub fn names(&self) -> latest::Receiver<Arc<Names>> {
        self.names.subscribe()
    }

    /// The Services whose agents are to be asked, which says when they change.
    pub(crate) fn asked(&self) -> latest::Receiver<Asked> {
        self.asked.subscribe()
    }

    /// Changes what is known; the table follows if `change` says so.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Store) -> bool) {
        if change(&mut self.store.lock()) {
            self.changed.notify_one();
        }
    }

    /// Whether all objects have been listed once, and all agents asked once.
    pub fn is_synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Waits until all objects have been listed once, and all agents asked once.
    pub async fn synced(&self) {
        let mut synced = self.synced.subscribe();
        // The sender lives in `self`, so this cannot fail.
        let _alive = synced.wait_for(|synced| *synced).await;
    }
}

fn tell(label: &str, notice: Notice<'_>) {
    match notice {
        Notice::Heard(now) => metrics::LAST_CONTACT.with(&[label]).set(now),
        Notice::Lost(_) => tracing::error!(target: "plugin/rpcservice", "{notice}"),
        Notice::Back(_) | Notice::Absent(_) | Notice::Withheld(_) => {
            tracing::info!(target: "plugin/rpcservice", "{notice}");
        }
        Notice::Malformed(_) => tracing::warn!(target: "plugin/rpcservice", "{notice}"),
    }
}

/// Tells those who wait for it of a new value, if it is one.
fn replace<T: PartialEq>(place: &latest::Sender<T>, value: T) {
    place.send_if_modified(|known| {
        let is_new = *known != value;
        if is_new {
            *known = value;
        }
        is_new
    });
}

impl Watched {
    fn resources(&self) -> [(Kind, Resource); 4] {
        let own = |path| {
            let mut resource = Resource::new(path, Encoding::Protobuf);
            resource.labels.clone_from(&self.labels);
            resource
        };
        [
            (
                Kind::RpcServices(Claimant::Istio),
                Resource::custom("/apis/rpccontroller.istio.io/v1/rpcservices"),
            ),
            (
                Kind::RpcServices(Claimant::Ours),
                Resource::custom("/apis/rpc.catena.dev/v1/rpcservices"),
            ),
            (Kind::Services, own("/api/v1/services")),
            (
                Kind::Slices,
                own("/apis/discovery.k8s.io/v1/endpointslices"),
            ),
        ]
    }
}
