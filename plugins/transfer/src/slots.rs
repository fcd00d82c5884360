//! How many zones may be on their way at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Transfers at once.
const TOTAL_MAX: usize = 128;
/// Transfers at once to one client: several zones, not all places.
const CLIENT_MAX: usize = 16;

/// The places for transfers of one server block.
#[derive(Clone, Default)]
pub(crate) struct Slots(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place that is taken until this is dropped.
pub(crate) struct Slot {
    slots: Slots,
    client: IpAddr,
}

impl Slots {
    /// A place for `client`, if there is one.
    pub fn take(&self, client: IpAddr) -> Option<Slot> {
        let mut taken = self.0.lock();
        if taken.values().sum::<usize>() >= TOTAL_MAX {
            return None;
        }
        let own = taken.entry(client).or_default();
        if *own >= CLIENT_MAX {
            return None;
        }
        *own += 1;
        let slots = self.clone();
        Some(Slot { slots, client })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock();
        if let Some(own) = taken.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.client);
            }
        }
    }
}
