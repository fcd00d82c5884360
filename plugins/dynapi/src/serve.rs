//! The stage: answers from the zones as they are now, and opens what writes to them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use catena_authority::{Answered, answer};
use catena_dns::{Name, NameRef, Opcode, Rcode, RecordType};
use catena_http::{Address, Lease, Opening};
use catena_plugin::clock::now;
use catena_plugin::zones::Fallthrough;
use catena_plugin::{
    Flow, Next, Outcome, Plugin, Query, Readiness, StartContext, StartError, Transfers,
};
use catena_records::{Ledger, LiveZone, NewZone};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::access::Access;
use crate::metrics;
use crate::open::{Place, open};
use crate::rest::{Rest, doors};
use crate::tls::Certificate;
use crate::{transfers, update};

/// How long the start waits for the records.
const LOAD_TIME: Duration = Duration::from_secs(5);

/// Where programs write to.
#[derive(Clone)]
pub(crate) struct Listen {
    pub address: Address,
    pub tls: Option<Certificate>,
}

/// The stage of one server block.
pub(crate) struct DynApi {
    pub zones: Vec<NewZone>,
    pub place: Place,
    pub listen: Option<Listen>,
    pub access: Arc<Access>,
    pub fallthrough: Fallthrough,
    /// The TTL of records that are written without one.
    pub ttl: u32,
    pub served: OnceLock<Served>,
    pub door: Mutex<Option<Lease>>,
}

/// What there is once the plugin has started.
pub(crate) struct Served {
    /// The records.
    pub ledger: Arc<Ledger>,
    /// Longest name first.
    pub zones: Vec<Arc<LiveZone>>,
    /// Tells that serials have risen.
    pub changes: watch::Receiver<()>,
}

impl DynApi {
    fn origin(&self, name: NameRef<'_>) -> Option<&Name> {
        let origins = self.zones.iter().map(|zone| &zone.origin);
        let within = origins.filter(|origin| name.is_within(origin.view()));
        within.max_by_key(|origin| origin.wire().len())
    }
}

impl Plugin for DynApi {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let name = query.name();
        let Some(served) = self.served.get() else {
            return match self.origin(name) {
                Some(_) => Outcome::fail(Rcode::SERVFAIL).into(),
                None => next.serve(query),
            };
        };
        let mut zones = served.zones.iter();
        let Some(live) = zones.find(|zone| name.is_within(zone.origin())) else {
            return match query.opcode() {
                // Nobody below takes updates, and none may send them on.
                Opcode::UPDATE => Outcome::fail(Rcode::NOTAUTH).into(),
                _ => next.serve(query),
            };
        };
        if query.opcode() == Opcode::UPDATE {
            return update::update(&self.access, served, query);
        }
        if query.opcode() != Opcode::QUERY
            || matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR)
        {
            return Outcome::fail(Rcode::REFUSED).into();
        }
        let zone = live.zone();
        let Some(zone) = zone.as_ref() else {
            return Outcome::fail(Rcode::SERVFAIL).into();
        };
        match answer(zone, query) {
            Answered::Flow(Flow::Ready(outcome)) => outcome.live().into(),
            Answered::Flow(flow) => flow.then(live, query, |_, _, outcome| outcome.live()),
            // The name may be written in a moment: then it must not hide behind this answer.
            Answered::Nothing(_) if self.fallthrough.allows(name) => {
                next.serve(query)
                    .then(live, query, |_, _, outcome| outcome.live())
            }
            // A resolver that takes the whole zone for missing would not see what is written next.
            Answered::Nothing(negative) if name == live.origin() => {
                let negative = negative.of_name_that_exists();
                negative.reply(query).live().into()
            }
            Answered::Nothing(negative) => negative.reply(query).live().into(),
        }
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let ledger = open(&self.place, context.background)
            .map_err(|error| StartError::new(format!("dynapi: {error}")))?;
        if context.is_first {
            doors::begin_generation();
        }
        let mut zones = ledger.serve(self.zones.clone());
        zones.sort_by_key(|zone| std::cmp::Reverse(zone.origin().wire().len()));
        if let Some(listen) = &self.listen {
            let rights = (Arc::clone(&self.access), self.ttl);
            let rest = Rest::new(&ledger, &zones, rights, listen);
            let rest = rest.map_err(|clash| StartError::new(format!("dynapi: {clash}")))?;
            let tls = listen.tls.as_ref();
            let opening = Opening {
                address: &listen.address,
                tls: tls.map(|tls| Arc::clone(&tls.config)),
                pages: Arc::new(rest),
                background: context.background,
            };
            let lease = opening.open();
            let lease = lease.map_err(|error| StartError::new(format!("dynapi: {error}")))?;
            *self.door.lock() = Some(lease);
        }
        let changes = transfers::follow(&zones, context);
        context.spawn(measure(Arc::clone(&ledger), zones.clone()));
        let served = Served {
            ledger,
            zones,
            changes,
        };
        let _started_before = self.served.set(served);
        Ok(())
    }

    fn started(&self) -> Option<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> {
        let zones = self.served.get()?.zones.clone();
        Some(Box::pin(async move {
            let until = now() + LOAD_TIME;
            for zone in &zones {
                let mut marks = zone.marks();
                let loaded = marks.wait_for(|mark| mark.revision > 0);
                let _late = tokio::time::timeout_at(until, loaded).await;
            }
        }))
    }

    fn stop(&self) {
        *self.door.lock() = None;
    }

    fn transfers(&self) -> Option<&dyn Transfers> {
        Some(self)
    }

    fn ready(&self) -> Readiness {
        let served = self.served.get();
        let is_loaded = |served: &Served| served.zones.iter().all(|zone| zone.zone().is_some());
        match served.is_some_and(is_loaded) {
            true => Readiness::Ready,
            false => Readiness::NotReady,
        }
    }
}

/// Keeps the gauges up.
async fn measure(ledger: Arc<Ledger>, zones: Vec<Arc<LiveZone>>) {
    let number = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let names: Vec<String> = zones.iter().map(|zone| zone.origin().to_string()).collect();
    let all = names.join(" ");
    let leases = metrics::LEASES.with(&[&all]);
    let waiting = metrics::WAITING.with(&[&all]);
    let store_up = metrics::STORE_UP.with(&[&all]);
    let store_lag = metrics::STORE_LAG.with(&[&all]);
    loop {
        for zone in &zones {
            let name = zone.origin().to_string();
            let revision = i64::try_from(zone.mark().revision).unwrap_or(i64::MAX);
            metrics::REVISION.with(&[&name]).set(revision);
            let records = zone.zone().as_ref().map_or(0, |zone| zone.record_count());
            metrics::RECORDS.with(&[&name]).set(number(records));
        }
        leases.set(number(ledger.leases(catena_records::Leases::len)));
        waiting.set(number(ledger.waiting()));
        store_up.set(i64::from(ledger.trouble().is_none()));
        let lag = ledger
            .trouble_since()
            .map_or(0, |since| since.elapsed().as_secs());
        let lag = i64::try_from(lag).unwrap_or(i64::MAX);
        store_lag.set(lag);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
