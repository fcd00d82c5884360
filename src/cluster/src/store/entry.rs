//! All there is under one service name: the service and its endpoints.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use smallvec::SmallVec;

use crate::object::{Endpoint, Key, Service, ServiceKind, Slice};

/// Endpoints up to this many are compared without a set.
const FEW: usize = 16;

/// A service and its endpoints, either of which may be missing.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: Key,
    service: Option<Arc<Service>>,
    /// What the service is, here again: one cache miss less for each answer.
    kind: ServiceKind,
    has_ports: bool,
    pub slices: SmallVec<[Arc<Slice>; 1]>,
    /// No two endpoints have an address or a label in common.
    pub is_distinct: bool,
}

impl Entry {
    pub fn new(key: Key) -> Entry {
        Entry {
            key,
            service: None,
            kind: ServiceKind::Unnamed,
            has_ports: false,
            slices: SmallVec::new(),
            is_distinct: true,
        }
    }

    pub fn service(&self) -> Option<&Arc<Service>> {
        self.service.as_ref()
    }

    pub fn set_service(&mut self, service: Option<Arc<Service>>) {
        let kind = service.as_ref().map(|service| service.kind.clone());
        self.kind = kind.unwrap_or(ServiceKind::Unnamed);
        self.has_ports = service.as_ref().is_some_and(|s| !s.ports.is_empty());
        self.service = service;
    }

    /// What the service is; one that is not there has no name.
    pub fn kind(&self) -> &ServiceKind {
        &self.kind
    }

    /// Whether the service has a port of this name and protocol; empty ones stand for any.
    pub fn has_port(&self, name: &[u8], protocol: &[u8]) -> bool {
        if name.is_empty() && protocol.is_empty() {
            return self.has_ports;
        }
        let ports = self.service.iter().flat_map(|service| &*service.ports);
        ports.into_iter().any(|port| port.is(name, protocol))
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
