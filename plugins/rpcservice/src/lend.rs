//! The zones as `transfer` sees them.

use catena_authority::Snapshot;
use catena_dns::{Name, NameRef, Record, RecordRef};
use catena_plugin::{Lent, LentZone, RecordSource, Transfers};
use tokio::sync::watch;

use crate::serve::Stage;
use crate::zone::EXISTS;

impl Transfers for Stage {
    fn zones(&self) -> Vec<Name> {
        self.0.zones.clone()
    }

    fn lend(&self, zone: NameRef<'_>) -> Lent {
        let mut zones = self.0.zones.iter().zip(&self.0.served);
        let Some((_, served)) = zones.find(|(known, _)| known.view() == zone) else {
            return Lent::Missing;
        };
        if !*self.0.complete.borrow() {
            return Lent::failed("plugin/rpcservice: not all RPC interfaces are known yet");
        }
        match Snapshot::of(served.load_full()) {
            Some(snapshot) => Lent::Zone(Box::new(Lendable(snapshot))),
            None => Lent::Missing,
        }
    }

    fn changes(&self) -> Option<watch::Receiver<()>> {
        Some(self.0.changed.subscribe())
    }
}

/// A zone without the marks of names that nobody offers now.
struct Lendable(Snapshot);

impl LentZone for Lendable {
    fn soa(&self) -> Record {
        self.0.soa()
    }

    fn into_records(self: Box<Self>) -> Box<dyn RecordSource> {
        Box::new(Unmarked(Box::new(self.0).into_records()))
    }
}

struct Unmarked(Box<dyn RecordSource>);

impl RecordSource for Unmarked {
    fn feed(&mut self, take: &mut dyn FnMut(RecordRef<'_>) -> bool) -> bool {
        self.0
            .feed(&mut |record| record.rtype == EXISTS || take(record))
    }
}
