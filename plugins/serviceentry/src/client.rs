//! Who asks: what is known of a client, and what that makes it see.

use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;
use catena_mesh::{Families, Search, Sidecar, Table, Viewer};

/// How clients are known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Clients {
    /// Not at all: they see what all may see.
    Anybody,
    /// All are this workload.
    Workload(Workload),
    /// By the pods that have their addresses; others are anybody.
    Pods,
}

/// A workload of the mesh.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Workload {
    pub namespace: Box<str>,
    pub labels: Box<[(Box<str>, Box<str>)]>,
    pub families: Families,
}

/// What clients see, by what is known of them.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub clients: Clients,
    /// The search domains that the Corefile names; instead of those that pods have.
    pub search: Option<Arc<[Name]>>,
    /// The search domains of the workload.
    pub own_search: Arc<[Name]>,
    /// The domain of the cluster.
    pub domain: Name,
    /// Services have names.
    pub services: bool,
    /// The namespace of resources that are for all.
    pub root: Box<str>,
    /// Workloads of both families are told all addresses.
    pub is_dual_stack: bool,
    pub takes_automatic: bool,
}

impl Sight {
    /// Shows `look` what the client at `address` sees.
    pub fn with<R>(
        &self,
        table: &Table,
        address: IpAddr,
        look: impl FnOnce(&Viewer<'_>, &Search<'_>) -> R,
    ) -> R {
        match &self.clients {
            Clients::Anybody => self.show(None, None, &[], look),
            Clients::Workload(workload) => {
                let own = &*workload.namespace;
                let sidecar = table.sidecar(own, &workload.labels, &self.root);
                let known = (own, workload.families);
                self.show(Some(known), sidecar, &self.own_search, look)
            }
            Clients::Pods => table.client(address.to_canonical(), |client| {
                let Some(client) = client else {
                    return self.show(None, None, &[], look);
                };
                let own = &*client.namespace;
                let sidecar = table.sidecar(own, &client.labels, &self.root);
                let known = (own, Families::of(client.has.0, client.has.1));
                self.show(Some(known), sidecar, &client.search, look)
            }),
        }
    }

    /// The same for somebody in `namespace` of whom nothing else is known.
    pub fn with_namespace<R>(
        &self,
        table: &Table,
        namespace: &str,
        look: impl FnOnce(&Viewer<'_>, &Search<'_>) -> R,
    ) -> R {
        let sidecar = table.sidecar(namespace, &[], &self.root);
        let search = search_domains(namespace, &self.domain);
        self.show(Some((namespace, Families::All)), sidecar, &search, look)
    }

    fn show<R>(
        &self,
        known: Option<(&str, Families)>,
        sidecar: Option<Arc<Sidecar>>,
        search: &[Name],
        look: impl FnOnce(&Viewer<'_>, &Search<'_>) -> R,
    ) -> R {
        let families = match known {
            Some((_, Families::First)) if self.is_dual_stack => Families::All,
            Some((_, families)) => families,
            None => Families::All,
        };
        let viewer = Viewer {
            namespace: known.map(|(namespace, _)| namespace),
            sidecar: sidecar.as_deref(),
            families,
            takes_automatic: self.takes_automatic,
        };
        let search = Search {
            domains: self.search.as_deref().unwrap_or(search),
            cluster: self.services.then(|| self.domain.view()),
        };
        look(&viewer, &search)
    }
}

/// The search domains of a pod in `namespace`.
pub(crate) fn search_domains(namespace: &str, domain: &Name) -> Arc<[Name]> {
    let labels: [&[&[u8]]; 3] = [&[namespace.as_bytes(), b"svc"], &[b"svc"], &[]];
    let names = labels.into_iter().filter_map(|labels| {
        let name = Name::from_labels(labels.iter().copied(), domain.view()).ok()?;
        Some(name.view().to_lower())
    });
    names.collect()
}
