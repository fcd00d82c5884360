//! A zone that is watched: one for all who want the same, across reloads.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use catena_etcd::{Change, Client, Credentials, Endpoint, Error, KeyValue, Position, Sink, watch};
use catena_plugin::clock::{Instant, now};
use catena_plugin::metrics::{Counter, Gauge};
use catena_transport::upstream::TlsClientFiles;
use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::{info, warn};

use crate::memory::{Memory, Taken};
use crate::metrics;
use crate::service::LeaseBounds;

/// The zones that are watched.
static SCOPES: Mutex<Vec<Weak<Scope>>> = Mutex::new(Vec::new());

/// Leases that wait to be asked after; more keep the least TTL.
const LEASES_MAX: usize = 65_536;
/// Unreadable values are told of at most this often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What to watch of which cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    pub endpoints: Vec<Endpoint>,
    pub credentials: Option<Credentials>,
    pub tls: TlsClientFiles,
    /// What all keys begin with.
    pub prefix: String,
    /// The least and the greatest TTL of a lease.
    pub lease_ttls: (u32, u32),
}

/// A zone that is watched.
pub(crate) struct Scope {
    watched: Watched,
    /// What is known; readers need nothing else.
    pub memory: Arc<Memory>,
    /// Held by the generation that watches.
    following: tokio::sync::Mutex<Following>,
}

/// What goes over from one generation to the next.
struct Following {
    position: Position,
    told: Told,
    leases: Receiver<i64>,
}

impl Scope {
    /// The zone that is watched like this already, or a new one.
    pub fn shared(watched: Watched) -> Arc<Scope> {
        let mut scopes = SCOPES.lock();
        scopes.retain(|scope| scope.strong_count() > 0);
        let mut known = scopes.iter().filter_map(Weak::upgrade);
        if let Some(known) = known.find(|scope| scope.watched == watched) {
            return known;
        }
        let (min, max) = watched.lease_ttls;
        let memory = Arc::new(Memory::new(LeaseBounds { min, max }));
        let (sender, leases) = channel(LEASES_MAX);
        let told = Told::new(&watched.prefix, Arc::clone(&memory), sender);
        let scope = Arc::new(Scope {
            watched,
            memory,
            following: tokio::sync::Mutex::new(Following {
                position: Position::default(),
                told,
                leases,
            }),
        });
        scopes.push(Arc::downgrade(&scope));
        scope
    }

    /// Follows etcd, as soon as no other generation does.
    pub async fn follow(self: Arc<Self>, client: Client) {
        let mut following = self.following.lock().await;
        let Following {
            position,
            told,
            leases,
        } = &mut *following;
        let prefix = self.watched.prefix.as_bytes();
        tokio::join!(
            watch(&client, prefix, position, told),
            learn_leases(&client, &self.memory, leases),
        );
    }
}

/// Asks what is left of leases, one after the other.
async fn learn_leases(client: &Client, memory: &Memory, leases: &mut Receiver<i64>) {
    while let Some(lease) = leases.recv().await {
        if let Ok(left) = client.time_left(lease).await {
            memory.learn_lease(lease, left);
        }
    }
}

/// Keeps the memory, the log and the metrics told.
struct Told {
    prefix: Box<str>,
    memory: Arc<Memory>,
    leases: Sender<i64>,
    is_heard: bool,
    told_bad: Option<Instant>,
    last_contact: Gauge,
    revision: Gauge,
    keys: Gauge,
    bad_keys: Gauge,
    lost: Counter,
}

impl Told {
    fn new(prefix: &str, memory: Arc<Memory>, leases: Sender<i64>) -> Told {
        Told {
            prefix: prefix.into(),
            memory,
            leases,
            is_heard: false,
            told_bad: None,
            last_contact: metrics::LAST_CONTACT.with(&[prefix]),
            revision: metrics::REVISION.with(&[prefix]),
            keys: metrics::KEYS.with(&[prefix]),
            bad_keys: metrics::BAD_KEYS.with(&[prefix]),
            lost: metrics::LOST.with(&[prefix]),
        }
    }

    fn count(&mut self, taken: &Taken, revision: i64) {
        for lease in &taken.new_leases {
            // When there are too many, the rest keep the least TTL.
            let _full = self.leases.try_send(*lease);
        }
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.keys.set(number(taken.keys));
        self.bad_keys.set(number(taken.bad_keys));
        self.revision.set(revision);
        let is_told = self
            .told_bad
            .is_some_and(|told| told.elapsed() < TELL_EVERY);
        if taken.bad.is_empty() || is_told {
            return;
        }
        self.told_bad = Some(now());
        let shown = taken.bad.iter().filter_map(|entry| {
            let error = entry.message.as_ref().err()?;
            Some(format!("{}: {error}", entry.key))
        });
        let shown = shown.collect::<Vec<_>>().join("; ");
        let (prefix, count) = (&self.prefix, taken.bad_keys);
        warn!(target: "plugin/etcd", "Unreadable values below {prefix}: {count}, such as {shown}");
    }
}

impl Sink for Told {
    fn listed(&mut self, keys: Vec<KeyValue>, revision: i64) {
        let taken = self.memory.replace(&keys);
        let (prefix, count) = (&self.prefix, taken.keys);
        info!(target: "plugin/etcd", "Listed {prefix}: {count} keys at revision {revision}");
        self.count(&taken, revision);
    }

    fn changed(&mut self, changes: Vec<Change>, revision: i64) {
        let taken = self.memory.change(&changes);
        self.count(&taken, revision);
    }

    fn heard(&mut self) {
        if !std::mem::replace(&mut self.is_heard, true) {
            info!(target: "plugin/etcd", "Watching {}", self.prefix);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.map_or(0, |now| now.as_secs());
        self.last_contact.set(i64::try_from(seconds).unwrap_or(0));
    }

    fn lost(&mut self, error: &Error) {
        self.lost.inc();
        let was_heard = std::mem::replace(&mut self.is_heard, false);
        if was_heard || !self.memory.is_synced() && self.lost.get() == 1 {
            let prefix = &self.prefix;
            let then = match self.memory.is_synced() {
                true => "answering from memory",
                false => "answering SERVFAIL until it is listed",
            };
            warn!(target: "plugin/etcd", "Not watching {prefix}, {then}: {error}");
        }
    }
}
