//! Reads Istio's own resources, which come as JSON.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use catena_kube::{Id, JsonMetadata, Object};
use catena_mesh::{Egress, HostName, Port, Sidecar, Without};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Entry, EntryPlace, Labels, ReadSidecar, exports, legacy};

/// The label that refuses automatic addresses with the value `false`.
const AUTOMATIC: &str = "networking.istio.io/enable-autoallocate-ip";
/// The longest lists that are read: those that Istio's own definitions allow.
const LIST_MAX: usize = 256;

#[derive(Deserialize)]
struct Raw<Spec, Status = IgnoredAny> {
    metadata: JsonMetadata,
    spec: Option<Spec>,
    status: Option<Status>,
}

fn id(metadata: &JsonMetadata) -> Option<Id> {
    Id::new(&metadata.namespace, &metadata.name)
}

/// When an object was made, in seconds of Unix time.
fn created(metadata: &JsonMetadata) -> u64 {
    let time: Option<jiff::Timestamp> = metadata.creation_timestamp.parse().ok();
    time.map_or(0, |time| u64::try_from(time.as_second()).unwrap_or(0))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawEntry {
    pub hosts: Option<Vec<String>>,
    pub addresses: Option<Vec<String>>,
    pub ports: Option<Vec<RawPort>>,
    pub endpoints: Option<Vec<RawEndpoint>>,
    resolution: Option<String>,
    #[serde(rename = "exportTo")]
    export_to: Option<Vec<String>>,
    #[serde(rename = "workloadSelector")]
    selector: Option<RawSelector>,
}

impl RawEntry {
    pub fn resolution(&self) -> &str {
        match self.resolution.as_deref() {
            None | Some("") => "NONE",
            Some(resolution) => resolution,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawPort {
    pub number: u32,
    name: Option<String>,
    protocol: Option<String>,
}

impl RawPort {
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("")
    }

    pub fn protocol(&self) -> &str {
        self.protocol.as_deref().unwrap_or("")
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawEndpoint {
    address: Option<String>,
}

impl RawEndpoint {
    pub fn address(&self) -> &str {
        self.address.as_deref().unwrap_or("")
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawSelector {
    labels: Option<BTreeMap<String, String>>,
}

impl RawSelector {
    /// The labels that are selected; without any, all of the namespace are.
    fn pairs(&self) -> Labels {
        let pairs = self.labels.iter().flatten();
        pairs
            .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
            .collect()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawStatus {
    addresses: Option<Vec<RawAddress>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawAddress {
    value: Option<String>,
    host: Option<String>,
}

/// Reads a ServiceEntry; `None` if it makes no sense.
pub(crate) fn read_entry(object: &Object<'_>) -> Option<Entry> {
    let raw: Raw<RawEntry, RawStatus> = serde_json::from_slice(object.bytes).ok()?;
    let id = id(&raw.metadata)?;
    let spec = raw.spec.unwrap_or_default();
    let texts = spec.hosts.as_deref().unwrap_or_default();
    let hosts: Vec<HostName> = texts
        .iter()
        .take(LIST_MAX)
        .filter_map(|text| HostName::parse(text))
        .collect();
    let status = raw.status.and_then(|status| status.addresses);
    let export_to = spec.export_to.as_deref().unwrap_or_default();
    Some(Entry {
        created: created(&raw.metadata),
        bad_hosts: texts.len() - hosts.len(),
        hosts: hosts.into(),
        place: place(&raw.metadata, &spec, status.as_deref()),
        ports: ports(spec.ports.as_deref().unwrap_or_default()),
        exports: exports(export_to.iter().map(String::as_str), &id.namespace),
        legacy: legacy::of(&spec),
        id,
    })
}

fn place(meta: &JsonMetadata, spec: &RawEntry, status: Option<&[RawAddress]>) -> EntryPlace {
    let given = spec.addresses.as_deref().unwrap_or_default();
    if !given.is_empty() {
        let mut list = Vec::new();
        for address in given.iter().take(LIST_MAX).filter_map(|text| address(text)) {
            if !list.contains(&address) {
                list.push(address);
            }
        }
        return match list.is_empty() {
            true => EntryPlace::Nowhere(Without::NoAddress),
            false => EntryPlace::Given(list.into()),
        };
    }
    if spec.resolution() == "NONE" {
        let Some(selector) = &spec.selector else {
            return EntryPlace::Nowhere(Without::Unresolved);
        };
        return match &spec.ports {
            Some(ports) if !ports.is_empty() => EntryPlace::Pods(selector.pairs()),
            _ => EntryPlace::Nowhere(Without::NotServed),
        };
    }
    let label = meta.labels.get(AUTOMATIC);
    if label.is_some_and(|label| label.eq_ignore_ascii_case("false")) {
        return EntryPlace::Nowhere(Without::OptedOut);
    }
    let written = status.unwrap_or_default().iter().take(2 * LIST_MAX);
    let written = written.filter_map(|written| {
        let host = HostName::parse(written.host.as_deref()?)?;
        Some((host, address(written.value.as_deref()?)?))
    });
    EntryPlace::Automatic(written.collect())
}

/// An address, or a network of one address; the unspecified address stands for none.
fn address(text: &str) -> Option<IpAddr> {
    let (text, bits) = match text.split_once('/') {
        Some((text, bits)) => (text, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = text.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let is_one = bits.is_none_or(|bits| bits == whole) && !address.is_unspecified();
    is_one.then(|| address.to_canonical())
}

fn ports(raw: &[RawPort]) -> Arc<[Port]> {
    let ports = raw.iter().take(LIST_MAX).filter_map(|port| {
        Some(Port {
            name: port.name().to_ascii_lowercase().into(),
            number: u16::try_from(port.number)
                .ok()
                .filter(|number| *number > 0)?,
            is_udp: port.protocol().eq_ignore_ascii_case("UDP"),
        })
    });
    ports.collect()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawSidecar {
    egress: Option<Vec<RawEgress>>,
    #[serde(rename = "workloadSelector")]
    selector: Option<RawSelector>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawEgress {
    hosts: Option<Vec<String>>,
    port: Option<RawPort>,
}

/// Reads a Sidecar; `None` if it makes no sense.
pub(crate) fn read_sidecar(object: &Object<'_>) -> Option<ReadSidecar> {
    let raw: Raw<RawSidecar> = serde_json::from_slice(object.bytes).ok()?;
    let id = id(&raw.metadata)?;
    let spec = raw.spec.unwrap_or_default();
    let mut egress: Vec<Egress> = Vec::new();
    for listener in spec.egress.unwrap_or_default() {
        let hosts = listener.hosts.unwrap_or_default();
        let port = listener.port.as_ref().and_then(listener_port);
        egress.push(Egress::new(port, hosts.iter().map(String::as_str)));
    }
    if egress.is_empty() {
        egress.push(Egress::new(None, ["*/*"].into_iter()));
    }
    let sidecar = Sidecar {
        namespace: Arc::clone(&id.namespace),
        name: Arc::clone(&id.name),
        created: created(&raw.metadata),
        selector: spec.selector.map(|selector| selector.pairs()),
        egress: egress.into(),
    };
    Some((id, sidecar))
}

/// The port that hosts of a listener must have; a proxy for HTTP takes hosts of any.
fn listener_port(port: &RawPort) -> Option<u16> {
    let is_proxy = port.protocol().eq_ignore_ascii_case("HTTP_PROXY");
    let number = u16::try_from(port.number).ok();
    number.filter(|number| *number > 0 && !is_proxy)
}
