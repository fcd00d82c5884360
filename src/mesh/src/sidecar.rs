//! Sidecar resources: what workloads want to see of what they may see.

use std::sync::Arc;

use crate::{HostName, Row};

/// A Sidecar resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was made, in seconds of Unix time.
    pub created: u64,
    /// The labels of its workloads; none for all of the namespace.
    pub selector: Box<[(Box<str>, Box<str>)]>,
    /// What is imported, listener by listener; never empty.
    pub egress: Box<[Egress]>,
}

/// One listener, with what it imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// Only hosts with this port are imported; `None` for any.
    pub port: Option<u16>,
    /// The hosts.
    pub imports: Box<[Import]>,
}

/// Hosts of one namespace, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Whose hosts.
    pub from: From,
    /// Which; `None` for all.
    pub host: Option<HostName>,
}

/// Whose hosts are imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// Those of all namespaces.
    Any,
    /// Those of the namespace that the workload is in.
    Own,
    /// Those of one namespace.
    Namespace(Box<str>),
    /// Nobody's.
    Nobody,
}

impl Import {
    /// Reads `NAMESPACE/HOST`; `None` for what has another form.
    pub fn parse(text: &str) -> Option<Import> {
        let (namespace, host) = text.split_once('/')?;
        let from = match namespace {
            "*" => From::Any,
            "." => From::Own,
            "~" => From::Nobody,
            name => From::Namespace(name.into()),
        };
        let host = match host {
            "*" => None,
            host => Some(HostName::parse(host)?),
        };
        Some(Import { from, host })
    }

    fn takes(&self, host: &HostName, row: &Row, own: &str) -> bool {
        let is_from = match &self.from {
            From::Any => true,
            From::Own => *row.namespace == *own,
            From::Namespace(name) => *row.namespace == **name,
            From::Nobody => false,
        };
        is_from
            && self
                .host
                .as_ref()
                .is_none_or(|wanted| host.is_part_of(wanted))
    }
}

impl Egress {
    /// Whether it imports `row` of `host` for a workload in the namespace `own`.
    pub fn imports(&self, host: &HostName, row: &Row, own: &str) -> bool {
        let has_port = |number| row.ports.iter().any(|port| port.number == number);
        self.port.is_none_or(has_port)
            && self
                .imports
                .iter()
                .any(|import| import.takes(host, row, own))
    }
}

/// All Sidecar resources, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Sidecars {
    pub all: Vec<Arc<Sidecar>>,
}

impl Sidecars {
    /// What applies to a workload: a resource that selects it, that of its namespace, that of
    /// the namespace `root`.
    pub fn of(
        &self,
        namespace: &str,
        labels: &[(Box<str>, Box<str>)],
        root: &str,
    ) -> Option<&Arc<Sidecar>> {
        if self.all.is_empty() {
            return None;
        }
        let own = self
            .all
            .iter()
            .filter(|sidecar| *sidecar.namespace == *namespace);
        let selects = |sidecar: &&Arc<Sidecar>| {
            !sidecar.selector.is_empty()
                && sidecar.selector.iter().all(|label| labels.contains(label))
        };
        let plain = |sidecar: &&Arc<Sidecar>| sidecar.selector.is_empty();
        let mut all = self
            .all
            .iter()
            .filter(|sidecar| *sidecar.namespace == *root);
        own.clone()
            .find(selects)
            .or_else(|| own.clone().find(plain))
            .or_else(|| all.find(plain))
    }
}
