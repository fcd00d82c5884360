//! Reads objects as the API server encodes them: protobuf, and JSON for custom resources.

use std::sync::Arc;

use catena_dns::Name;
use catena_kube::protobuf::{Fields, Value, address, entry};
use catena_kube::{Metadata, Object, SERVICE_NAME};
use hashbrown::HashSet;
use serde::Deserialize;

use super::{Detail, Endpoint, Host, Key, Pod, Port, Protocol, Service, ServiceKind, Slice};

const IMPORTED_NAME: &str = "multicluster.kubernetes.io/service-name";
const SOURCE_CLUSTER: &str = "multicluster.kubernetes.io/source-cluster";
const CHANGE_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// The longest label.
const LABEL_MAX: usize = 63;
/// Lists of ports that are shared; more are not.
const POOL_MAX: usize = 4096;

/// What is taken from objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Endpoints are named after their pods.
    pub pod_names: bool,
    /// Endpoints keep their zones.
    pub zones: bool,
}

/// Lists of ports that many objects have in common.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    ports: HashSet<Arc<[Port]>, foldhash::fast::RandomState>,
}

impl Pool {
    fn share(&mut self, ports: Vec<Port>) -> Arc<[Port]> {
        if let Some(known) = self.ports.get(&*ports) {
            return Arc::clone(known);
        }
        let ports: Arc<[Port]> = ports.into();
        if self.ports.len() >= POOL_MAX {
            self.ports.retain(|ports| Arc::strong_count(ports) > 1);
        }
        if self.ports.len() < POOL_MAX {
            self.ports.insert(Arc::clone(&ports));
        }
        ports
    }
}

/// Service and namespace as a key; `None` if they are no labels.
pub(crate) fn key(name: &str, namespace: &str) -> Option<Key> {
    let mut wire = Key::with_capacity(name.len() + namespace.len() + 2);
    for label in [name, namespace] {
        if label.is_empty() || label.len() > LABEL_MAX {
            return None;
        }
        wire.push(u8::try_from(label.len()).ok()?);
        wire.extend(label.bytes().map(|octet| octet.to_ascii_lowercase()));
    }
    Some(wire)
}

fn lower(text: &str) -> Box<[u8]> {
    text.as_bytes().to_ascii_lowercase().into()
}

fn protocol(text: &str) -> Protocol {
    match text {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        "SCTP" => Protocol::Sctp,
        _ => Protocol::Unknown,
    }
}

/// A port; services and endpoints number its fields alike.
fn port(message: &[u8]) -> Port {
    let mut port = Port::default();
    for (number, value) in Fields::new(message) {
        match number {
            1 => port.name = lower(value.text()),
            2 => port.protocol = protocol(value.text()),
            3 => port.number = u16::try_from(value.int32()).ok(),
            _ => {}
        }
    }
    port
}

/// `ports`, or what stands for none.
fn or_none(mut ports: Vec<Port>) -> Vec<Port> {
    if ports.is_empty() {
        ports.push(Port::default());
    }
    ports
}

impl Service {
    /// Reads a `v1.Service`.
    pub fn read(message: &[u8], pool: &mut Pool) -> Option<Service> {
        let meta = Metadata::of(message)?;
        let (mut spec, mut status) = (&[][..], &[][..]);
        let mut fields = Fields::new(message);
        for (number, value) in fields.by_ref() {
            match number {
                2 => spec = value.bytes(),
                3 => status = value.bytes(),
                _ => {}
            }
        }
        let key = key(meta.name, meta.namespace).filter(|_| fields.is_whole())?;
        let mut found = Spec::default();
        for (number, value) in Fields::new(spec) {
            found.take(number, value);
        }
        let mut external = found.external;
        for ingress in ingresses(status) {
            external.extend(host(ingress));
        }
        let kind = match (
            found.kind,
            found.addresses.first().or(found.address.as_ref()),
        ) {
            ("ExternalName", _) => external_name(found.external_name),
            (_, Some(&"None")) => ServiceKind::Headless,
            _ => {
                let texts = match found.addresses.is_empty() {
                    true => found.address.as_slice(),
                    false => &found.addresses,
                };
                ServiceKind::Cluster(texts.iter().filter_map(|text| address(text)).collect())
            }
        };
        Some(Service {
            key,
            kind,
            ports: pool.share(or_none(found.ports)),
            external: external.into(),
        })
    }

    /// Reads a `multicluster.x-k8s.io/v1alpha1` `ServiceImport`.
    pub fn read_import(object: &Object<'_>, pool: &mut Pool) -> Option<Service> {
        let import: Import<'_> = serde_json::from_slice(object.bytes).ok()?;
        let spec = import.spec;
        let kind = match spec.kind {
            "Headless" => ServiceKind::Headless,
            _ => ServiceKind::Cluster(spec.ips.iter().filter_map(|ip| address(ip)).collect()),
        };
        let ports = spec.ports.iter().map(|found| Port {
            number: u16::try_from(found.port).ok(),
            name: lower(found.name),
            protocol: protocol(found.protocol),
        });
        Some(Service {
            key: key(import.metadata.name, import.metadata.namespace)?,
            kind,
            ports: pool.share(ports.collect()),
            external: Box::default(),
        })
    }
}

#[derive(Default)]
struct Spec<'a> {
    kind: &'a str,
    address: Option<&'a str>,
    addresses: Vec<&'a str>,
    external_name: &'a str,
    external: Vec<Host>,
    ports: Vec<Port>,
}

