//! The objects that interface names are made of, and no more of them than that.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::{Name, NameRef};
use catena_kube::protobuf::{Fields, address};
use catena_kube::{JsonMetadata, Metadata, Object, SERVICE_NAME};
use serde::Deserialize;

use crate::interfaces;

/// The annotation of a Service that lists its interfaces; no agent is asked then.
const ANNOTATION: &str = "rpc.catena.dev/interfaces";

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Arc<str>);

impl Id {
    /// The object `name` in `namespace`; `None` if it lacks one of them.
    pub fn new(namespace: &str, name: &str) -> Option<Id> {
        let is_whole = !namespace.is_empty() && !name.is_empty();
        is_whole.then(|| Id(format!("{namespace}/{name}").into()))
    }

    /// What comes before all others.
    pub(crate) fn least() -> Id {
        Id("".into())
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        self.0.split('/').next().unwrap_or("")
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The two kinds of objects that select Services; which one wins is said by age, not by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Claimant {
    /// `rpccontroller.istio.io/v1`, which selects from all namespaces.
    Istio,
    /// `rpc.catena.dev/v1`, which selects from its own namespace.
    Ours,
}

/// An object that gives the interfaces of a Service their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RpcService {
    pub claimant: Claimant,
    pub id: Id,
    /// When it was made, as RFC 3339 text, whose order is that of time.
    pub created: Box<str>,
    /// Labels as `key=value`; a Service must have all of them. Not empty.
    pub selector: Box<[Box<str>]>,
    /// What follows the interface in a name.
    pub suffix: Name,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub id: Id,
    /// When it was made, in seconds of Unix time.
    pub created: u64,
    /// Labels as `key=value`.
    pub labels: Box<[Box<str>]>,
    pub place: Place,
    /// The interfaces its annotation lists.
    pub annotated: Option<Arc<[Box<str>]>>,
}

/// Where a Service can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At addresses of its own.
    Addresses(Arc<[IpAddr]>),
    /// At those of its endpoints.
    Endpoints,
    /// Nowhere that has an address, as of the type `ExternalName`.
    Nowhere,
}

/// Ready endpoints of a Service, as many as came in one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub id: Id,
    /// The Service; `None` if it is of none.
    pub service: Option<Id>,
    pub addresses: Box<[IpAddr]>,
}

/// Why an object is left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// It is not encoded as its kind is.
    #[error("it makes no sense")]
    Malformed,
    /// What it says cannot be.
    #[error("{0}: {1}")]
    Wrong(Id, String),
}

impl RpcService {
    pub fn read(object: &Object<'_>, claimant: Claimant) -> Result<RpcService, Unfit> {
        let raw: RawRpcService =
            serde_json::from_slice(object.bytes).map_err(|_| Unfit::Malformed)?;
        let JsonMetadata {
            namespace, name, ..
        } = &raw.metadata;
        let id = Id::new(namespace, name).ok_or(Unfit::Malformed)?;
        let text = match raw.spec.suffix.is_empty() {
            true => raw.spec.domainsuffix,
            false => raw.spec.suffix,
        };
        let suffix = match suffix(&text) {
            Some(suffix) => suffix,
            None => {
                let why = format!("{text:?} is no domain suffix");
                return Err(Unfit::Wrong(id, why));
            }
        };
        if raw.spec.selector.is_empty() {
            let why = "the selector is empty".to_owned();
            return Err(Unfit::Wrong(id, why));
        }
        let selector = raw.spec.selector.iter();
        Ok(RpcService {
            claimant,
            id,
            created: raw.metadata.creation_timestamp.into(),
            selector: selector.map(|(key, value)| label(key, value)).collect(),
            suffix,
        })
    }

    /// Whether it selects `service`.
    pub fn selects(&self, service: &Service) -> bool {
        let reaches = match self.claimant {
            Claimant::Istio => true,
            Claimant::Ours => self.id.namespace() == service.id.namespace(),
        };
        reaches
            && self
                .selector
                .iter()
                .all(|label| service.labels.contains(label))
    }

