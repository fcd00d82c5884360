//! Who has an address: services, endpoints, pods. Each is an owner of its own.

use std::net::IpAddr;
use std::sync::Arc;

use crate::object::{Endpoint, Key, Slice};

/// A service at one of its addresses, with its key: one cache miss less for each answer.
#[derive(Clone, Debug)]
pub(crate) struct ServiceAt {
    pub address: IpAddr,
    pub key: Key,
}

/// An endpoint at its address.
#[derive(Clone, Debug)]
pub(crate) struct EndpointAt {
    pub slice: Arc<Slice>,
    place: u32,
}

impl EndpointAt {
    /// All endpoints of a slice, with the address of each.
    pub fn all(slice: &Arc<Slice>) -> impl Iterator<Item = (IpAddr, EndpointAt)> {
        let endpoints = (0u32..).zip(&slice.endpoints);
        endpoints.map(|(place, endpoint)| {
            let slice = Arc::clone(slice);
            (endpoint.address, EndpointAt { slice, place })
        })
    }

    pub fn endpoint(&self) -> Option<&Endpoint> {
        let place = usize::try_from(self.place).ok()?;
        self.slice.endpoints.get(place)
    }
}
