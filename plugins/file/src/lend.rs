//! Lends zones to `transfer`, each as it is when asked for.

use catena_authority::Snapshot;
use catena_dns::{Name, NameRef};
use catena_plugin::{Lent, Transfers};
use tokio::sync::watch;

use crate::serve::File;

impl Transfers for File {
    fn zones(&self) -> Vec<Name> {
        let zones = self.zones.iter();
        zones.map(|zone| zone.origin().to_lower()).collect()
    }

    fn lend(&self, zone: NameRef<'_>) -> Lent {
        let mut zones = self.zones.iter();
        let Some(served) = zones.find(|served| served.origin() == zone) else {
            return Lent::Missing;
        };
        match served.zone().clone().and_then(Snapshot::of) {
            Some(snapshot) => Lent::Zone(Box::new(snapshot)),
            None => Lent::Failed(None),
        }
    }

    fn changes(&self) -> Option<watch::Receiver<()>> {
        Some(self.changes.subscribe())
    }
}
