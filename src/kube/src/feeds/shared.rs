//! One of a kind for all who want the same, across reloads.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// The things of one kind that somebody holds.
#[derive(Debug)]
pub struct Shared<T>(Mutex<Vec<Weak<T>>>);

impl<T> Shared<T> {
    /// None yet.
    pub const fn new() -> Shared<T> {
        Shared(Mutex::new(Vec::new()))
    }

    /// The one that somebody holds and that `is_wanted`, or a new one.
    pub fn find_or(&self, is_wanted: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> Arc<T> {
        let mut held = self.0.lock();
        held.retain(|one| one.strong_count() > 0);
        let known = held.iter().filter_map(Weak::upgrade);
        if let Some(known) = known.into_iter().find(|known| is_wanted(known)) {
            return known;
        }
        let new = Arc::new(new());
        held.push(Arc::downgrade(&new));
        new
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Shared<T> {
        Shared::new()
    }
}
