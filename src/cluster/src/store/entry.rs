//! All there is under one service name: the service and its endpoints.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use smallvec::SmallVec;

use crate::object::{Endpoint, Key, Service, Slice};
use catena_index::shards::Keyed;

/// Endpoints up to this many are compared without a set.
const FEW: usize = 16;

/// A service and its endpoints, either of which may be missing.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: Key,
    /// The key again, beside the rest: one cache miss less for each answer.
    name: SmallVec<[u8; 40]>,
    pub service: Option<Arc<Service>>,
    pub slices: SmallVec<[Arc<Slice>; 1]>,
    /// No two endpoints have an address or a label in common.
    pub is_distinct: bool,
}

impl Entry {
    pub fn new(key: Key) -> Entry {
        Entry {
            name: SmallVec::from_slice(&key),
            key,
            service: None,
            slices: SmallVec::new(),
            is_distinct: true,
        }
    }

    pub fn is_named(&self, key: &[u8]) -> bool {
        *self.name == *key
    }

    pub fn is_empty(&self) -> bool {
        self.service.is_none() && self.slices.is_empty()
    }

    /// All endpoints, with the slices they are in.
    pub fn endpoints(&self) -> impl Iterator<Item = (&Slice, &Endpoint)> {
        self.slices.iter().flat_map(|slice| {
            let endpoints = slice.endpoints.iter();
            endpoints.map(|endpoint| (&**slice, endpoint))
        })
    }

    /// Replaces `old` by `new`, one of which may be missing.
    pub fn replace_slice(&mut self, old: Option<&Arc<Slice>>, new: Option<&Arc<Slice>>) {
        if let Some(old) = old {
            self.slices.retain(|slice| !Arc::ptr_eq(slice, old));
        }
        self.slices.extend(new.map(Arc::clone));
        self.is_distinct = self.find_distinct();
    }

    fn find_distinct(&self) -> bool {
        let count: usize = self.slices.iter().map(|slice| slice.endpoints.len()).sum();
        let plain = self.endpoints().all(|(_, endpoint)| {
            let detail = endpoint.detail.as_ref();
            detail.is_none_or(|detail| detail.label.is_empty())
        });
        if plain && count <= FEW {
            let mut addresses: SmallVec<[_; FEW]> =
                self.endpoints().map(|(_, e)| e.address).collect();
            addresses.sort_unstable();
            return addresses.array_windows().all(|[a, b]| a != b);
        }
        let hasher = RandomState::default();
        let mut addresses = HashSet::with_capacity_and_hasher(count, hasher.clone());
        let mut labels = HashSet::with_hasher(hasher);
        self.endpoints().all(|(_, endpoint)| {
            let is_new = addresses.insert(endpoint.address);
            let mut label = Vec::new();
            if !plain {
                endpoint.label(&mut label);
            }
            is_new && (plain || labels.insert(label))
        })
    }
}

impl Keyed for Entry {
    fn hash_key(&self, hasher: &RandomState) -> u64 {
        std::hash::BuildHasher::hash_one(hasher, &*self.key)
    }
}
