//! Reads Kubernetes' own kinds, which come as protobuf.

use std::net::IpAddr;

use catena_kube::protobuf::{Fields, Value, entry};
use catena_mesh::Port;

use super::{Endpoint, Id, Pod, Service, ServicePlace, Slice, exports};

const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The annotation of a Service that says who may see it.
const EXPORT_TO: &str = "networking.istio.io/exportTo";

/// The parts of an object's metadata that somebody here reads.
#[derive(Default)]
struct Meta<'a> {
    name: &'a str,
    namespace: &'a str,
    created: u64,
    labels: Vec<(&'a str, &'a str)>,
    export_to: &'a str,
}

impl<'a> Meta<'a> {
    fn read(message: &'a [u8]) -> Meta<'a> {
        let mut meta = Meta::default();
        for (number, value) in Fields::new(message) {
            match number {
                1 => meta.name = value.text(),
                3 => meta.namespace = value.text(),
                8 => meta.created = seconds(value),
                11 => meta.labels.push(entry(value.bytes())),
                12 => {
                    if let (EXPORT_TO, listed) = entry(value.bytes()) {
                        meta.export_to = listed;
                    }
                }
                _ => {}
            }
        }
        meta
    }

    fn id(&self) -> Option<Id> {
        Id::new(self.namespace, self.name)
    }
}

/// The fields of an object that are messages, by number.
type Parts<'a> = Vec<(u64, &'a [u8])>;

/// Splits an object into metadata and other fields; `None` if it is broken.
fn parts(message: &[u8]) -> Option<(Meta<'_>, Parts<'_>)> {
    let (mut meta, mut rest) = (Meta::default(), Vec::new());
    let mut fields = Fields::new(message);
    for (number, value) in fields.by_ref() {
        match number {
            1 => meta = Meta::read(value.bytes()),
            _ => rest.push((number, value.bytes())),
        }
    }
    fields.is_whole().then_some((meta, rest))
}

fn field<'a>(parts: &[(u64, &'a [u8])], number: u64) -> &'a [u8] {
    let found = parts.iter().find(|(known, _)| *known == number);
    found.map_or(&[], |(_, bytes)| bytes)
}

/// The Id of an object of which nothing else matters any more.
pub(crate) fn read_id(message: &[u8]) -> Option<Id> {
    Meta::read(Fields::new(message).find_value(1)?.bytes()).id()
}

/// Reads a `v1.Service`.
pub(crate) fn read_service(message: &[u8]) -> Option<Service> {
    let (meta, parts) = parts(message)?;
    let id = meta.id()?;
    let (mut first, mut all, mut kind) = ("", Vec::new(), "");
    let (mut ports, mut takes_unready) = (Vec::new(), false);
    for (number, value) in Fields::new(field(&parts, 2)) {
        match number {
            1 => ports.extend(port(value.bytes())),
            3 => first = value.text(),
            4 => kind = value.text(),
            13 => takes_unready = value.number() != 0,
            18 => all.push(value.text()),
            _ => {}
        }
    }
    if all.is_empty() {
        all.push(first);
    }
    let place = match (kind, all.as_slice()) {
        ("ExternalName", _) => ServicePlace::Nowhere,
        (_, ["None", ..]) if ports.is_empty() => ServicePlace::Nowhere,
        (_, ["None", ..]) => ServicePlace::Endpoints { all: takes_unready },
        _ => ServicePlace::Addresses(all.into_iter().filter_map(address).collect()),
    };
    Some(Service {
        created: meta.created,
        place,
        ports: ports.into(),
        exports: exports(meta.export_to.split(','), &id.namespace),
        id,
    })
}

/// A port; Services and slices number its fields alike.
fn port(message: &[u8]) -> Option<Port> {
    let (mut name, mut protocol, mut port) = ("", "", 0);
    for (number, value) in Fields::new(message) {
        match number {
            1 => name = value.text(),
            2 => protocol = value.text(),
            3 => port = value.int32(),
            _ => {}
        }
    }
    Some(Port {
        name: name.to_ascii_lowercase().into(),
        number: u16::try_from(port).ok()?,
        is_udp: protocol == "UDP",
    })
}

/// Reads a `discovery.k8s.io/v1.EndpointSlice`.
pub(crate) fn read_slice(message: &[u8]) -> Option<Slice> {
    let (meta, parts) = parts(message)?;
    let service = meta.labels.iter().find(|(key, _)| *key == SERVICE_NAME);
    let of = |wanted| {
        let parts = parts.iter().filter(move |(number, _)| *number == wanted);
        parts.map(|(_, bytes)| *bytes)
    };
    let names = of(3).map(|port| {
        let name = Fields::new(port).find_value(1);
        name.map_or("", Value::text).to_ascii_lowercase().into()
    });
    Some(Slice {
        id: meta.id()?,
        service: service.and_then(|(_, name)| Id::new(meta.namespace, name)),
        ports: names.collect(),
        endpoints: of(2).map(endpoint).collect(),
    })
}

/// An endpoint; one that does not say whether it is ready counts as ready.
fn endpoint(message: &[u8]) -> Endpoint {
    let (mut addresses, mut is_ready, mut hostname) = (Vec::new(), true, None);
    for (number, value) in Fields::new(message) {
        match number {
            1 => addresses.extend(address(value.text())),
            2 => {
                let ready = Fields::new(value.bytes()).find_value(1);
                is_ready = ready.is_none_or(|ready| ready.number() != 0);
            }
            3 => hostname = Some(value.text()).filter(|name| !name.is_empty()),
            _ => {}
        }
    }
    Endpoint {
        addresses: addresses.into(),
        is_ready,
        hostname: hostname.map(Into::into),
    }
}

/// Reads a `v1.Pod`.
pub(crate) fn read_pod(message: &[u8]) -> Option<Pod> {
    let (meta, parts) = parts(message)?;
    let on_host = Fields::new(field(&parts, 2)).find_value(11);
    let (mut first, mut addresses, mut is_ready) = (None, Vec::new(), false);
    for (number, value) in Fields::new(field(&parts, 3)) {
        match number {
            2 => is_ready |= entry_is(value.bytes(), ("Ready", "True")),
            6 => first = address(value.text()),
            12 => {
                let ip = Fields::new(value.bytes()).find_value(1);
                addresses.extend(ip.and_then(|ip| address(ip.text())));
            }
            _ => {}
        }
    }
    if addresses.is_empty() {
        addresses.extend(first);
    }
    let labels = meta.labels.iter();
    Some(Pod {
        id: meta.id()?,
        labels: labels
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
        addresses: addresses.into(),
        is_ready,
        is_on_host: on_host.is_some_and(|on_host| on_host.number() != 0),
    })
}

/// Whether the first two fields of a message say this, as type and status of a condition do.
fn entry_is(message: &[u8], wanted: (&str, &str)) -> bool {
    entry(message) == wanted
}

fn address(text: &str) -> Option<IpAddr> {
    let address: Option<IpAddr> = text.parse().ok();
    address.map(|address| address.to_canonical())
}

fn seconds(time: Value<'_>) -> u64 {
    let seconds = Fields::new(time.bytes()).find_value(1);
    seconds.map_or(0, Value::number)
}
