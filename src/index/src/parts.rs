//! The parts of a zone, in groups, so that replacing one copies few links.

use std::sync::Arc;

use crate::part::Part;

/// Parts of a group.
const GROUP: usize = 64;

/// One part, or as many as a power of two.
#[derive(Clone)]
pub(crate) struct Parts {
    groups: Vec<Arc<Vec<Arc<Part>>>>,
    /// One less than the number of parts.
    mask: usize,
}

impl Parts {
    /// `parts` must be as many as a power of two.
    pub fn new(parts: Vec<Part>) -> Self {
        let mask = parts.len().saturating_sub(1);
        let mut groups = Vec::with_capacity(parts.len() / GROUP + 1);
        let mut parts = parts.into_iter().map(Arc::new).peekable();
        while parts.peek().is_some() {
            groups.push(Arc::new(parts.by_ref().take(GROUP).collect()));
        }
        Parts { groups, mask }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.mask + 1
    }

    /// Where the names with a hash are, by the half of it that is for this.
    #[inline]
    pub fn place(&self, hash: usize) -> usize {
        hash & self.mask
    }

    #[inline]
    pub fn get(&self, place: usize) -> Option<&Part> {
        let group = self.groups.get(place / GROUP)?;
        group.get(place % GROUP).map(|part| &**part)
    }

    /// Puts `part` in the place of another; whoever has a clone of these keeps the old one.
    pub fn replace(&mut self, place: usize, part: Part) {
        let group = self.groups.get_mut(place / GROUP).map(Arc::make_mut);
        if let Some(old) = group.and_then(|group| group.get_mut(place % GROUP)) {
            *old = Arc::new(part);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Part> + Clone {
        let groups = self.groups.iter().flat_map(|group| group.iter());
        groups.map(|part| &**part)
    }
}
