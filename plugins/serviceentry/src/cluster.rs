//! A cluster whose hosts are known: one for all who want the same, across reloads.

mod hashed;
mod objects;
mod rows;
mod state;

use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;
use catena_kube::{Access, Client, ClientOptions, Encoding, Feeds, Notice, Resource, Shared};
use catena_mesh::Table;
use catena_plugin::Background;
use parking_lot::Mutex;

use crate::metrics;
use crate::object::DefaultExports;
use objects::{Kind, Objects};
use state::State;

/// The clusters that are watched.
static CLUSTERS: Shared<Cluster> = Shared::new();

/// What to watch of which cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Watched {
    /// The API server.
    pub access: Access,
    /// A label selector for ServiceEntries; empty for all.
    pub labels: String,
    /// Whether Services have names too.
    pub services: bool,
    /// Whether clients are known by their pods.
    pub pods: bool,
    pub making: Making,
}

/// How rows are made of objects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Making {
    /// The domain of the cluster.
    pub domain: Name,
    /// Who may see what does not say who may see it; `None` for what the mesh says.
    pub exports: Option<DefaultExports>,
    /// The namespace of what is for all of the mesh.
    pub root: Box<str>,
    /// Automatic addresses come from a hash, not from the status of entries.
    pub is_hashed: bool,
    /// Entries mean what they mean to the older istio-coredns-plugin.
    pub legacy: Option<LegacyDefault>,
}

/// The address of entries without any, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LegacyDefault(pub Option<IpAddr>);

/// A cluster whose hosts are known.
pub(crate) struct Cluster {
    watched: Watched,
    pub table: Arc<Table>,
    pub feeds: Arc<Feeds<Objects>>,
}

impl Cluster {
    /// The cluster that is watched like this already, or a new one.
    pub fn shared(watched: Watched) -> Arc<Cluster> {
        let wanted = watched.clone();
        CLUSTERS.find_or(|known| known.watched == wanted, || Cluster::new(watched))
    }

    fn new(watched: Watched) -> Cluster {
        let table: Arc<Table> = Arc::default();
        let label = watched.access.label();
        let sizes = metrics::Sizes::of(&label);
        let state = State::new(Arc::clone(&table), watched.making.clone(), sizes);
        let state = Arc::new(Mutex::new(state));
        let readers = watched.resources().into_iter().map(|(kind, resource)| {
            let objects = Objects {
                kind,
                state: Arc::clone(&state),
            };
            (objects, resource)
        });
        let options = ClientOptions::default();
        let client = Client::new(watched.access.clone(), options, metrics::observe);
        let feeds = Feeds::new(client, readers, move |notice| tell(&label, notice));
        Cluster {
            feeds: Arc::new(feeds),
            table,
            watched,
        }
    }

    /// Watches for as long as the generation of `background` lives.
    pub fn run(&self, background: &Background) {
        metrics::show(&self.watched.access.label());
        self.feeds.run(background);
    }
}

fn tell(label: &str, notice: Notice<'_>) {
    match notice {
        Notice::Heard(now) => metrics::LAST_CONTACT.with(&[label]).set(now),
        Notice::Lost(_) => tracing::error!(target: "plugin/serviceentry", "{notice}"),
        Notice::Back(_) => tracing::info!(target: "plugin/serviceentry", "{notice}"),
        Notice::Absent(_) | Notice::Withheld(_) => tracing::warn!(
            target: "plugin/serviceentry",
            "{notice}; it is looked for again and again"
        ),
        Notice::Malformed(_) => tracing::warn!(target: "plugin/serviceentry", "{notice}"),
    }
}

impl Watched {
    fn resources(&self) -> Vec<(Kind, Resource)> {
        let mut entries = Resource {
            older: &[
                "/apis/networking.istio.io/v1beta1/serviceentries",
                "/apis/networking.istio.io/v1alpha3/serviceentries",
            ],
            ..Resource::custom("/apis/networking.istio.io/v1/serviceentries")
        };
        entries.labels.clone_from(&self.labels);
        let sidecars = Resource {
            older: &[
                "/apis/networking.istio.io/v1beta1/sidecars",
                "/apis/networking.istio.io/v1alpha3/sidecars",
            ],
            ..Resource::custom("/apis/networking.istio.io/v1/sidecars")
        };
        let mut resources = vec![(Kind::Entries, entries), (Kind::Sidecars, sidecars)];
        let own = |path| Resource::new(path, Encoding::Protobuf);
        if self.making.exports.is_none() {
            let meshes = Resource {
                fields: "metadata.name=istio",
                dispensable: true,
                ..own("/api/v1/configmaps")
            };
            resources.push((Kind::Meshes, meshes));
        }
        if self.services {
            let slices = own("/apis/discovery.k8s.io/v1/endpointslices");
            resources.push((Kind::Services, own("/api/v1/services")));
            resources.push((Kind::Slices, slices));
        }
        if self.services || self.pods {
            // Pods that have ended ask no more.
            resources.push((Kind::Pods, Resource::living_pods()));
        }
        resources
    }
}

#[cfg(test)]
mod tests;
