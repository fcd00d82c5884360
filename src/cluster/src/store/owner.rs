//! Who has an address: services, endpoints, pods.

use std::net::IpAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::object::{Endpoint, Pod, Service, ServiceKind, Slice};

/// The services and endpoints at one address; nearly always one of them, so it is kept small.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    /// The service's address at this place.
    Service(Arc<Service>, u32),
    /// The slice's endpoint at this place.
    Endpoint(Arc<Slice>, u32),
    Many(Arc<Many>),
}

/// Several that have the same address.
#[derive(Clone, Debug)]
pub(crate) struct Many {
    address: IpAddr,
    services: SmallVec<[(Arc<Service>, u32); 1]>,
    endpoints: SmallVec<[(Arc<Slice>, u32); 2]>,
}

impl Owner {
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Owner::Service(service, place) => match &service.kind {
                ServiceKind::Cluster(addresses) => {
                    addresses.get(usize::try_from(*place).ok()?).copied()
                }
                _ => None,
            },
            Owner::Endpoint(slice, place) => Some(endpoint_at(slice, *place)?.address),
            Owner::Many(many) => Some(many.address),
        }
    }

    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        let (one, many) = match self {
            Owner::Service(service, _) => (Some(service), None),
            Owner::Endpoint(..) => (None, None),
            Owner::Many(many) => (None, Some(many)),
        };
        let many = many.into_iter().flat_map(|many| &many.services);
        one.into_iter().chain(many.map(|(service, _)| service))
    }

    pub fn endpoints(&self) -> impl Iterator<Item = (&Arc<Slice>, &Endpoint)> {
        let (one, many) = match self {
            Owner::Service(..) => (None, None),
            Owner::Endpoint(slice, place) => (Some((slice, *place)), None),
            Owner::Many(many) => (None, Some(many)),
        };
        let many = many.into_iter().flat_map(|many| &many.endpoints);
        let many = many.map(|(slice, place)| (slice, *place));
        one.into_iter()
            .chain(many)
            .filter_map(|(slice, place)| Some((slice, endpoint_at(slice, place)?)))
    }

    /// All that own the address now, and `one` more.
    pub fn with(owner: Option<Owner>, address: IpAddr, one: Owner) -> Owner {
        let Some(owner) = owner else { return one };
        let mut many = owner.into_many(address);
        match one {
            Owner::Service(service, place) => many.services.push((service, place)),
            Owner::Endpoint(slice, place) => many.endpoints.push((slice, place)),
            Owner::Many(_) => {}
        }
        Owner::Many(Arc::new(many))
    }

    /// What is left without `service`.
    pub fn without_service(self, address: IpAddr, service: &Arc<Service>) -> Option<Owner> {
        let mut many = self.into_many(address);
        many.services
            .retain(|(known, _)| !Arc::ptr_eq(known, service));
        many.shrink()
    }

    /// What is left without `slice`.
    pub fn without_slice(self, address: IpAddr, slice: &Arc<Slice>) -> Option<Owner> {
        let mut many = self.into_many(address);
        many.endpoints
            .retain(|(known, _)| !Arc::ptr_eq(known, slice));
        many.shrink()
    }

    fn into_many(self, address: IpAddr) -> Many {
        let mut many = Many {
            address,
            services: SmallVec::new(),
            endpoints: SmallVec::new(),
        };
        match self {
            Owner::Service(service, place) => many.services.push((service, place)),
            Owner::Endpoint(slice, place) => many.endpoints.push((slice, place)),
            Owner::Many(shared) => many = Arc::unwrap_or_clone(shared),
        }
        many
    }
}

impl Many {
    fn shrink(mut self) -> Option<Owner> {
        match (self.services.len(), self.endpoints.len()) {
            (1, 0) => self
                .services
                .pop()
                .map(|(s, place)| Owner::Service(s, place)),
            (0, 1) => self
                .endpoints
                .pop()
                .map(|(s, place)| Owner::Endpoint(s, place)),
            (0, 0) => None,
            _ => Some(Owner::Many(Arc::new(self))),
        }
    }
}

fn endpoint_at(slice: &Slice, place: u32) -> Option<&Endpoint> {
    slice.endpoints.get(usize::try_from(place).ok()?)
}

/// The services that have an address outside the cluster.
#[derive(Clone, Debug)]
pub(crate) struct ExternalOwner {
    pub address: IpAddr,
    pub services: SmallVec<[Arc<Service>; 1]>,
}

/// The pods that have an address.
#[derive(Clone, Debug)]
pub(crate) struct PodsAt {
    pub address: IpAddr,
    pub pods: SmallVec<[Arc<Pod>; 1]>,
}
