//! What is known of a cluster beside the table: what rows have to be made of again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;
use catena_kube::Id;
use catena_mesh::{Client, Dispute, Owner, Sidecar, Table, Writer};
use hashbrown::HashSet;

use super::Making;
use super::hashed::Hashed;
use super::rows::Rows;
use crate::client::search_domains;
use crate::metrics::{Sizes, size};
use crate::object::{
    DefaultExports, Entry, EntryPlace, Pod, ReadMesh, ReadSidecar, Service, ServicePlace, Slice,
};

/// What is known of a cluster, and the writer of its table.
pub(super) struct State {
    table: Arc<Table>,
    sizes: Sizes,
    writer: Writer,
    rows: Rows,
    entries: HashSet<Id>,
    hashed: Hashed,
    /// Entries that are where their pods are.
    selecting: HashMap<Id, Entry>,
    services: HashSet<Id>,
    /// Services that are where their endpoints are.
    headless: HashMap<Id, Service>,
    slices: HashMap<Id, Slice>,
    /// The slices of each Service.
    slices_of: HashMap<Id, Vec<Id>>,
    pods: HashMap<Id, Pod>,
    /// Which pod asks from an address.
    askers: HashMap<IpAddr, Id>,
    /// The search domains of each namespace.
    searches: HashMap<Arc<str>, Arc<[Name]>>,
    sidecars: HashMap<Id, Arc<Sidecar>>,
    /// Where the configuration of the mesh is, if there is one.
    mesh: Option<Id>,
}

impl State {
    pub fn new(table: Arc<Table>, making: Making, sizes: Sizes) -> State {
        State {
            writer: Writer::new(Arc::clone(&table)),
            table,
            sizes,
            rows: Rows {
                exports: making.exports.clone().unwrap_or_default(),
                making,
            },
            entries: HashSet::new(),
            hashed: Hashed::default(),
            selecting: HashMap::new(),
            services: HashSet::new(),
            headless: HashMap::new(),
            slices: HashMap::new(),
            slices_of: HashMap::new(),
            pods: HashMap::new(),
            askers: HashMap::new(),
            searches: HashMap::new(),
            sidecars: HashMap::new(),
            mesh: None,
        }
    }

    /// Shows readers what changed.
    pub fn publish(&mut self) {
        for entry in self.hashed.give() {
            self.say_entry(&entry);
        }
        self.writer.publish();
        self.sizes.hosts.set(size(self.table.len()));
        self.sizes.contested.set(size(self.writer.disputes()));
        for dispute in self.writer.new_disputes() {
            tell(&dispute);
        }
    }

    pub fn apply_entry(&mut self, entry: Entry) {
        self.entries.insert(entry.id.clone());
        let entry = match self.rows.making.is_hashed {
            true => {
                self.selecting.remove(&entry.id);
                self.hashed.apply(entry)
            }
            false => Some(entry),
        };
        let Some(entry) = entry else {
            return;
        };
        self.say_entry(&entry);
        match &entry.place {
            EntryPlace::Pods(_) => {
                self.selecting.insert(entry.id.clone(), entry);
            }
            _ => {
                self.selecting.remove(&entry.id);
            }
        }
    }

    fn say_entry(&mut self, entry: &Entry) {
        let owner = entry_owner(&entry.id);
        let rows = match &entry.place {
            EntryPlace::Pods(labels) => {
                let is_selected = |pod: &&Pod| {
                    pod.id.namespace == entry.id.namespace
                        && pod.is_ready
                        && labels.iter().all(|label| pod.labels.contains(label))
                };
                let pods = self.pods.values().filter(is_selected);
                let mut addresses: Vec<IpAddr> =
                    pods.flat_map(|pod| pod.addresses.iter().copied()).collect();
                addresses.sort_unstable();
                addresses.dedup();
                self.rows.of_entry(entry, &owner, &addresses)
            }
            _ => self.rows.of_entry(entry, &owner, &[]),
        };
        self.writer.say(&owner, rows);
    }

    pub fn delete_entry(&mut self, id: &Id) {
        self.entries.remove(id);
        self.hashed.delete(id);
        self.selecting.remove(id);
        self.writer.retract(&entry_owner(id));
    }

    pub fn entries_but(&self, named: &HashSet<Id>) -> Vec<Id> {
        self.entries.difference(named).cloned().collect()
    }

    pub fn apply_service(&mut self, service: Service) {
        self.services.insert(service.id.clone());
        match &service.place {
            ServicePlace::Endpoints { .. } => {
                let id = service.id.clone();
                self.headless.insert(id.clone(), service);
                self.say_headless(&id);
            }
            _ => {
                self.headless.remove(&service.id);
                let owner = service_owner(&service.id);
                let rows = self.rows.of_service(&service, &owner, &[]);
                self.writer.say(&owner, rows);
            }
        }
    }

    fn say_headless(&mut self, id: &Id) {
        let Some(service) = self.headless.get(id) else {
            return;
        };
        let slices = self.slices_of.get(id).map_or(&[][..], Vec::as_slice);
        let slices: Vec<&Slice> = slices.iter().filter_map(|id| self.slices.get(id)).collect();
        let owner = service_owner(id);
        let rows = self.rows.of_service(service, &owner, &slices);
        self.writer.say(&owner, rows);
    }

    pub fn delete_service(&mut self, id: &Id) {
        self.services.remove(id);
        self.headless.remove(id);
        self.writer.retract(&service_owner(id));
    }

    pub fn services_but(&self, named: &HashSet<Id>) -> Vec<Id> {
        self.services.difference(named).cloned().collect()
    }

