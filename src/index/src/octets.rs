//! A run of octets that only grows: in huge pages once there are many.
//!
//! A look-up lands anywhere in a large zone, and with pages of 4 KiB it misses the processor's
//! table of pages each time; of pages of 2 MiB a million names need forty.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// Octets of a huge page.
const PAGE: usize = 2 << 20;
/// From here on the unused end of a huge page is worth it.
const MANY: usize = 2 * PAGE;

/// See the module. Few octets are an ordinary vector.
#[derive(Default)]
pub struct Octets {
    few: Vec<u8>,
    /// All of them, once they are many; what is behind `length` was never touched.
    many: Option<MmapMut>,
    /// Of what is in `many`.
    length: usize,
}

impl Octets {
    /// None yet, with room for `octets`; room that is not used costs nothing.
    pub fn with_capacity(octets: usize) -> Self {
        let many = huge_pages(octets);
        let few = match many {
            Some(_) => Vec::new(),
            None => Vec::with_capacity(octets),
        };
        Octets {
            few,
            many,
            length: 0,
        }
    }

    /// Adds `octets` at the end.
    #[inline]
    pub fn extend_from_slice(&mut self, octets: &[u8]) {
        let end = self.length + octets.len();
        match &mut self.many {
            None if self.few.len() + octets.len() < MANY => self.few.extend_from_slice(octets),
            Some(many) if end <= many.len() => {
                if let Some(room) = many.get_mut(self.length..end) {
                    room.copy_from_slice(octets);
                    self.length = end;
                }
            }
            _ => self.outgrow(octets),
        }
    }

    /// Adds `octets` where there is no room for them.
    #[cold]
    fn outgrow(&mut self, octets: &[u8]) {
        let length = self.len();
        let pages = huge_pages(2 * (length + octets.len()));
        let Some(mut pages) = pages else {
            // The system gives none: they stay, or become, a vector.
            self.few = std::mem::take(self).into_vec();
            self.few.extend_from_slice(octets);
            return;
        };
        let (known, rest) = pages.split_at_mut(length);
        known.copy_from_slice(self);
        for (from, to) in octets.iter().zip(rest) {
            *to = *from;
        }
        *self = Octets {
            few: Vec::new(),
            many: Some(pages),
            length: length + octets.len(),
        };
    }

    fn into_vec(self) -> Vec<u8> {
        match self.many {
            Some(_) => self.to_vec(),
            None => self.few,
        }
    }

    /// Gives back room that is not used.
    pub fn shrink_to_fit(&mut self) {
        self.few.shrink_to_fit();
    }
}

impl Deref for Octets {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.many {
            None => &self.few,
            Some(many) => many.get(..self.length).unwrap_or_default(),
        }
    }
}

impl DerefMut for Octets {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.many {
            None => &mut self.few,
            Some(many) => many.get_mut(..self.length).unwrap_or_default(),
        }
    }
}

impl std::fmt::Debug for Octets {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Octets({})", self.len())
    }
}

/// Room for `octets` in huge pages; `None` if that is not worth it or not to be had.
#[cfg(target_os = "linux")]
fn huge_pages(octets: usize) -> Option<MmapMut> {
    if octets < MANY {
        return None;
    }
    let pages = MmapMut::map_anon(octets.next_multiple_of(PAGE)).ok()?;
    // Small pages will do where the system has no others.
    let _small = pages.advise(memmap2::Advice::HugePage);
    Some(pages)
}

#[cfg(not(target_os = "linux"))]
fn huge_pages(_: usize) -> Option<MmapMut> {
    None
}

#[cfg(test)]
mod tests {
    use super::{MANY, Octets};

    /// Octets that tell where they stand.
    fn pattern(length: usize) -> Vec<u8> {
        let cycle = 0..=250;
        cycle.cycle().take(length).collect()
    }

    #[test]
    fn octets_are_the_same_however_many() {
        for capacity in [0, 100, MANY, 2 * MANY] {
            let (mut octets, all) = (Octets::with_capacity(capacity), pattern(3 * MANY));
            for part in all.chunks(100_003) {
                octets.extend_from_slice(part);
            }
            assert!(*octets == *all, "{capacity}");
        }
    }

    #[test]
    fn octets_change_in_place() {
        let mut octets = Octets::default();
        octets.extend_from_slice(&pattern(MANY - 1));
        octets[7] = 99;
        octets.extend_from_slice(&[1, 2, 3]);
        octets[MANY] = 98;
        assert_eq!((octets.len(), octets[7], octets[MANY]), (MANY + 2, 99, 98));
        assert_eq!(octets[MANY + 1], 3);
    }
}
