//! Takes a name of a cluster's zone apart, by the Kubernetes DNS specification.

use catena_dns::NameRef;
use smallvec::SmallVec;

/// What a name below a zone means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked<'a> {
    /// A name that exists and holds nothing: the zone itself, `svc`, `pod`.
    Nothing,
    /// No name of the specification.
    Invalid,
    /// A namespace, or something in it.
    Name(Path<'a>),
}

/// The parts of a name; those that are missing are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path<'a> {
    pub kind: PathKind,
    pub namespace: &'a [u8],
    /// Service or pod.
    pub service: &'a [u8],
    /// Service and namespace in wire form.
    pub key: &'a [u8],
    /// Where the service's label begins in the name.
    pub key_at: usize,
    pub endpoint: &'a [u8],
    pub cluster: &'a [u8],
    pub port: &'a [u8],
    pub protocol: &'a [u8],
    pub topology: Option<Topology>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PathKind {
    #[default]
    Service,
    Pod,
}

impl PathKind {
    /// The label.
    pub fn name(self) -> &'static str {
        match self {
            PathKind::Service => "svc",
            PathKind::Pod => "pod",
        }
    }
}

/// A zone of machines that endpoints shall be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topology {
    /// Its name; labels joined by dots.
    pub zone: Vec<u8>,
    /// Endpoints elsewhere will do if there are none.
    pub is_preference: bool,
}

/// Which names there are in a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grammar {
    /// Endpoints have the name of their cluster.
    pub multicluster: bool,
    /// There are names for zones of machines.
    pub zonal: bool,
}

/// Takes `name`, in lower case and within `zone`, apart.
pub(crate) fn parse<'a>(name: NameRef<'a>, zone: NameRef<'_>, grammar: Grammar) -> Asked<'a> {
    let wire = name.wire();
    let end = wire.len() - zone.wire().len().min(wire.len());
    let mut starts = SmallVec::<[usize; 16]>::new();
    let mut at = 0;
    while at < end {
        starts.push(at);
        at += 1 + usize::from(wire.get(at).copied().unwrap_or(0));
    }
    let label = |place: usize| -> &'a [u8] {
        let Some(start) = starts.get(place) else {
            return &[];
        };
        let next = starts.get(place + 1).copied().unwrap_or(end);
        wire.get(start + 1..next).unwrap_or(&[])
    };
    let Some(last) = starts.len().checked_sub(1) else {
        return Asked::Nothing;
    };
    let kind = match label(last) {
        b"svc" => PathKind::Service,
        b"pod" => PathKind::Pod,
        _ => return Asked::Invalid,
    };
    if last == 0 {
        return Asked::Nothing;
    }
    let mut path = Path {
        kind,
        namespace: label(last - 1),
        ..Path::default()
    };
    if last == 1 {
        return Asked::Name(path);
    }
    path.service = label(last - 2);
    path.key_at = starts.get(last - 2).copied().unwrap_or(0);
    let key_end = starts.get(last).copied().unwrap_or(end);
    path.key = wire.get(path.key_at..key_end).unwrap_or(&[]);
    match last - 2 {
        0 => {}
        1 => path.endpoint = label(0),
        2 if !grammar.multicluster || is_underscored(label(0)) || is_underscored(label(1)) => {
            path.port = plain(label(0));
            path.protocol = plain(label(1));
        }
        2 => {
            path.endpoint = label(0);
            path.cluster = label(1);
        }
        more => {
            let zone: Vec<&[u8]> = (0..more - 2).map(label).collect();
            let is_preference = match label(more - 2) {
                b"pin" => false,
                b"prefer" => true,
                _ => return Asked::Invalid,
            };
            let is_zonal = grammar.zonal && !grammar.multicluster && kind == PathKind::Service;
            if !is_zonal || label(more - 1) != b"_zone" {
                return Asked::Invalid;
            }
            path.topology = Some(Topology {
                zone: zone.join(&b'.'),
                is_preference,
            });
        }
    }
    Asked::Name(path)
}

fn is_underscored(label: &[u8]) -> bool {
    label.first() == Some(&b'_')
}

/// `label` without its underscore.
fn plain(label: &[u8]) -> &[u8] {
    label.strip_prefix(b"_").unwrap_or(label)
}

/// Whether a name is in the zones of reverse names.
pub(crate) fn is_reverse(name: NameRef<'_>) -> bool {
    const V4: &[u8] = b"\x07in-addr\x04arpa\0";
    const V6: &[u8] = b"\x03ip6\x04arpa\0";
    let within = |zone| NameRef::from_wire(zone).is_ok_and(|zone| name.is_within(zone));
    within(V4) || within(V6)
}

#[cfg(test)]
mod tests;
