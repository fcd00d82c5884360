//! Children with a `server` label, found once for each listener.

use std::sync::OnceLock;

use crate::ServerId;

/// Listeners with a slot of their own; those above share the last.
const SLOTS: usize = 64;

/// A value for each listener, made when a query first needs it.
#[derive(Debug)]
pub struct PerServer<T> {
    slots: Box<[OnceLock<T>]>,
}

impl<T> PerServer<T> {
    /// No values yet.
    pub fn new() -> Self {
        PerServer {
            slots: (0..SLOTS).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The value for `server`, made of its label the first time.
    #[inline]
    pub fn get(&self, server: &ServerId, make: impl FnOnce(&str) -> T) -> Option<&T> {
        let slot = self.slots.get(server.index.min(SLOTS - 1))?;
        Some(slot.get_or_init(|| make(&server.address)))
    }
}

impl<T> Default for PerServer<T> {
    fn default() -> Self {
        PerServer::new()
    }
}
