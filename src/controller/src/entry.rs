//! A name that is to be written, or was.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;
use catena_plugin::zones::longest;
use catena_rpc::Names;

/// A name with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: Name,
    /// The zone to write it to; the name's suffix if the command line names no zones.
    pub zone: Arc<Name>,
    /// Sorted, at least one.
    pub addresses: Arc<[IpAddr]>,
    pub ttl: u32,
}

/// Entries by the text of their names.
pub(crate) type Entries = BTreeMap<Box<str>, Entry>;

impl Entry {
    /// The name below its zone, as `dynapi` wants it, without dots at the ends.
    pub fn relative(&self) -> String {
        let (name, zone) = (self.name.to_string(), self.zone.to_string());
        let below = name.strip_suffix(&zone).unwrap_or(&name);
        below.trim_end_matches('.').to_owned()
    }
}

/// What of `names` is to be written: what has an address, and is in `zones` if there are any.
pub(crate) fn wanted(names: &Names, zones: &[Name], ttl: u32) -> Entries {
    let mut entries = Entries::new();
    for (text, target) in &names.targets {
        let zone = match zones {
            [] => Arc::clone(&target.suffix),
            zones => match longest(zones, target.name.view()) {
                Some(zone) => Arc::new(zone.clone()),
                None => continue,
            },
        };
        if target.addresses.is_empty() {
            continue;
        }
        let entry = Entry {
            name: target.name.clone(),
            zone,
            addresses: Arc::clone(&target.addresses),
            ttl,
        };
        entries.insert(text.clone(), entry);
    }
    entries
}
