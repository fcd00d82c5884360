//! What the watches tell, on its way into the table.

use std::sync::Arc;

use catena_kube::{Id, Object, Reader};
use hashbrown::HashSet;
use parking_lot::Mutex;

use super::state::State;
use crate::object;

/// The kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Entries,
    Sidecars,
    Services,
    Slices,
    Pods,
    /// Configurations of a mesh.
    Meshes,
}

impl Kind {
    /// Takes an object in; `None` for one that makes no sense.
    fn apply(self, state: &mut State, object: &Object<'_>) -> Option<()> {
        if !self.fits(object) {
            return None;
        }
        match self {
            Kind::Entries => state.apply_entry(object::read_entry(object)?),
            Kind::Sidecars => state.apply_sidecar(object::read_sidecar(object)?),
            Kind::Services => state.apply_service(object::read_service(object.bytes)?),
            Kind::Slices => state.apply_slice(object::read_slice(object.bytes)?),
            Kind::Pods => state.apply_pod(object::read_pod(object.bytes)?),
            Kind::Meshes => state.apply_mesh(object::read_mesh(object.bytes)?),
        }
        Some(())
    }

    fn fits(self, object: &Object<'_>) -> bool {
        let is_custom = matches!(self, Kind::Entries | Kind::Sidecars);
        is_custom != object.is_protobuf()
    }

    fn delete(self, state: &mut State, id: &Id) {
        match self {
            Kind::Entries => state.delete_entry(id),
            Kind::Sidecars => state.delete_sidecar(id),
            Kind::Services => state.delete_service(id),
            Kind::Slices => state.delete_slice(id),
            Kind::Pods => state.delete_pod(id),
            Kind::Meshes => state.delete_mesh(id),
        }
    }

    /// Forgets what a complete list did not name.
    fn keep(self, state: &mut State, named: &HashSet<Id>) {
        let gone: Vec<Id> = match self {
            Kind::Entries => state.entries_but(named),
            Kind::Sidecars => state.sidecars_but(named),
            Kind::Services => state.services_but(named),
            Kind::Slices => state.slices_but(named),
            Kind::Pods => state.pods_but(named),
            Kind::Meshes => state.mesh_but(named),
        };
        for id in &gone {
            self.delete(state, id);
        }
    }
}

/// What one watch tells, on its way into the table.
pub(crate) struct Objects {
    pub(super) kind: Kind,
    pub(super) state: Arc<Mutex<State>>,
}

impl Reader for Objects {
    type Named = HashSet<Id>;

    fn apply(&mut self, object: &Object<'_>, named: Option<&mut HashSet<Id>>) -> bool {
        // One that makes no sense is there: what was known of it stays.
        if let Some(named) = named {
            named.extend(object.id(Id::new));
        }
        self.kind.apply(&mut self.state.lock(), object).is_some()
    }

    fn delete(&mut self, object: &Object<'_>) -> bool {
        let Some(id) = object.id(Id::new).filter(|_| self.kind.fits(object)) else {
            return false;
        };
        self.kind.delete(&mut self.state.lock(), &id);
        true
    }

    fn listed(&mut self, named: HashSet<Id>) {
        self.kind.keep(&mut self.state.lock(), &named);
        self.state.lock().publish();
    }

    fn flush(&mut self) {
        self.state.lock().publish();
    }
}
