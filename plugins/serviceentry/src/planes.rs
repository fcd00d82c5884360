//! Control planes whose tables are known: one for all who want the same, across reloads.

mod told;

use std::sync::Arc;

use catena_kube::Shared;
use catena_mesh::{Table, Writer};
use catena_plugin::Background;
use catena_xds::{ControlPlane, Guard, Position, follow};
use parking_lot::Mutex;
use tokio::sync::watch;

use told::Told;

/// The control planes that are asked.
static PLANES: Shared<Planes> = Shared::new();

/// What to ask of which control planes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// The first one that has a host counts.
    pub planes: Vec<ControlPlane>,
    /// When an empty table is believed.
    pub guard: Guard,
    /// Whether Services have names too.
    pub services: bool,
}

/// Control planes whose tables are known.
pub(crate) struct Planes {
    asked: Asked,
    pub table: Arc<Table>,
    /// Held by the generation that asks.
    told: Vec<tokio::sync::Mutex<(Position, Told)>>,
    /// How many have told their first table.
    first_told: Arc<watch::Sender<usize>>,
}

impl Planes {
    /// The control planes that are asked like this already, or new ones.
    pub fn shared(asked: Asked) -> Arc<Planes> {
        let wanted = asked.clone();
        PLANES.find_or(|known| known.asked == wanted, || Planes::new(asked))
    }

    fn new(asked: Asked) -> Planes {
        let table: Arc<Table> = Arc::default();
        let writer = Arc::new(Mutex::new(Writer::new(Arc::clone(&table))));
        let first_told = Arc::new(watch::Sender::new(0));
        let told = (0..).zip(&asked.planes).map(|(rank, plane)| {
            let (writer, first_told) = (Arc::clone(&writer), Arc::clone(&first_told));
            let told = Told::new(rank, &plane.endpoint, asked.services, writer, first_told);
            tokio::sync::Mutex::new((Position::default(), told))
        });
        Planes {
            told: told.collect(),
            asked,
            table,
            first_told,
        }
    }

    /// Asks for as long as the generation of `background` lives.
    ///
    /// When another generation asks already, its end is waited for.
    pub fn run(self: &Arc<Self>, background: &Background) {
        for place in 0..self.told.len() {
            let planes = Arc::clone(self);
            background.spawn(async move { planes.follow(place).await });
        }
    }

    async fn follow(&self, place: usize) {
        let (told, plane) = (self.told.get(place), self.asked.planes.get(place));
        let (Some(told), Some(plane)) = (told, plane) else {
            return;
        };
        let (position, told) = &mut *told.lock().await;
        match follow(plane, self.asked.guard, position, told).await {}
    }

    /// Whether all have told their first table.
    pub fn is_synced(&self) -> bool {
        *self.first_told.borrow() >= self.told.len()
    }

    /// Whether one has.
    pub fn is_useful(&self) -> bool {
        *self.first_told.borrow() > 0
    }

    /// Waits until all have told their first table.
    pub async fn synced(&self) {
        let mut told = self.first_told.subscribe();
        // The sender lives in `self`, so this cannot fail.
        let _alive = told.wait_for(|told| *told >= self.told.len()).await;
    }
}