    pub fn apply_slice(&mut self, slice: Slice) {
        let is_moved = self
            .slices
            .get(&slice.id)
            .is_some_and(|known| known.service != slice.service);
        if is_moved {
            self.delete_slice(&slice.id);
        }
        let (id, service) = (slice.id.clone(), slice.service.clone());
        self.slices.insert(id.clone(), slice);
        if let Some(service) = service {
            let slices = self.slices_of.entry(service.clone()).or_default();
            if let Err(place) = slices.binary_search(&id) {
                slices.insert(place, id);
            }
            self.say_headless(&service);
        }
    }

    pub fn delete_slice(&mut self, id: &Id) {
        let Some(service) = self.slices.remove(id).and_then(|slice| slice.service) else {
            return;
        };
        if let Some(slices) = self.slices_of.get_mut(&service) {
            slices.retain(|known| known != id);
            if slices.is_empty() {
                self.slices_of.remove(&service);
            }
        }
        self.say_headless(&service);
    }

    pub fn slices_but(&self, named: &HashSet<Id>) -> Vec<Id> {
        let ids = self.slices.keys();
        ids.filter(|id| !named.contains(*id)).cloned().collect()
    }

    pub fn apply_pod(&mut self, pod: Pod) {
        let id = pod.id.clone();
        self.forget_asker(&id);
        if !pod.is_on_host {
            let has = |wanted: fn(&IpAddr) -> bool| pod.addresses.iter().any(wanted);
            let client = Client {
                address: IpAddr::from([0; 4]),
                namespace: Arc::clone(&id.namespace),
                labels: Arc::clone(&pod.labels),
                has: (has(IpAddr::is_ipv4), has(IpAddr::is_ipv6)),
                search: self.search(&id.namespace),
            };
            for address in &pod.addresses {
                let address = *address;
                self.askers.insert(address, id.clone());
                let client = Client {
                    address,
                    ..client.clone()
                };
                self.writer.set_client(address, Some(client));
            }
        }
        self.pods.insert(id.clone(), pod);
        self.say_selecting(&id.namespace);
    }

    pub fn delete_pod(&mut self, id: &Id) {
        self.forget_asker(id);
        self.pods.remove(id);
        self.say_selecting(&id.namespace);
    }

    fn forget_asker(&mut self, id: &Id) {
        let Some(pod) = self.pods.get(id) else {
            return;
        };
        for address in &pod.addresses {
            // Another pod may have been given the address meanwhile.
            if self.askers.get(address) == Some(id) {
                self.askers.remove(address);
                self.writer.set_client(*address, None);
            }
        }
    }

    fn say_selecting(&mut self, namespace: &str) {
        let entries = self.selecting.values();
        let own = entries.filter(|entry| *entry.id.namespace == *namespace);
        let own: Vec<Entry> = own.cloned().collect();
        for entry in &own {
            self.say_entry(entry);
        }
    }

    fn search(&mut self, namespace: &Arc<str>) -> Arc<[Name]> {
        if let Some(known) = self.searches.get(namespace) {
            return Arc::clone(known);
        }
        let search = search_domains(namespace, &self.rows.making.domain);
        self.searches
            .insert(Arc::clone(namespace), Arc::clone(&search));
        search
    }

    pub fn pods_but(&self, named: &HashSet<Id>) -> Vec<Id> {
        let ids = self.pods.keys();
        ids.filter(|id| !named.contains(*id)).cloned().collect()
    }

    pub fn apply_sidecar(&mut self, (id, sidecar): ReadSidecar) {
        self.sidecars.insert(id, Arc::new(sidecar));
        self.set_sidecars();
    }

    pub fn delete_sidecar(&mut self, id: &Id) {
        self.sidecars.remove(id);
        self.set_sidecars();
    }

    fn set_sidecars(&mut self) {
        self.writer
            .set_sidecars(self.sidecars.values().cloned().collect());
    }

    pub fn apply_mesh(&mut self, (id, exports): ReadMesh) {
        if *id.namespace != *self.rows.making.root {
            return;
        }
        self.mesh = Some(id);
        match exports {
            Some(exports) => self.set_exports(exports),
            None => tracing::warn!(
                target: "plugin/serviceentry",
                "The configuration of the mesh makes no sense; what it said before holds"
            ),
        }
    }

    pub fn delete_mesh(&mut self, id: &Id) {
        if self.mesh.as_ref() == Some(id) {
            self.mesh = None;
            self.set_exports(DefaultExports::default());
        }
    }

    fn set_exports(&mut self, exports: DefaultExports) {
        if self.rows.exports != exports {
            self.writer
                .set_default_exports(|namespace| exports.of(namespace));
            self.rows.exports = exports;
        }
    }

    pub fn mesh_but(&self, named: &HashSet<Id>) -> Vec<Id> {
        let mesh = self.mesh.iter();
        mesh.filter(|id| !named.contains(*id)).cloned().collect()
    }

    pub fn sidecars_but(&self, named: &HashSet<Id>) -> Vec<Id> {
        let ids = self.sidecars.keys();
        ids.filter(|id| !named.contains(*id)).cloned().collect()
    }
}

fn tell(dispute: &Dispute) {
    let Dispute {
        address,
        owner,
        yielding,
    } = dispute;
    let (Some(first), others) = (yielding.first(), yielding.len().saturating_sub(1)) else {
        return;
    };
    let more = match others {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    tracing::warn!(
        target: "plugin/serviceentry",
        "The automatic address {address} is answered for {owner} only: {first}{more} has it too"
    );
}

fn entry_owner(id: &Id) -> Owner {
    Owner::new(format!("serviceentry/{id}"))
}

fn service_owner(id: &Id) -> Owner {
    Owner::new(format!("service/{id}"))
}
