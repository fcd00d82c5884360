//! Sidecar resources: what workloads want to see of what they may see.

use std::sync::Arc;

use crate::{HostName, Origin, Row};

/// Labels as they select, and as they are selected by.
pub type Labels = Box<[(Box<str>, Box<str>)]>;

/// A Sidecar resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was made, in seconds of Unix time.
    pub created: u64,
    /// The labels of its workloads; `None` if it is for all of the namespace.
    pub selector: Option<Labels>,
    /// What is imported, listener by listener; never empty.
    pub egress: Box<[Egress]>,
}

/// One listener, with what it imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// Only hosts with this port are imported; `None` for any.
    port: Option<u16>,
    imports: Box<[Import]>,
    /// What is not imported, whatever imports it.
    exclusions: Box<[Import]>,
}

/// Hosts of one namespace, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Import {
    from: From,
    hosts: Hosts,
}

/// Whose hosts are imported.
#[derive(Clone, Debug, PartialEq, Eq)]
enum From {
    /// Those of all namespaces.
    Any,
    /// Those of the namespace that the workload is in.
    Own,
    /// Those of one namespace.
    Namespace(Box<str>),
}

/// Which hosts are imported.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// One host, or those that are part of a wildcard.
    Of(HostName),
    /// `*TEXT`: those that end in the text, which is in lower case.
    Ending(Box<str>),
}

impl Import {
    fn new(namespace: &str, host: &str) -> Option<Import> {
        let from = match namespace {
            "*" => From::Any,
            "." => From::Own,
            name => From::Namespace(name.into()),
        };
        let hosts = match host.strip_prefix('*') {
            Some("") => Hosts::All,
            Some(text) if !text.starts_with('.') => Hosts::Ending(text.to_ascii_lowercase().into()),
            _ => Hosts::Of(HostName::parse(host)?),
        };
        Some(Import { from, hosts })
    }

    fn takes(&self, host: &HostName, row: &Row, own: &str) -> bool {
        let is_from = match &self.from {
            From::Any => true,
            From::Own => *row.namespace == *own,
            From::Namespace(name) => *row.namespace == **name,
        };
        is_from && self.hosts.have(host)
    }
}

impl Hosts {
    fn have(&self, host: &HostName) -> bool {
        match self {
            Hosts::All => true,
            Hosts::Of(wanted) => host.is_part_of(wanted),
            Hosts::Ending(text) => {
                let host = host.to_string();
                // What a wildcard stands for is no part of what it ends in.
                host.strip_prefix('*').unwrap_or(&host).ends_with(&**text)
            }
        }
    }
}

impl Egress {
    /// A listener that imports hosts of the form `NAMESPACE/HOST`, but for those that a
    /// `~NAMESPACE/HOST`, or `~/HOST` for all namespaces, excludes. Other forms mean nothing.
    pub fn new<'t>(port: Option<u16>, hosts: impl Iterator<Item = &'t str>) -> Egress {
        let (mut imports, mut exclusions) = (Vec::new(), Vec::new());
        for (namespace, host) in hosts.filter_map(|text| text.split_once('/')) {
            match namespace.strip_prefix('~') {
                None => imports.extend(Import::new(namespace, host)),
                Some("") => exclusions.extend(Import::new("*", host)),
                Some(namespace) => exclusions.extend(Import::new(namespace, host)),
            }
        }
        Egress {
            port,
            imports: imports.into(),
            exclusions: exclusions.into(),
        }
    }

    /// Whether it imports `row` of `host` for a workload in the namespace `own`.
    pub fn imports(&self, host: &HostName, row: &Row, own: &str) -> bool {
        let service = match row.origin {
            Origin::Pod => host.name().parent(),
            _ => None,
        };
        let service = service.map(|name| HostName::Exact(name.to_name()));
        let host = service.as_ref().unwrap_or(host);
        let has_port = |number| row.ports.iter().any(|port| port.number == number);
        let takes = |import: &Import| import.takes(host, row, own);
        self.port.is_none_or(has_port)
            && self.imports.iter().any(takes)
            && !self.exclusions.iter().any(takes)
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
            let selector = sidecar.selector.as_ref();
            selector.is_some_and(|own| own.iter().all(|label| labels.contains(label)))
        };
        let plain = |sidecar: &&Arc<Sidecar>| sidecar.selector.is_none();
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
