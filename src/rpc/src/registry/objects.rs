//! What the watches tell, on its way into the store.

use std::collections::HashSet;
use std::sync::Arc;

use catena_kube::{Object, Reader};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::object::{Claimant, Id, RpcService, Service, Slice};
use crate::store::Store;

/// The kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    RpcServices(Claimant),
    Services,
    Slices,
}

impl Kind {
    /// Takes an object in; its Id, or `None` for one that makes no sense.
    fn apply(self, store: &mut Store, object: &Object<'_>) -> Option<Id> {
        match self {
            Kind::RpcServices(claimant) => {
                let read = RpcService::read(object, claimant);
                store.apply_rpc_service(claimant, read).ok()
            }
            _ if !object.is_protobuf() => None,
            Kind::Services => Some(store.apply_service(Service::read(object.bytes).ok()?)),
            Kind::Slices => Some(store.apply_slice(Slice::read(object.bytes).ok()?)),
        }
    }

    fn delete(self, store: &mut Store, object: &Object<'_>) -> Option<()> {
        let id = object.id(Id::new)?;
        match self {
            Kind::RpcServices(claimant) => store.delete_rpc_service(claimant, &id),
            Kind::Services => store.delete_service(&id),
            Kind::Slices => store.delete_slice(&id),
        }
        Some(())
    }

    fn keep(self, store: &mut Store, named: &HashSet<Id>) {
        match self {
            Kind::RpcServices(claimant) => store.keep_rpc_services(claimant, named),
            Kind::Services => store.keep_services(named),
            Kind::Slices => store.keep_slices(named),
        }
    }
}

/// What one watch tells, on its way into the store.
pub(super) struct Objects {
    pub kind: Kind,
    pub store: Arc<Mutex<Store>>,
    pub changed: Arc<Notify>,
}

impl Reader for Objects {
    type Named = HashSet<Id>;

    fn apply(&mut self, object: &Object<'_>, named: Option<&mut HashSet<Id>>) -> bool {
        let Some(id) = self.kind.apply(&mut self.store.lock(), object) else {
            return false;
        };
        if let Some(named) = named {
            named.insert(id);
        }
        true
    }

    fn delete(&mut self, object: &Object<'_>) -> bool {
        let deleted = self.kind.delete(&mut self.store.lock(), object);
        deleted.is_some()
    }

    fn listed(&mut self, named: HashSet<Id>) {
        self.kind.keep(&mut self.store.lock(), &named);
        self.changed.notify_one();
    }

    fn flush(&mut self) {
        self.changed.notify_one();
    }
}
