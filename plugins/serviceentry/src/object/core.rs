//! Reads Kubernetes' own kinds, which come as protobuf.

use catena_kube::protobuf::{Fields, Value, address, entry};
use catena_kube::{Id, Metadata, SERVICE_NAME};
use catena_mesh::Port;

use super::{Endpoint, Pod, Service, ServicePlace, Slice, exports};

/// The annotation of a Service that says who may see it.
const EXPORT_TO: &str = "networking.istio.io/exportTo";

/// The fields of an object that are messages, by number.
type Parts<'a> = Vec<(u64, &'a [u8])>;

/// Splits an object into metadata and fields; `None` if it is broken.
fn parts(message: &[u8]) -> Option<(Metadata<'_>, Parts<'_>)> {
    let meta = Metadata::of(message)?;
    let mut fields = Fields::new(message);
    let parts = fields
        .by_ref()
        .map(|(number, value)| (number, value.bytes()));
    let parts = parts.collect();
    fields.is_whole().then_some((meta, parts))
}

fn field<'a>(parts: &[(u64, &'a [u8])], number: u64) -> &'a [u8] {
    let found = parts.iter().find(|(known, _)| *known == number);
    found.map_or(&[], |(_, bytes)| bytes)
}

/// Reads a `v1.Service`.
pub(crate) fn read_service(message: &[u8]) -> Option<Service> {
    let (meta, parts) = parts(message)?;
    let id = Id::new(meta.namespace, meta.name)?;
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
    let export_to = meta.annotation(EXPORT_TO).unwrap_or("");
    Some(Service {
        created: meta.created,
        place,
        ports: ports.into(),
        exports: exports(export_to.split(','), &id.namespace),
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
    let of = |wanted| {
        let parts = parts.iter().filter(move |(number, _)| *number == wanted);
        parts.map(|(_, bytes)| *bytes)
    };
    let names = of(3).map(|port| {
        let name = Fields::new(port).find_value(1);
        name.map_or("", Value::text).to_ascii_lowercase().into()
    });
    Some(Slice {
        id: Id::new(meta.namespace, meta.name)?,
        service: Id::new(meta.namespace, meta.label(SERVICE_NAME)),
        ports: names.collect(),
        endpoints: of(2).map(endpoint).collect(),
    })
}

/// An endpoint; one that does not say whether it is ready counts as ready.
fn endpoint(message: &[u8]) -> Endpoint {
    let (mut addresses, mut is_ready, mut hostname) = (Vec::new(), true, None);
    for (number, value) in Fields::new(message) {
        match number {
            1 => addresses.extend(value.address()),
            2 => is_ready = value.field(1).is_none_or(Value::is_true),
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
            // A condition's type and status are numbered as key and value are.
            2 => is_ready |= entry(value.bytes()) == ("Ready", "True"),
            6 => first = value.address(),
            12 => addresses.extend(value.field(1).and_then(Value::address)),
            _ => {}
        }
    }
    if addresses.is_empty() {
        addresses.extend(first);
    }
    let labels = meta.labels();
    Some(Pod {
        id: Id::new(meta.namespace, meta.name)?,
        labels: labels
            .map(|(key, value)| (key.into(), value.into()))
            .collect(),
        addresses: addresses.into(),
        is_ready,
        is_on_host: on_host.is_some_and(Value::is_true),
    })
}
