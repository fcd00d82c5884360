//! The families of the process that the metrics page shows: those of all compiled-in plugins.

use parking_lot::Mutex;

use super::Family;

/// Ordered by name, each name once.
static PUBLISHED: Mutex<Vec<&'static dyn Family>> = Mutex::new(Vec::new());

/// Adds `families` to the page; one whose name is there already is left out.
pub fn publish(families: &[&'static dyn Family]) {
    let mut published = PUBLISHED.lock();
    for family in families {
        let place = published.binary_search_by_key(&family.name(), |known| known.name());
        if let Err(place) = place {
            published.insert(place, *family);
        }
    }
}

/// All families that were published, ordered by name.
pub fn published() -> Vec<&'static dyn Family> {
    PUBLISHED.lock().clone()
}
