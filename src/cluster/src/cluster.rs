//! A cluster that is watched: one for all who want the same, across reloads.

mod feed;

use std::sync::atomic::{AtomicU32, Ordering::AcqRel, Ordering::Acquire};
use std::sync::{Arc, Weak};

use catena_kube::{Access, Client, ClientOptions, Encoding, Position, Resource, watch};
use catena_plugin::Background;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::metrics;
use crate::object::Reading;
use crate::store::{Kind, Store, Writer};

use feed::{Feed, Trouble};

/// The clusters that are watched.
static CLUSTERS: Mutex<Vec<Weak<Cluster>>> = Mutex::new(Vec::new());

/// Pods that have ended have no names.
const LIVING: &str = "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown";
const IMPORTED: &str = "multicluster.kubernetes.io/service-name";

/// What to watch of which cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Watched {
    pub access: Access,
    pub options: ClientOptions,
    /// Label selectors; empty for all.
    pub labels: String,
    pub namespace_labels: String,
    pub endpoints: bool,
    pub pods: bool,
    pub imports: bool,
    pub reading: Reading,
}

/// A cluster that is watched.
pub(crate) struct Cluster {
    watched: Watched,
    /// What is known; readers need nothing else.
    pub store: Arc<Store>,
    writer: Mutex<Writer>,
    client: Client,
    feeds: Vec<tokio::sync::Mutex<(Feed, Position)>>,
    trouble: Mutex<Trouble>,
    /// One bit for each feed whose first list is not complete.
    unsynced: AtomicU32,
    synced: Notify,
}

impl Cluster {
    /// The cluster that is watched like this already, or a new one.
    pub fn shared(watched: Watched) -> Arc<Cluster> {
        let mut clusters = CLUSTERS.lock();
        clusters.retain(|cluster| cluster.strong_count() > 0);
        let mut known = clusters.iter().filter_map(Weak::upgrade);
        if let Some(known) = known.find(|cluster| cluster.watched == watched) {
            return known;
        }
        let cluster = Arc::new(Cluster::new(watched));
        clusters.push(Arc::downgrade(&cluster));
        cluster
    }

    fn new(watched: Watched) -> Cluster {
        let store = Arc::new(Store::new());
        let resources = watched.resources();
        let unsynced = (0..resources.len()).fold(0, |bits, place| bits | 1 << place);
        let feeds = (0u32..).zip(resources).map(|(place, (kind, resource))| {
            tokio::sync::Mutex::new((Feed::new(place, kind, resource), Position::default()))
        });
        Cluster {
            writer: Mutex::new(Writer::new(Arc::clone(&store), watched.reading)),
            client: Client::new(watched.access.clone(), watched.options, metrics::observe),
            feeds: feeds.collect(),
            trouble: Mutex::default(),
            unsynced: AtomicU32::new(unsynced),
            synced: Notify::new(),
            store,
            watched,
        }
    }

    /// Watches for as long as the generation of `background` lives.
    ///
    /// When another generation watches already, its end is waited for, and the watches are taken
    /// on from where they are.
    pub fn run(self: &Arc<Self>, background: &Background) {
        for place in 0..self.feeds.len() {
            let cluster = Arc::clone(self);
            background.spawn(async move {
                let Some(feed) = cluster.feeds.get(place) else {
                    return;
                };
                let (feed, position) = &mut *feed.lock().await;
                let resource = feed.resource.clone();
                let mut sink = feed.sink(&cluster);
                let never = watch(&cluster.client, &resource, position, &mut sink).await;
                match never {}
            });
        }
    }

    /// Whether all first lists are complete.
    pub fn is_synced(&self) -> bool {
        self.unsynced.load(Acquire) == 0
    }

    /// Waits until all first lists are complete.
    pub async fn synced(&self) {
        loop {
            let notified = self.synced.notified();
            if self.is_synced() {
                return;
            }
            notified.await;
        }
    }

    fn note_list(&self, feed: u32) {
        if self.unsynced.fetch_and(!(1 << feed), AcqRel) == 1 << feed {
            self.synced.notify_waiters();
        }
    }

    /// The server's name for metrics.
    fn label(&self) -> String {
        match &self.watched.access {
            Access::InCluster => "in-cluster".to_owned(),
            Access::Endpoint { url, .. } => url.clone(),
            Access::Kubeconfig { path, context } => match context {
                Some(context) => format!("{}#{context}", path.display()),
                None => path.display().to_string(),
            },
        }
    }
}

impl Watched {
    fn resources(&self) -> Vec<(Kind, Resource)> {
        let at = |path, labels: &str| {
            let mut resource = Resource::new(path, Encoding::Protobuf);
            labels.clone_into(&mut resource.labels);
            resource
        };
        let slices = "/apis/discovery.k8s.io/v1/endpointslices";
        let mut resources = vec![
            (Kind::Services, at("/api/v1/services", &self.labels)),
            (
                Kind::Namespaces,
                at("/api/v1/namespaces", &self.namespace_labels),
            ),
        ];
        if self.endpoints {
            resources.push((Kind::Slices, at(slices, &self.labels)));
        }
        if self.pods {
            let mut pods = at("/api/v1/pods", &self.labels);
            pods.fields = LIVING;
            resources.push((Kind::Pods, pods));
        }
        if self.imports {
            let path = "/apis/multicluster.x-k8s.io/v1alpha1/serviceimports";
            let mut imports = Resource::new(path, Encoding::Json);
            imports.labels.clone_from(&self.namespace_labels);
            resources.push((Kind::Imports, imports));
            let labels = match self.labels.as_str() {
                "" => IMPORTED.to_owned(),
                labels => format!("{labels},{IMPORTED}"),
            };
            resources.push((Kind::ImportedSlices, at(slices, &labels)));
        }
        resources
    }
}
