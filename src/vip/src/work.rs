//! Watches entries, and writes their addresses while it is our turn.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use catena_kube::{
    Call, Client, ClientOptions, Feeds, Id, Method, Notice, Object, Reader, Refusal, Resource,
};
use catena_plugin::clock::now;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::allocator::{Allocator, Step};
use crate::entry::Entry;
use crate::lease::{HOLD_MAX, LOOK_EVERY, Lease};
use crate::metrics::{self, count};
use crate::{Options, page};

/// Statuses that are written at the same time.
const AT_ONCE: usize = 64;
/// How long a failed write rests.
const REST: Duration = Duration::from_secs(1);
/// How long letting go of the lease may take.
const RELEASE_MAX: Duration = Duration::from_secs(2);
/// Writes are bounded by how many wait for an answer, not by a rate.
const UNLIMITED: ClientOptions = ClientOptions {
    qps: 1_000_000.0,
    burst: 60_000,
    max_inflight: 0,
};
const MERGE: &str = "application/merge-patch+json";

/// Why the controller ends by itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RunError(String);

/// What is known.
pub(crate) struct State {
    pub allocator: Mutex<Allocator>,
    changed: Notify,
    is_listed: AtomicBool,
    is_leading: AtomicBool,
}

impl State {
    /// Whether all entries have been listed once.
    pub fn is_listed(&self) -> bool {
        self.is_listed.load(Relaxed)
    }
}

/// Works until `stop` is cancelled.
pub async fn run(options: Options, stop: CancellationToken) -> Result<(), RunError> {
    let fail = |error: &dyn std::fmt::Display| RunError(error.to_string());
    options.access.check().map_err(|error| fail(&error))?;
    let state = Arc::new(State {
        allocator: Mutex::new(Allocator::new(&options.ranges)),
        changed: Notify::new(),
        is_listed: AtomicBool::new(false),
        is_leading: AtomicBool::new(false),
    });
    let opened = page::open(options.health_port, Arc::clone(&state));
    let _endpoint = opened.map_err(|error| fail(&error))?;
    let client = || Client::new(options.access.clone(), UNLIMITED, metrics::observe);
    let resource = Resource::custom("/apis/networking.istio.io/v1/serviceentries");
    let entries = Entries(Arc::clone(&state));
    let feeds = Feeds::new(client(), [(entries, resource)], tell);
    let (writing, electing) = (client(), client());
    let mut lease = Lease::new(options.lease, options.identity);
    tokio::select! {
        never = feeds.follow(0) => match never {},
        () = elect(&mut lease, &electing, &state) => {}
        () = write(&writing, &state) => {}
        () = stop.cancelled() => {}
    }
    if state.is_leading.load(Relaxed) {
        // Nobody is harmed if that fails: the lease lapses.
        let _released = timeout(RELEASE_MAX, lease.release(&electing)).await;
    }
    Ok(())
}

fn tell(notice: Notice<'_>) {
    match notice {
        Notice::Heard(_) => {}
        Notice::Lost(text) => tracing::error!("{text}"),
        Notice::Back(text) => tracing::info!("{text}"),
        Notice::Absent(path) => {
            tracing::warn!("The API server has no {path}; it is looked for again and again");
        }
        Notice::Withheld(_) => tracing::warn!("{notice}"),
        Notice::Malformed(plural) => {
            tracing::warn!("The API server sent something that is no object of {plural}");
        }
    }
}

/// What the watch tells, on its way to the allocator.
struct Entries(Arc<State>);

impl Reader for Entries {
    type Named = HashSet<Id>;

    fn apply(&mut self, object: &Object<'_>, named: Option<&mut HashSet<Id>>) -> bool {
        let Some(entry) = Entry::read(object.bytes) else {
            return false;
        };
        if let Some(named) = named {
            named.insert(entry.id.clone());
        }
        self.0.allocator.lock().apply(entry);
        true
    }

    fn delete(&mut self, object: &Object<'_>) -> bool {
        let id = object.id(Id::new);
        id.map(|id| self.0.allocator.lock().delete(&id)).is_some()
    }

    fn listed(&mut self, named: HashSet<Id>) {
        self.0.allocator.lock().keep(&named);
        self.0.is_listed.store(true, Relaxed);
        self.0.changed.notify_one();
    }

    fn flush(&mut self) {
        self.0.changed.notify_one();
    }
}

