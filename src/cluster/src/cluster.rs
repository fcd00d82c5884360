//! A cluster that is watched: one for all who want the same, across reloads.

use std::sync::Arc;

use catena_kube::{
    Access, Client, ClientOptions, Encoding, Feeds, Notice, Object, Reader, Resource, Shared,
};
use catena_plugin::Background;
use parking_lot::Mutex;

use crate::metrics;
use crate::object::Reading;
use crate::store::{Kind, Seen, Store, Writer};

/// The clusters that are watched.
static CLUSTERS: Shared<Cluster> = Shared::new();

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
    pub feeds: Arc<Feeds<Objects>>,
}

impl Cluster {
    /// The cluster that is watched like this already, or a new one.
    pub fn shared(watched: Watched) -> Arc<Cluster> {
        let wanted = watched.clone();
        CLUSTERS.find_or(|known| known.watched == wanted, || Cluster::new(watched))
    }

    fn new(watched: Watched) -> Cluster {
        let store = Arc::new(Store::new());
        let writer = Writer::new(Arc::clone(&store), watched.reading);
        let writer = Arc::new(Mutex::new(writer));
        let readers = watched.resources().into_iter().map(|(kind, resource)| {
            let writer = Arc::clone(&writer);
            (Objects { kind, writer }, resource)
        });
        let client = Client::new(watched.access.clone(), watched.options, metrics::observe);
        let label = watched.access.label();
        let feeds = Feeds::new(client, readers, move |notice| tell(&label, notice));
        Cluster {
            feeds: Arc::new(feeds),
            store,
            watched,
        }
    }

    /// Watches for as long as the generation of `background` lives.
    pub fn run(&self, background: &Background) {
        metrics::show(&self.watched.access.label());
        self.feeds.run(background);
    }
}

/// What one watch tells, on its way into the store.
pub(crate) struct Objects {
    kind: Kind,
    writer: Arc<Mutex<Writer>>,
}

impl Reader for Objects {
    type Named = Seen;

    fn apply(&mut self, object: &Object<'_>, named: Option<&mut Seen>) -> bool {
        let Ok(hash) = self.writer.lock().apply(self.kind, object) else {
            return false;
        };
        if let Some(named) = named {
            named.insert(hash);
        }
        true
    }

    fn delete(&mut self, object: &Object<'_>) -> bool {
        self.writer.lock().delete(self.kind, object).is_ok()
    }

    fn listed(&mut self, named: Seen) {
        let mut writer = self.writer.lock();
        writer.sweep(self.kind, &named);
        writer.publish();
        writer.shrink();
    }

    fn flush(&mut self) {
        self.writer.lock().publish();
    }
}

fn tell(label: &str, notice: Notice<'_>) {
    match notice {
        Notice::Heard(now) => metrics::LAST_CONTACT.with(&[label]).set(now),
        Notice::Lost(_) => tracing::error!(target: "plugin/kubernetes", "{notice}"),
        Notice::Back(_) | Notice::Absent(_) | Notice::Withheld(_) => {
            tracing::info!(target: "plugin/kubernetes", "{notice}");
        }
        Notice::Malformed(_) => tracing::warn!(target: "plugin/kubernetes", "{notice}"),
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
            // Pods that have ended have no names.
            let mut pods = Resource::living_pods();
            pods.labels.clone_from(&self.labels);
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
