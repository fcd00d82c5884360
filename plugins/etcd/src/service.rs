//! What is read under a name: services, with their TTLs, in their groups.

use std::sync::Arc;

use catena_dns::{Name, NameRef, RecordType};
use catena_etcd::KeyValue;
use catena_etcd::skydns::{BadMessage, Host, Message, Prefix};

/// The priority and the TTL of a message that gives none.
const PRIORITY: i64 = 10;
const TTL: u32 = 300;
/// Keys under one name that are read: more would fit in no answer.
pub(crate) const KEYS_MAX: usize = 16_384;

/// Between what the rest of a lease counts as a TTL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaseBounds {
    pub min: u32,
    pub max: u32,
}

impl Default for LeaseBounds {
    fn default() -> Self {
        LeaseBounds {
            min: 30,
            max: 86_400,
        }
    }
}

impl LeaseBounds {
    /// The TTL of a lease with `left` seconds; `None` if it is gone.
    pub fn ttl(self, left: i64) -> Option<u32> {
        let ttl = match left {
            ..1 => return None,
            left => u32::try_from(left).unwrap_or(u32::MAX),
        };
        Some(if ttl < self.min {
            self.min
        } else {
            ttl.min(self.max)
        })
    }
}

/// A key as it was read, its value parsed once.
#[derive(Debug)]
pub(crate) struct Entry {
    pub key: Box<str>,
    pub message: Result<Message, BadMessage>,
    pub lease: i64,
}

impl Entry {
    /// The entry of `key`; `None` if its name is no text, and so no name.
    pub fn new(key: &KeyValue) -> Option<Entry> {
        Some(Entry {
            key: std::str::from_utf8(&key.key).ok()?.into(),
            message: Message::parse(&key.value),
            lease: key.lease,
        })
    }
}

/// An entry with the TTL that its lease leaves it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub entry: Arc<Entry>,
    pub lease_ttl: Option<u32>,
}

/// Why there are no services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is no such key, and none below it.
    NoSuchName,
    /// etcd or a value is at fault.
    Failed(String),
}

/// Where the services of a name are looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The key itself.
    pub key: String,
    /// What all keys below it begin with; `None` to look at the key alone.
    pub below: Option<String>,
    /// The parts of the key that was asked for, if some of them stand for any.
    pattern: Option<String>,
}

impl Place {
    /// Where the services of `name` are: at its key alone.
    pub fn exact(prefix: &Prefix, name: NameRef<'_>) -> Option<Place> {
        let asked = prefix.key(name.to_lower().view())?;
        let start = prefix.as_str().len();
        let wild = asked.get(start..).and_then(first_wild);
        Some(match wild {
            None => Place {
                key: asked,
                below: None,
                pattern: None,
            },
            Some(at) => Place {
                key: asked.get(..start + at).unwrap_or_default().to_owned(),
                below: None,
                pattern: Some(asked),
            },
        })
    }

    /// Where the services of `name` are: below its key, or at it if there are none.
    pub fn below(prefix: &Prefix, name: NameRef<'_>) -> Option<Place> {
        let mut place = Place::exact(prefix, name)?;
        let slash = if place.key.ends_with('/') { "" } else { "/" };
        place.below = Some(format!("{}{slash}", place.key));
        Some(place)
    }

    /// Whether the key was asked for, as far as labels `*` and `any` leave it open.
    pub fn takes(&self, key: &str) -> bool {
        let Some(pattern) = &self.pattern else {
            return true;
        };
        let mut parts = key.split('/');
        pattern.split('/').all(|asked| match parts.next() {
            Some(part) => part == asked || is_wild(asked),
            None => false,
        })
    }
}

fn is_wild(part: &str) -> bool {
    part == "*" || part == "any"
}

/// Where the first part of `path` that stands for any begins, its slash included.
fn first_wild(path: &str) -> Option<usize> {
    let mut at = 0usize;
    for part in path.split('/') {
        if is_wild(part) {
            return Some(at.saturating_sub(1));
        }
        at += part.len() + 1;
    }
    None
}

/// A service for one answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service<'f> {
    /// Where it stands.
    pub key: &'f str,
    message: &'f Message,
    pub ttl: u32,
    pub priority: i64,
}

impl std::ops::Deref for Service<'_> {
    type Target = Message;

    fn deref(&self) -> &Message {
        self.message
    }
}

impl Service<'_> {
    /// The name that its host is; `None` if it is none.
    pub fn host_name(&self) -> Option<Name> {
        Name::parse(&self.host, NameRef::ROOT).ok()
    }

    /// The name that it is known by as a target: that of its host, or of its key.
    pub fn target(&self, prefix: &Prefix) -> Option<Name> {
        let name = match self.host_kind() {
            Host::Address(_) => prefix.name(self.key)?,
            _ => self.host_name()?,
        };
        Some(strip(name, self.targetstrip))
    }
}

/// `name` without its first `count` labels, unless it has no more than that.
fn strip(name: Name, count: i64) -> Name {
    let count = usize::try_from(count).unwrap_or(0);
    let stripped = name.view().ancestors().nth(count);
    match stripped {
        Some(rest) if !rest.is_root() => rest.to_name(),
        _ => name,
    }
}

/// The services among `found` that may answer a question for `qtype`.
pub(crate) fn services(found: &[Found], qtype: RecordType) -> Result<Vec<Service<'_>>, Trouble> {
    let mut services = Vec::with_capacity(found.len());
    for Found { entry, lease_ttl } in found {
        let message = match &entry.message {
            Ok(message) => message,
            Err(error) => return Err(Trouble::Failed(format!("{}: {error}", entry.key))),
        };
        let is_text = qtype == RecordType::TXT && !message.text.is_empty();
        if !is_text && message.host.is_empty() {
            continue;
        }
        services.push(Service {
            key: &entry.key,
            message,
            ttl: match (message.ttl, lease_ttl) {
                (0, None) => TTL,
                (0, Some(left)) => *left,
                (ttl, left) => left.map_or(ttl, |left| left.min(ttl)),
            },
            priority: match message.priority {
                0 => PRIORITY,
                priority => priority,
            },
        });
    }
    Ok(group(services))
}

/// Leaves the services of the group that the highest keys are in, and those of no group.
///
/// If keys at the same height disagree there is no group.
fn group(mut services: Vec<Service<'_>>) -> Vec<Service<'_>> {
    let Some(first) = services.first() else {
        return services;
    };
    let height = |service: &Service<'_>| service.key.matches('/').count();
    let (mut group, mut highest) = (first.group.clone(), height(first));
    // CoreDNS stops here at a higher key without a group, and measures no key after it.
    let mut heights = Vec::with_capacity(services.len());
    for service in &services {
        let own = height(service);
        heights.push(own);
        if own < highest {
            if service.group.is_empty() {
                break;
            }
            highest = own;
            group.clone_from(&service.group);
        }
    }
    if group.is_empty() {
        return services;
    }
    heights.resize(services.len(), 0);
    let disagrees = |(service, height): (&Service<'_>, &usize)| {
        !service.group.is_empty() && *height == highest && service.group != group
    };
    if services.iter().zip(&heights).any(disagrees) {
        return services;
    }
    services.retain(|service| service.group.is_empty() || service.group == group);
    services
}