/// Finds out, again and again, whether it is our turn.
async fn elect(lease: &mut Lease, client: &Client, state: &State) {
    let mut held_at = None;
    let mut wrong = String::new();
    loop {
        let looked = timeout(HOLD_MAX / 2, lease.look(client)).await;
        let late = || Refusal::Connection("the API server does not answer".to_owned());
        match looked.unwrap_or_else(|_| Err(late())) {
            Ok(is_ours) => {
                held_at = is_ours.then(now);
                wrong.clear();
            }
            Err(refusal) => {
                let text = refusal.to_string();
                if text != wrong {
                    tracing::error!("The lease cannot be had: {text}");
                    wrong = text;
                }
            }
        }
        let leads = held_at.is_some_and(|at| at.elapsed() < HOLD_MAX);
        if state.is_leading.swap(leads, Relaxed) != leads {
            metrics::LEADING.with(&[]).set(i64::from(leads));
            match leads {
                true => tracing::info!("We write automatic addresses now"),
                false => tracing::warn!("Somebody else writes automatic addresses now"),
            }
            state.allocator.lock().review();
            state.changed.notify_one();
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Writes what is due, while it is our turn.
async fn write(client: &Client, state: &State) {
    let mut writes = FuturesUnordered::new();
    let mut wrong = String::new();
    loop {
        while writes.len() < AT_ONCE && state.is_listed() && state.is_leading.load(Relaxed) {
            let Some(step) = state.allocator.lock().next_step() else {
                break;
            };
            note(&step);
            writes.push(put(client, step));
        }
        if writes.is_empty() {
            measure(&state.allocator.lock());
        }
        tokio::select! {
            Some((step, written)) = writes.next() => {
                let mut allocator = state.allocator.lock();
                match written {
                    Ok(entry) => {
                        allocator.done(&step, entry);
                        wrong.clear();
                    }
                    Err(refusal) => {
                        allocator.failed(&step);
                        let text = refusal.to_string();
                        // Somebody was quicker, or it is the same trouble again.
                        if refusal.code() != Some(409) && text != wrong {
                            tracing::error!("The status of {} is not written: {text}", step.id);
                            wrong = text;
                        }
                    }
                }
            }
            () = state.changed.notified() => {}
        }
    }
}

/// Logs what is out of the ordinary.
fn note(step: &Step) {
    for address in &step.conflicts {
        metrics::CONFLICTS.with(&[]).inc();
        tracing::warn!(
            "{} gives up {address}: another entry has a better right to it",
            step.id
        );
    }
    if step.wanting > 0 {
        tracing::error!("{} gets no address: a range is used up", step.id);
    }
}

fn measure(allocator: &Allocator) {
    metrics::PENDING.with(&[]).set(count(allocator.pending()));
    metrics::CONTESTED
        .with(&[])
        .set(count(allocator.contested()));
    for (range, used) in allocator.used() {
        metrics::USED.with(&[&range.to_string()]).set(count(used));
    }
}

/// Writes one status; what the entry is then. A failure is told after a rest.
async fn put(client: &Client, step: Step) -> (Step, Result<Entry, Refusal>) {
    let written = patch(client, &step).await;
    let result = match &written {
        Ok(_) => "written",
        Err(refusal) if refusal.code() == Some(409) => "outdated",
        Err(_) => "failed",
    };
    metrics::WRITES.with(&[result]).inc();
    if written.is_err() {
        // An outdated entry comes anew from the watch meanwhile.
        sleep(REST).await;
    }
    (step, written)
}

async fn patch(client: &Client, step: &Step) -> Result<Entry, Refusal> {
    let addresses = step.held.iter().map(|held| {
        let (value, host) = (held.address.to_string(), &*held.host);
        json!({"value": value, "host": host})
    });
    let body = json!({
        "metadata": {"resourceVersion": &*step.version},
        "status": {"addresses": addresses.collect::<Vec<_>>()},
    });
    let Id { namespace, name } = &step.id;
    let collection = "/apis/networking.istio.io/v1/namespaces";
    let answer = client
        .call(Call {
            method: Method::Patch,
            path: &format!("{collection}/{namespace}/serviceentries/{name}/status"),
            content_type: MERGE,
            body: body.to_string().as_bytes(),
        })
        .await?;
    let senseless = || Refusal::Connection("the answer is no ServiceEntry".to_owned());
    Entry::read(&answer).ok_or_else(senseless)
}