    /// Its place among those that claim the same name: the oldest comes first.
    pub fn rank(&self) -> (&str, &Id, Claimant) {
        (&self.created, &self.id, self.claimant)
    }
}

/// A suffix with or without a dot at either end; the root is none.
fn suffix(text: &str) -> Option<Name> {
    let text = text.strip_prefix('.').unwrap_or(text);
    if !text.bytes().all(interfaces::is_host_octet) {
        return None;
    }
    let name = Name::parse(text, NameRef::ROOT).ok()?;
    (!name.view().is_root()).then(|| name.view().to_lower())
}

fn label(key: &str, value: &str) -> Box<str> {
    format!("{key}={value}").into()
}

impl Service {
    /// Reads a `v1.Service`.
    pub fn read(message: &[u8]) -> Result<Service, Unfit> {
        let meta = Metadata::of(message).ok_or(Unfit::Malformed)?;
        let mut spec = &[][..];
        let mut fields = Fields::new(message);
        for (number, value) in fields.by_ref() {
            if number == 2 {
                spec = value.bytes();
            }
        }
        let id = Id::new(meta.namespace, meta.name).filter(|_| fields.is_whole());
        let labels = meta.labels();
        Ok(Service {
            id: id.ok_or(Unfit::Malformed)?,
            created: meta.created,
            labels: labels.map(|(key, value)| label(key, value)).collect(),
            place: Place::read(spec),
            annotated: meta.annotation(ANNOTATION).map(interfaces::listed),
        })
    }

    /// Its place among those that one object selects: the oldest comes first.
    pub fn rank(&self) -> (u64, &Id) {
        (self.created, &self.id)
    }
}

impl Place {
    fn read(spec: &[u8]) -> Place {
        let (mut first, mut all, mut kind) = ("", Vec::new(), "");
        for (number, value) in Fields::new(spec) {
            match number {
                3 => first = value.text(),
                4 => kind = value.text(),
                18 => all.push(value.text()),
                _ => {}
            }
        }
        if all.is_empty() {
            all.push(first);
        }
        match (kind, all.as_slice()) {
            ("ExternalName", _) => Place::Nowhere,
            (_, ["None", ..]) => Place::Endpoints,
            _ => Place::Addresses(all.into_iter().filter_map(address).collect()),
        }
    }
}

impl Slice {
    /// Reads a `discovery.k8s.io/v1.EndpointSlice`.
    pub fn read(message: &[u8]) -> Result<Slice, Unfit> {
        let meta = Metadata::of(message).ok_or(Unfit::Malformed)?;
        let mut addresses = Vec::new();
        let mut fields = Fields::new(message);
        for (number, value) in fields.by_ref() {
            if number == 2 {
                read_endpoint(value.bytes(), &mut addresses);
            }
        }
        let id = Id::new(meta.namespace, meta.name).filter(|_| fields.is_whole());
        Ok(Slice {
            id: id.ok_or(Unfit::Malformed)?,
            service: Id::new(meta.namespace, meta.label(SERVICE_NAME)),
            addresses: addresses.into(),
        })
    }
}

/// Adds the addresses of an endpoint that is ready; not saying so counts as ready.
fn read_endpoint(message: &[u8], out: &mut Vec<IpAddr>) {
    let first = out.len();
    for (number, value) in Fields::new(message) {
        match number {
            1 => out.extend(value.address()),
            2 if value.field(1).is_some_and(|ready| !ready.is_true()) => {
                out.truncate(first);
                return;
            }
            _ => {}
        }
    }
}

#[derive(Deserialize)]
struct RawRpcService {
    metadata: JsonMetadata,
    #[serde(default)]
    spec: RawSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawSpec {
    selector: BTreeMap<String, String>,
    /// As the original spells it.
    domainsuffix: String,
    #[serde(rename = "domainSuffix")]
    suffix: String,
}

#[cfg(test)]
mod tests;
