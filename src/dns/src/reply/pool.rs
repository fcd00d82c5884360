//! Buffers of replies, kept per thread so that answering allocates nothing.

use std::cell::RefCell;

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

thread_local! {
    static POOL: RefCell<Vec<Parts>> = const { RefCell::new(Vec::new()) };
}

/// Empty parts, with room from an earlier reply if there was one.
pub(super) fn take() -> Parts {
    POOL.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Keeps the room of `parts` for the next reply of this thread.
pub(super) fn give(parts: &mut Parts) {
    if parts.packet.capacity() == 0 || parts.packet.capacity() > KEPT_LEN {
        return;
    }
    let mut kept = std::mem::take(parts);
    kept.clear();
    // While a thread ends its pool may be gone already: then the room is simply freed.
    let _gone = POOL.try_with(|pool| {
        if let Ok(mut pool) = pool.try_borrow_mut()
            && pool.len() < KEPT_MAX
        {
            pool.push(kept);
        }
    });
}
