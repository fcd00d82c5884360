//! The APIs of the process: several server blocks may share an address.

use std::sync::{Arc, Weak};

use catena_http::Address;
use parking_lot::Mutex;

use super::Api;

static OPEN: Mutex<Doors> = Mutex::new(Doors {
    generation: 0,
    apis: Vec::new(),
});

struct Doors {
    /// Counts the generations of server blocks.
    generation: u64,
    /// In the order of their start, each with its generation.
    apis: Vec<(u64, Weak<Api>)>,
}

/// Says that the APIs that join from now on are those of a new generation.
pub(crate) fn begin_generation() {
    OPEN.lock().generation += 1;
}

/// Adds the API of a server block; an error if it cannot share its address with the others.
pub(super) fn join(api: &Arc<Api>) -> Result<(), String> {
    let mut open = OPEN.lock();
    let generation = open.generation;
    open.apis.retain(|(_, api)| api.strong_count() > 0);
    let others = open.apis.iter().filter(|(own, _)| *own == generation);
    for other in others.filter_map(|(_, other)| other.upgrade()) {
        if other.listen.address == api.listen.address {
            check(&other, api)?;
        }
    }
    open.apis.push((generation, Arc::downgrade(api)));
    Ok(())
}

/// Whether two server blocks can be told apart at one address.
fn check(one: &Api, other: &Api) -> Result<(), String> {
    let address = &one.listen.address;
    let files = |api: &Api| api.listen.tls.as_ref().map(|tls| tls.files.clone());
    if files(one) != files(other) {
        return Err(format!(
            "two server blocks listen on {address} with different 'tls'"
        ));
    }
    let mut zones = other.zones.iter();
    match zones.find(|zone| one.has_zone(zone.origin())) {
        Some(zone) => Err(format!(
            "two server blocks serve {} at {address}: only one may listen there",
            zone.origin()
        )),
        None => Ok(()),
    }
}

/// The APIs at `address`, the latest first.
pub(super) fn at(address: &Address) -> Vec<Arc<Api>> {
    let open = OPEN.lock();
    let latest = open.apis.iter().rev().filter_map(|(_, api)| api.upgrade());
    latest
        .filter(|api| api.listen.address == *address)
        .collect()
}
