//! All objects that matter, and the table of names that follows from them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::Id;
use crate::names::{Making, Names};
use crate::object::{Claimant, Place, RpcService, Service, Slice, Unfit};

/// What agents told of a Service, if any answered yet.
pub(crate) type Told = Option<Arc<[Box<str>]>>;

/// Objects, by what they are called.
#[derive(Default)]
pub(crate) struct Store {
    rpc_services: HashMap<(Claimant, Id), RpcService>,
    services: HashMap<Id, Service>,
    /// By the slice.
    owners: HashMap<Id, Id>,
    /// By the Service, then by the slice.
    slices: BTreeMap<(Id, Id), Box<[IpAddr]>>,
    /// By the Service; one that was asked and did not answer has an entry, too.
    told: HashMap<Id, Told>,
    /// Objects that are wrong: each is told of once.
    wrong: HashSet<String>,
}

/// What follows from a store.
#[derive(Default)]
pub(crate) struct Composed {
    pub names: Names,
    /// The Services whose agents are to be asked, and the addresses of these.
    pub asked: BTreeMap<Id, Vec<IpAddr>>,
    /// Whether all of those were asked once.
    pub is_known: bool,
    /// What should be told to somebody who can mend it.
    pub complaints: Vec<String>,
}

/// Agents of one Service that are tried at most.
const AGENTS_MAX: usize = 8;

impl Store {
    pub fn apply_rpc_service(
        &mut self,
        claimant: Claimant,
        read: Result<RpcService, Unfit>,
    ) -> Result<Id, Unfit> {
        match read {
            Ok(rpc) => {
                let id = rpc.id.clone();
                self.rpc_services.insert((claimant, id.clone()), rpc);
                Ok(id)
            }
            Err(Unfit::Wrong(id, why)) => {
                // What it said before is not what it says now.
                self.rpc_services.remove(&(claimant, id.clone()));
                if self.wrong.insert(format!("{id}: {why}")) {
                    tracing::warn!(target: "plugin/rpcservice", "RPCService {id}: {why}");
                }
                Ok(id)
            }
            Err(unfit) => Err(unfit),
        }
    }

    pub fn delete_rpc_service(&mut self, claimant: Claimant, id: &Id) {
        self.rpc_services.remove(&(claimant, id.clone()));
    }

    pub fn apply_service(&mut self, service: Service) -> Id {
        let id = service.id.clone();
        self.services.insert(id.clone(), service);
        id
    }

    pub fn delete_service(&mut self, id: &Id) {
        self.services.remove(id);
        self.told.remove(id);
    }

    pub fn apply_slice(&mut self, slice: Slice) -> Id {
        let (id, owner) = (slice.id.clone(), slice.service.clone());
        if self.owners.get(&id) != owner.as_ref() {
            self.delete_slice(&id);
        }
        if let Some(owner) = owner {
            self.owners.insert(id.clone(), owner.clone());
            self.slices.insert((owner, id.clone()), slice.addresses);
        }
        id
    }

    pub fn delete_slice(&mut self, id: &Id) {
        if let Some(owner) = self.owners.remove(id) {
            self.slices.remove(&(owner, id.clone()));
        }
    }

    /// Forgets the objects of one kind that a complete list did not name.
    pub fn keep_rpc_services(&mut self, claimant: Claimant, named: &HashSet<Id>) {
        self.rpc_services
            .retain(|(kind, id), _| *kind != claimant || named.contains(id));
    }

    pub fn keep_services(&mut self, named: &HashSet<Id>) {
        self.services.retain(|id, _| named.contains(id));
        self.told.retain(|id, _| named.contains(id));
    }

    pub fn keep_slices(&mut self, named: &HashSet<Id>) {
        let gone: Vec<Id> = self.owners.keys().cloned().collect();
        for id in gone.iter().filter(|id| !named.contains(id)) {
            self.delete_slice(id);
        }
    }

    /// Notes what the agents of a Service told; says whether that is news.
    pub fn note_told(&mut self, service: &Id, told: Told) -> bool {
        if !self.services.contains_key(service) {
            return false;
        }
        match (self.told.get_mut(service), told) {
            // What was told once stays while nobody answers.
            (Some(_), None) => false,
            (Some(known), told) => {
                let is_news = *known != told;
                *known = told;
                is_news
            }
            (None, told) => {
                self.told.insert(service.clone(), told);
                true
            }
        }
    }

    /// The table of names, and what else follows.
    pub fn compose(&self) -> Composed {
        let mut composed = Composed {
            is_known: true,
            ..Composed::default()
        };
        let mut making = Making::new();
        for (rpc, service) in self.bindings(&mut composed.complaints) {
            let addresses = match &service.place {
                Place::Addresses(addresses) => Arc::clone(addresses),
                Place::Endpoints => self.endpoints(&service.id),
                Place::Nowhere => continue,
            };
            if let Some(annotated) = &service.annotated {
                making.add(rpc, service, annotated, &addresses);
                continue;
            }
            let agents = self.endpoints(&service.id);
            let agents = agents.iter().copied().take(AGENTS_MAX).collect();
            composed.asked.insert(service.id.clone(), agents);
            match self.told.get(&service.id) {
                Some(Some(told)) => making.add(rpc, service, told, &addresses),
                Some(None) => making.miss(),
                None => {
                    making.miss();
                    composed.is_known = false;
                }
            }
        }
        let (names, left_out) = making.finish();
        if left_out > 0 {
            let text = format!("{left_out} names are too long or too many, and are left out");
            composed.complaints.push(text);
        }
        composed.names = names;
        composed
    }

    /// Which object selects which Service; the oldest object first.
    fn bindings<'s>(&'s self, complaints: &mut Vec<String>) -> Vec<(&'s RpcService, &'s Service)> {
        let mut claims: Vec<&RpcService> = self.rpc_services.values().collect();
        claims.sort_unstable_by(|a, b| a.rank().cmp(&b.rank()));
        let wanted = claims.iter().filter_map(|rpc| rpc.selector.first());
        let mut labelled: HashMap<&str, Vec<&Service>> =
            wanted.map(|label| (&**label, Vec::new())).collect();
        for service in self.services.values() {
            for label in &service.labels {
                if let Some(list) = labelled.get_mut(&**label) {
                    list.push(service);
                }
            }
        }
        let mut bindings = Vec::with_capacity(claims.len());
        for rpc in claims {
            let first = rpc
                .selector
                .first()
                .and_then(|label| labelled.get(&**label));
            let mut selected: Vec<&Service> = first.into_iter().flatten().copied().collect();
            selected.retain(|service| rpc.selects(service));
            selected.sort_unstable_by_key(|service| service.rank());
            if let [oldest, other, ..] = selected.as_slice() {
                complaints.push(format!(
                    "RPCService {} selects {} Services: {}, the oldest, has its names, and {} \
                     has none",
                    rpc.id,
                    selected.len(),
                    oldest.id,
                    other.id
                ));
            }
            bindings.extend(selected.first().map(|service| (rpc, *service)));
        }
        bindings
    }

    /// The addresses of a Service's ready endpoints, sorted, each once.
    fn endpoints(&self, service: &Id) -> Arc<[IpAddr]> {
        let from = self.slices.range((service.clone(), Id::least())..);
        let own = from.take_while(|((owner, _), _)| owner == service);
        let mut all: Vec<IpAddr> = own
            .flat_map(|(_, addresses)| addresses.iter().copied())
            .collect();
        all.sort_unstable();
        all.dedup();
        all.into()
    }
}

#[cfg(test)]
pub(crate) mod tests;
