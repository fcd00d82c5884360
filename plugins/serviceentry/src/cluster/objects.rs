//! What the watches tell, on its way into the table.

use std::sync::Arc;

use catena_kube::{Encoding, Object, Reader};
use hashbrown::HashSet;
use parking_lot::Mutex;

use super::state::State;
use crate::object::{self, Id};

/// The kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Entries,
    Sidecars,
    Services,
    Slices,
    Pods,
}

impl Kind {
    /// Takes an object in; its Id, or `None` for one that makes no sense.
    fn apply(self, state: &mut State, object: &Object<'_>) -> Option<Id> {
        if !self.fits(object) {
            return None;
        }
        match self {
            Kind::Entries => state.apply_entry(object::read_entry(object)?),
            Kind::Sidecars => state.apply_sidecar(object::read_sidecar(object)?),
            Kind::Services => state.apply_service(object::read_service(object.bytes)?),
            Kind::Slices => state.apply_slice(object::read_slice(object.bytes)?),
            Kind::Pods => state.apply_pod(object::read_pod(object.bytes)?),
        }
        self.id(object)
    }

    fn fits(self, object: &Object<'_>) -> bool {
        let is_custom = matches!(self, Kind::Entries | Kind::Sidecars);
        is_custom == (object.encoding == Encoding::Json)
    }

    fn id(self, object: &Object<'_>) -> Option<Id> {
        match self {
            Kind::Entries | Kind::Sidecars => object::read_custom_id(object),
            _ => object::read_id(object.bytes),
        }
    }

    fn delete(self, state: &mut State, id: &Id) {
        match self {
            Kind::Entries => state.delete_entry(id),
            Kind::Sidecars => state.delete_sidecar(id),
            Kind::Services => state.delete_service(id),
            Kind::Slices => state.delete_slice(id),
            Kind::Pods => state.delete_pod(id),
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
        };
        for id in &gone {
            self.delete(state, id);
        }
    }
}

/// What one watch tells, on its way into the table.
pub(super) struct Objects {
    pub kind: Kind,
    pub state: Arc<Mutex<State>>,
}

impl Reader for Objects {
    type Named = HashSet<Id>;

    fn apply(&mut self, object: &Object<'_>, named: Option<&mut HashSet<Id>>) -> bool {
        let Some(id) = self.kind.apply(&mut self.state.lock(), object) else {
            return false;
        };
        if let Some(named) = named {
            named.insert(id);
        }
        true
    }

    fn delete(&mut self, object: &Object<'_>) -> bool {
        let id = self.kind.fits(object).then(|| self.kind.id(object));
        let Some(id) = id.flatten() else {
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
