//! Buffers of replies, kept per thread so that answering allocates nothing.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use super::names::Names;
use crate::edns::ReplyEdns;

/// Buffers a thread keeps.
const KEPT_MAX: usize = 256;
/// Octets of a buffer that is kept; a larger one is given back to the allocator.
const KEPT_LEN: usize = 4096;

/// What a reply consists of.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub packet: Vec<u8>,
    /// Offset after the question.
    pub records_at: usize,
    /// Whether names are compressed.
    pub compressed: bool,
    /// What names to come may point at.
    pub names: Names,
    pub edns: Option<Box<ReplyEdns>>,
    /// The EDNS size to give back at most, and the length to cut to.
    pub size_cap: Option<(u16, u16)>,
}

impl Parts {
    pub fn copy_from(&mut self, other: &Parts) {
        self.packet.extend_from_slice(&other.packet);
        self.records_at = other.records_at;
        self.compressed = other.compressed;
        self.names.clone_from(&other.names);
        self.edns.clone_from(&other.edns);
        self.size_cap = other.size_cap;
    }

    fn clear(&mut self) {
        self.packet.clear();
        self.records_at = 0;
        self.compressed = false;
        self.names.clear();
        self.edns = None;
        self.size_cap = None;
    }
}

/// What is read where there are no parts, which is nowhere but in a drop.
static NONE: Parts = Parts {
    packet: Vec::new(),
    records_at: 0,
    compressed: false,
    names: Names::new(),
    edns: None,
    size_cap: None,
};

/// Parts that go back to the thread's pool when they are dropped.
///
/// Behind a pointer: a reply is handed up through every stage of a chain, and only its address
/// should have to move.
#[derive(Debug)]
pub(super) struct Pooled(Option<Box<Parts>>);

thread_local! {
    #[expect(clippy::vec_box, reason = "a reply takes the box as it is")]
    static POOL: RefCell<Vec<Box<Parts>>> = const { RefCell::new(Vec::new()) };
}

/// Empty parts, with room from an earlier reply if there was one.
pub(super) fn take() -> Pooled {
    let kept = POOL.with_borrow_mut(Vec::pop);
    Pooled(Some(kept.unwrap_or_default()))
}

impl Deref for Pooled {
    type Target = Parts;

    #[inline]
    fn deref(&self) -> &Parts {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Pooled {
    #[inline]
    fn deref_mut(&mut self) -> &mut Parts {
        self.0.get_or_insert_default()
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some(mut parts) = self.0.take() else {
            return;
        };
        if parts.packet.capacity() == 0 || parts.packet.capacity() > KEPT_LEN {
            return;
        }
        parts.clear();
        // While a thread ends its pool may be gone already: then the room is simply freed.
        let _gone = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut()
                && pool.len() < KEPT_MAX
            {
                pool.push(parts);
            }
        });
    }
}
