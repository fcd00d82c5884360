//! The store that several servers share: etcd, in the form of SkyDNS where that says enough.

mod config;
mod follow;
mod form;
mod shadow;
#[cfg(test)]
mod tests;
mod transaction;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use catena_dns::Name;
use catena_etcd::skydns::Prefix;
use catena_etcd::{Client, ClientOptions, Error, History, history, list};
use catena_records::store::Work;
use catena_records::{Batch, Edit, Followed, LeaseId, Loaded, Store, StoreError};
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

pub(crate) use config::Cluster;
use shadow::Shadow;

/// Changes that wait to be taken up.
const FOLLOWED_MAX: usize = 64;
/// Revisions of etcd that are looked back at when a zone is loaded.
const BACK: i64 = 10_000;

/// Records in etcd.
pub(crate) struct EtcdStore {
    shared: Arc<Shared>,
    runtime: Handle,
    /// Ends what follows etcd.
    token: CancellationToken,
    _end: DropGuard,
    is_followed: AtomicBool,
}

/// What the store has in common with what follows etcd for it.
pub(super) struct Shared {
    client: Client,
    prefix: Prefix,
    state: Mutex<State>,
    /// Something is to be told.
    told: Notify,
}

#[derive(Default)]
pub(super) struct State {
    shadow: Shadow,
    /// What begins the keys of each zone, and the revision that it was listed at.
    scopes: Vec<(String, i64)>,
    /// Scopes that are followed; those after them are not yet.
    followed: usize,
    /// Whether etcd answers, if that is to be told.
    in_step: Option<bool>,
}

impl EtcdStore {
    /// A store in the cluster of `options`, below `prefix`.
    pub fn new(options: ClientOptions, prefix: Prefix, runtime: &Handle) -> EtcdStore {
        let token = CancellationToken::new();
        EtcdStore {
            shared: Arc::new(Shared {
                client: Client::new(options, runtime.clone()),
                prefix,
                state: Mutex::default(),
                told: Notify::new(),
            }),
            runtime: runtime.clone(),
            _end: token.clone().drop_guard(),
            token,
            is_followed: AtomicBool::new(false),
        }
    }

    async fn load_zones(&self, zones: &[Name]) -> Result<Loaded, StoreError> {
        let shared = &self.shared;
        let scopes: Result<Vec<_>, _> = zones.iter().map(|zone| shared.scope(zone)).collect();
        let read = scopes?.into_iter().map(|scope| async move {
            let read = past(&shared.client, &scope).await;
            read.map(|past| (scope, past))
        });
        let read = try_join_all(read).await.map_err(unavailable)?;
        let mut history: BTreeMap<i64, Vec<Edit>> = BTreeMap::new();
        let mut since = 0;
        for (scope, past) in read {
            let mut state = shared.state.lock();
            let revision = past.revision();
            since = since.max(past.since);
            let (prefix, shadow) = (&shared.prefix, &mut state.shadow);
            shadow.replace(prefix, &scope, &past.keys, past.since);
            for (revision, changes) in past.changes {
                let edits = shadow.replay(prefix, &scope, (revision, &changes));
                let known = history.entry(revision).or_default();
                // Zones that lie in each other see the same.
                let new = |edit: &Edit| !known.iter().any(|known| known.key == edit.key);
                let new: Vec<Edit> = edits.into_iter().filter(new).collect();
                known.extend(new);
            }
            state.scopes.retain(|(known, _)| *known != scope);
            state.scopes.push((scope, revision));
        }
        let history = history.split_off(&(since + 1)).into_iter();
        let leases = self.leases().await?;
        let mut state = shared.state.lock();
        // All of it is told here.
        state.shadow.tell_all();
        let sets = state.shadow.sets();
        let is_within = |name: &Name| zones.iter().any(|zone| name.view().is_within(zone.view()));
        let loaded = Loaded {
            revision: number(state.shadow.revision()),
            sets: sets.filter(|(key, _)| is_within(&key.name)).collect(),
            leases,
            history: history
                .map(|(revision, edits)| (number(revision), edits))
                .collect(),
            since: number(since),
        };
        drop(state);
        if self.is_followed.load(Ordering::Acquire) {
            self.follow_new();
        }
        Ok(loaded)
    }

    async fn leases(&self) -> Result<Vec<(LeaseId, u32)>, StoreError> {
        let ids = self.shared.state.lock().shadow.leases();
        let mut leases = Vec::with_capacity(ids.len());
        for id in ids {
            let lease = self.shared.client.lease(id).await.map_err(unavailable)?;
            let seconds = u32::try_from(lease.granted).unwrap_or(0);
            if let Ok(id) = u64::try_from(id) {
                leases.push((LeaseId(id), seconds));
            }
        }
        Ok(leases)
    }