impl<'a> Spec<'a> {
    fn take(&mut self, number: u64, value: Value<'a>) {
        match number {
            1 => self.ports.push(port(value.bytes())),
            3 => self.address = Some(value.text()),
            4 => self.kind = value.text(),
            5 => self.external.extend(self::host((value.text(), ""))),
            10 => self.external_name = value.text(),
            18 => self.addresses.push(value.text()),
            _ => {}
        }
    }
}

/// Address and name of each way in that a load balancer has.
fn ingresses(status: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let balancer = Fields::new(status)
        .find_value(1)
        .map_or(&[][..], Value::bytes);
    let ingresses = Fields::new(balancer).filter(|(number, _)| *number == 1);
    ingresses.map(|(_, value)| entry(value.bytes()))
}

fn host((ip, name): (&str, &str)) -> Option<Host> {
    match (address(ip), name) {
        (Some(address), _) => Some(Host::Address(address)),
        (None, "") => Some(Host::Name(host_name(ip)?)),
        (None, name) => Some(Host::Name(host_name(name)?)),
    }
}

fn host_name(text: &str) -> Option<Name> {
    if text.is_empty() {
        None
    } else {
        text.parse().ok()
    }
}

fn external_name(text: &str) -> ServiceKind {
    if address(text).is_some() {
        return ServiceKind::Unnamed;
    }
    host_name(text).map_or(ServiceKind::Unnamed, ServiceKind::External)
}

/// A slice, or why there is nothing to keep of it.
pub(crate) enum ReadSlice<'a> {
    /// Endpoints of a service, and when they changed.
    Of(Slice, &'a str),
    /// It belongs to no service, such as one that lost its label.
    Loose { name: &'a str, namespace: &'a str },
}

impl Slice {
    /// Reads a `discovery.k8s.io/v1` `EndpointSlice`; an imported one by its other label.
    pub fn read<'a>(
        message: &'a [u8],
        is_import: bool,
        reading: Reading,
        pool: &mut Pool,
    ) -> Option<ReadSlice<'a>> {
        let meta = Metadata::of(message)?;
        let (mut endpoints, mut ports) = (Vec::new(), Vec::new());
        let mut fields = Fields::new(message);
        for (number, value) in fields.by_ref() {
            match number {
                2 => read_endpoint(value.bytes(), reading, &mut endpoints),
                3 => ports.push(port(value.bytes())),
                _ => {}
            }
        }
        if !fields.is_whole() || meta.name.is_empty() {
            return None;
        }
        let (name, namespace) = (meta.name, meta.namespace);
        let service = meta.label(match is_import {
            true => IMPORTED_NAME,
            false => SERVICE_NAME,
        });
        let Some(key) = key(service, namespace) else {
            return Some(ReadSlice::Loose { name, namespace });
        };
        let slice = Slice {
            name: name.into(),
            key,
            ports: pool.share(or_none(ports)),
            endpoints: endpoints.into(),
            cluster: is_import.then(|| lower(meta.label(SOURCE_CLUSTER))),
        };
        let changed = meta.annotation(CHANGE_TIME).unwrap_or("");
        Some(ReadSlice::Of(slice, changed))
    }
}

/// Adds the addresses of an endpoint that is ready; not saying so counts as ready.
fn read_endpoint(message: &[u8], reading: Reading, out: &mut Vec<Endpoint>) {
    let first = out.len();
    let (mut hostname, mut pod, mut zone) = ("", "", "");
    for (number, value) in Fields::new(message) {
        match number {
            1 => out.extend(value.address().map(|address| Endpoint {
                address,
                detail: None,
            })),
            2 if value.field(1).is_some_and(|ready| !ready.is_true()) => {
                out.truncate(first);
                return;
            }
            3 => hostname = value.text(),
            4 if reading.pod_names => {
                pod = value.field(3).map_or("", Value::text);
            }
            7 if reading.zones => zone = value.text(),
            _ => {}
        }
    }
    let label = match hostname {
        "" if pod.len() <= LABEL_MAX => pod,
        hostname => hostname,
    };
    if label.is_empty() && zone.is_empty() || label.len() > LABEL_MAX {
        return;
    }
    for endpoint in out.iter_mut().skip(first) {
        endpoint.detail = Some(Box::new(Detail {
            label: lower(label),
            zone: lower(zone),
        }));
    }
}

/// A pod, and whether it is about to end.
pub(crate) fn pod(message: &[u8]) -> Option<(Pod, bool)> {
    let meta = Metadata::of(message)?;
    let mut address = None;
    let mut fields = Fields::new(message);
    for (number, value) in fields.by_ref() {
        if number == 3 {
            address = value.field(6).and_then(Value::address);
        }
    }
    if !fields.is_whole() || meta.name.is_empty() {
        return None;
    }
    let labels = meta.labels();
    let pod = Pod {
        name: meta.name.into(),
        namespace: meta.namespace.into(),
        address,
        labels: labels
            .map(|(key, value)| (key.into(), value.into()))
            .collect(),
    };
    Some((pod, meta.is_ending))
}

/// The name of a namespace, in lower case.
pub(crate) fn namespace(message: &[u8]) -> Option<Box<[u8]>> {
    let meta = Metadata::of(message)?;
    (!meta.name.is_empty()).then(|| lower(meta.name))
}

#[derive(Deserialize)]
struct Import<'a> {
    #[serde(borrow)]
    metadata: ImportMeta<'a>,
    #[serde(borrow, default)]
    spec: ImportSpec<'a>,
}

#[derive(Deserialize)]
struct ImportMeta<'a> {
    name: &'a str,
    namespace: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ImportSpec<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    ips: Vec<&'a str>,
    #[serde(borrow)]
    ports: Vec<ImportPort<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ImportPort<'a> {
    name: &'a str,
    protocol: &'a str,
    port: i64,
}

#[cfg(test)]
mod tests;
