//! The door to the records: all writes go through here, in one order.

use std::sync::Arc;

use catena_dns::{Name, NameRef};
use catena_plugin::clock::Instant;
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::draft::{Draft, Refusal};
use crate::leases::{LEASES_MAX, Leases};
use crate::live::LiveZone;
use crate::store::Store;
use crate::writer::Writer;
use crate::{LeaseId, RecordSet, Soa};

/// Changes that wait, at most.
const QUEUE: usize = 4096;

/// What a change does: it may be called again if the store has moved meanwhile.
pub(crate) type Decide = Box<dyn FnMut(&mut Draft<'_>) -> Result<(), Refusal> + Send>;

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The revision of the store since which it holds.
    pub revision: u64,
    /// The serial of the zone.
    pub serial: u32,
    /// The sets that are different now.
    pub changes: usize,
}

/// A zone to be served from the records.
#[derive(Clone, Debug)]
pub struct NewZone {
    /// Its name.
    pub origin: Name,
    /// Its SOA record, if the store has none.
    pub soa: Soa,
    /// Its name servers, if the store has none.
    pub ns: RecordSet,
    /// Records it may have.
    pub records_max: usize,
}

pub(crate) enum Request {
    Change {
        zone: Name,
        decide: Decide,
        done: oneshot::Sender<Result<Written, Refusal>>,
    },
    Begin(u32, oneshot::Sender<Result<LeaseId, Refusal>>),
    Renew(LeaseId, oneshot::Sender<Result<u32, Refusal>>),
    End(LeaseId, oneshot::Sender<Result<(), Refusal>>),
    Serve(Vec<NewZone>),
}

/// What the ledger shows without asking the writer.
pub(crate) struct Shown {
    pub zones: RwLock<Vec<Arc<LiveZone>>>,
    pub leases: RwLock<Leases>,
    /// Why nothing can be written now, and since when.
    pub trouble: Mutex<Option<(String, Instant)>>,
}

/// Zones over one store; it ends, with its writer, when nobody has it any more.
pub struct Ledger {
    shown: Arc<Shown>,
    requests: mpsc::Sender<Request>,
}

impl Ledger {
    /// Opens a ledger over `store`; its writer runs on `runtime`.
    pub fn open(store: Arc<dyn Store>, runtime: &Handle) -> Arc<Ledger> {
        let (requests, inbox) = mpsc::channel(QUEUE);
        let shown = Arc::new(Shown {
            zones: RwLock::default(),
            leases: RwLock::default(),
            trouble: Mutex::default(),
        });
        let writer = Writer::new(store, Arc::clone(&shown), inbox);
        runtime.spawn(writer.run());
        Arc::new(Ledger { shown, requests })
    }

    /// Serves more zones, or those it has already; each has its records once they are loaded.
    pub fn serve(&self, zones: Vec<NewZone>) -> Vec<Arc<LiveZone>> {
        let mut shown = self.shown.zones.write();
        let mut served = Vec::new();
        for zone in &zones {
            let known = shown
                .iter()
                .find(|live| live.origin() == zone.origin.view());
            let live = known.cloned().unwrap_or_else(|| {
                let live = Arc::new(LiveZone::new(zone.origin.view().to_lower()));
                shown.push(Arc::clone(&live));
                live
            });
            served.push(live);
        }
        // A full queue cannot be: nobody writes before the zones are served.
        let _ended = self.requests.try_send(Request::Serve(zones));
        served
    }

    /// Makes a change in `zone`: `decide` looks at the draft and writes to it.
    pub async fn change(
        &self,
        zone: NameRef<'_>,
        decide: impl FnMut(&mut Draft<'_>) -> Result<(), Refusal> + Send + 'static,
    ) -> Result<Written, Refusal> {
        let (zone, decide) = (zone.to_lower(), Box::new(decide));
        self.ask(|done| Request::Change { zone, decide, done })
            .await
    }

    /// Begins a lease of `ttl` seconds.
    pub async fn begin_lease(&self, ttl: u32) -> Result<LeaseId, Refusal> {
        if self.shown.leases.read().len() >= LEASES_MAX {
            return Err(Refusal::Busy);
        }
        self.ask(|done| Request::Begin(ttl, done)).await
    }

    /// Renews a lease; its seconds.
    pub async fn renew_lease(&self, id: LeaseId) -> Result<u32, Refusal> {
        self.ask(|done| Request::Renew(id, done)).await
    }

    /// Ends a lease: its records are removed.
    pub async fn end_lease(&self, id: LeaseId) -> Result<(), Refusal> {
        self.ask(|done| Request::End(id, done)).await
    }

    /// Looks at the leases.
    pub fn leases<T>(&self, look: impl FnOnce(&Leases) -> T) -> T {
        look(&self.shown.leases.read())
    }

    /// Why nothing can be written now.
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.shown.trouble.lock();
        trouble.as_ref().map(|(why, _)| why.clone())
    }

    /// Since when nothing can be written.
    pub fn trouble_since(&self) -> Option<Instant> {
        self.shown.trouble.lock().as_ref().map(|(_, since)| *since)
    }

    /// Changes that wait for the writer.
    pub fn waiting(&self) -> usize {
        QUEUE - self.requests.capacity()
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Request,
    ) -> Result<T, Refusal> {
        let (done, told) = oneshot::channel();
        let sent = self.requests.try_send(request(done));
        sent.map_err(|_| Refusal::Busy)?;
        let ended = || Refusal::Unavailable("the server is ending".to_owned());
        told.await.unwrap_or_else(|_| Err(ended()))
    }
}