    /// Begins to follow the scopes that nobody follows yet.
    fn follow_new(&self) {
        let mut state = self.shared.state.lock();
        let scopes: Vec<_> = state.scopes.iter().skip(state.followed).cloned().collect();
        state.followed = state.scopes.len();
        drop(state);
        for (scope, revision) in scopes {
            self.spawn(follow::watch_scope(
                Arc::clone(&self.shared),
                scope,
                revision,
            ));
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let token = self.token.clone();
        self.runtime.spawn(async move {
            let _ended = token.run_until_cancelled(task).await;
        });
    }

    async fn commit_batch(&self, batch: &Batch) -> Result<u64, StoreError> {
        let Shared {
            client,
            prefix,
            state,
            ..
        } = &*self.shared;
        for (lease, seconds) in &batch.begun {
            let id = i64::try_from(lease.0).unwrap_or(0);
            let granted = client.grant(id, i64::from(*seconds)).await;
            granted.map_err(unavailable)?;
        }
        let mut revision = state.lock().shadow.revision();
        let txn = transaction::plan(prefix, &state.lock().shadow, batch)?;
        if !txn.is_empty() {
            // What is done is taken up from the watch, in the order of all that is done.
            let done = client.txn(txn.as_request()).await.map_err(unavailable)?;
            if !done.succeeded {
                return Err(StoreError::Conflict);
            }
            revision = done.header.map_or(revision, |header| header.revision);
        }
        for lease in &batch.ended {
            let id = i64::try_from(lease.0).unwrap_or(0);
            match client.revoke(id).await {
                // It ended by itself.
                Ok(()) | Err(Error::Refused(_)) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Ok(number(revision))
    }
}

impl Store for EtcdStore {
    fn load<'s>(&'s self, zones: &'s [Name]) -> Work<'s, Loaded> {
        Box::pin(self.load_zones(zones))
    }

    fn commit(&self, batch: Arc<Batch>) -> Work<'_, u64> {
        Box::pin(async move { self.commit_batch(&batch).await })
    }

    fn follow(&self) -> Option<mpsc::Receiver<Followed>> {
        let (sender, receiver) = mpsc::channel(FOLLOWED_MAX);
        self.is_followed.store(true, Ordering::Release);
        self.spawn(follow::tell(Arc::clone(&self.shared), sender));
        self.follow_new();
        Some(receiver)
    }

    fn serial_at(&self, revision: u64) -> Option<u32> {
        // Serials wrap, RFC 1982; 0 is left out.
        let serial = u32::try_from(revision & 0xffff_ffff).unwrap_or(0);
        Some(serial.max(1))
    }

    fn is_shown_as_followed(&self) -> bool {
        true
    }

    fn group_max(&self) -> usize {
        // Each takes a few of the steps that a transaction can have.
        transaction::STEPS_MAX / 16
    }

    fn ends_leases(&self) -> bool {
        true
    }

    fn renew(&self, lease: LeaseId) -> Work<'_, ()> {
        Box::pin(async move {
            let id = i64::try_from(lease.0).unwrap_or(0);
            match self.shared.client.renew(id).await.map_err(unavailable)? {
                ..1 => Err(StoreError::Unavailable("the lease has ended".to_owned())),
                _ => Ok(()),
            }
        })
    }
}

/// The keys of a scope as they were some time ago, and how they have changed since.
async fn past(client: &Client, scope: &str) -> Result<History, Error> {
    match history(client, scope.as_bytes(), BACK).await {
        Ok(past) => Ok(past),
        Err(error) => {
            debug!(target: "plugin/dynapi", "No history of {scope}: {error}");
            let (keys, since) = list(client, scope.as_bytes()).await?;
            Ok(History {
                since,
                keys,
                changes: Vec::new(),
            })
        }
    }
}

impl Shared {
    /// What begins the keys of `zone`.
    fn scope(&self, zone: &Name) -> Result<String, StoreError> {
        let key = self.prefix.key(zone.view());
        let none = || StoreError::Broken(format!("no key can stand for the zone {zone}"));
        Ok(format!("{}/", key.ok_or_else(none)?.trim_end_matches('/')))
    }
}

fn unavailable(error: Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

fn number(revision: i64) -> u64 {
    u64::try_from(revision).unwrap_or(0)
}
