//! Deciding a group of requests on one state, and telling each what became of it.

use catena_dns::{Name, RecordType};
use hashbrown::HashMap;
use tokio::sync::oneshot;

use super::{GROUP_MAX, TRIES, Writer};
use crate::draft::{Draft, Pending, Refusal};
use crate::leases::Leases;
use crate::ledger::{Decide, Request, Written};
use crate::soa::{next_serial, serial_of, with_serial};
use crate::store::{Batch, StoreError};
use crate::{Edit, LeaseId, RecordSet, SetKey};

/// A request whose effect waits for the commit.
enum Decided {
    Changed {
        zone: Name,
        changes: usize,
        done: oneshot::Sender<Result<Written, Refusal>>,
    },
    Begun(LeaseId, u32, oneshot::Sender<Result<LeaseId, Refusal>>),
    Ended(LeaseId, oneshot::Sender<Result<(), Refusal>>),
}

impl Writer {
    /// Serves `first` and what waits behind it.
    pub(super) async fn serve_group(&mut self, first: Request) {
        let mut requests = vec![first];
        while requests.len() < GROUP_MAX.min(self.store.group_max()) {
            match self.inbox.try_recv() {
                Ok(Request::Serve(zones)) => self.wanted.extend(zones),
                Ok(request) => requests.push(request),
                Err(_) => break,
            }
        }
        for _ in 0..TRIES {
            let revision = self.revision;
            requests = self.try_group(requests).await;
            if requests.is_empty() {
                break;
            }
            self.catch_up(revision).await;
        }
        for request in requests {
            refuse(request, Refusal::Busy);
        }
        if !self.wanted.is_empty() {
            self.serve(Vec::new()).await;
        }
    }

    /// Decides, commits and tells; what is left has met a conflict.
    async fn try_group(&mut self, requests: Vec<Request>) -> Vec<Request> {
        let mut batch = Batch::default();
        let mut pending: HashMap<Name, Pending> = HashMap::new();
        let mut decided: Vec<(Decided, Option<Decide>)> = Vec::new();
        for request in requests {
            match request {
                Request::Change {
                    zone,
                    mut decide,
                    done,
                } => match self.decide(&zone, &mut pending, &mut decide) {
                    Err(refusal) => drop(done.send(Err(refusal))),
                    Ok(changes) => {
                        let changed = Decided::Changed {
                            zone,
                            changes,
                            done,
                        };
                        decided.push((changed, Some(decide)));
                    }
                },
                Request::Begin(ttl, done) => {
                    let id = self.new_lease();
                    batch.begun.push((id, ttl));
                    decided.push((Decided::Begun(id, ttl, done), None));
                }
                Request::Renew(id, done) => self.renew(id, done).await,
                Request::End(id, done) => {
                    if self.shown.leases.read().has(id) {
                        self.end_lease(id, &mut batch);
                        decided.push((Decided::Ended(id, done), None));
                    } else {
                        let _gone = done.send(Err(Refusal::NoLease(id)));
                    }
                }
                Request::Serve(_) => {}
            }
        }
        self.add_edits(&pending, &mut batch);
        match self.commit(batch).await {
            Ok(revision) => self.tell(decided, &Ok(revision)),
            Err(StoreError::Conflict) => return undecided(decided),
            Err(StoreError::TooLarge(_)) if decided.len() > 1 => {
                return self.try_halves(undecided(decided)).await;
            }
            Err(StoreError::TooLarge(why)) => self.tell(decided, &Err(Refusal::TooLarge(why))),
            Err(error) => self.tell(decided, &Err(Refusal::Unavailable(error.to_string()))),
        }
        Vec::new()
    }

    /// Tries a group that is too large for the store in two, so that only what is too large by
    /// itself is refused.
    async fn try_halves(&mut self, mut requests: Vec<Request>) -> Vec<Request> {
        let rest = requests.split_off(requests.len() / 2);
        let mut left = Vec::new();
        for half in [requests, rest] {
            left.extend(Box::pin(self.try_group(half)).await);
        }
        left
    }

    fn decide(
        &self,
        zone: &Name,
        pending: &mut HashMap<Name, Pending>,
        decide: &mut Decide,
    ) -> Result<usize, Refusal> {
        let no_zone = || Refusal::NoZone(zone.clone());
        let mut zones = self.zones.iter();
        let served = zones.find(|served| served.config.origin == *zone);
        let served = served.ok_or_else(no_zone)?;
        if !pending.contains_key(zone) {
            let base = served.live.zone().clone().ok_or_else(no_zone)?;
            pending.insert(zone.clone(), Pending::new(base));
        }
        let state = pending.get_mut(zone).ok_or_else(no_zone)?;
        let own = {
            let leases = self.shown.leases.read();
            let mut draft = Draft {
                records: state.base.record_count(),
                pending: state,
                own: HashMap::new(),
                leases: &leases,
                records_max: served.config.records_max,
                is_serial_derived: self.store.serial_at(0).is_some(),
            };
            decide(&mut draft)?;
            draft.own
        };
        let changes = own.len();
        state.changed.extend(own);
        Ok(changes)
    }

    /// Adds what the group changes, each zone's serial with it.
    fn add_edits(&self, pending: &HashMap<Name, Pending>, batch: &mut Batch) {
        let leases = self.shown.leases.read();
        for (origin, state) in pending {
            let mut edits = state.edits(&leases);
            if edits.is_empty() {
                continue;
            }
            if self.store.serial_at(0).is_none() {
                self.raise_serial(origin, state, (&mut edits, &leases));
            }
            batch.edits.extend(edits);
        }
        // A lease that ends may take along what the same group has written.
        let mut seen = hashbrown::HashSet::new();
        batch.edits.reverse();
        batch.edits.retain(|edit| seen.insert(edit.key.clone()));
        batch.edits.reverse();
    }

    fn raise_serial(
        &self,
        origin: &Name,
        state: &Pending,
        (edits, leases): (&mut Vec<Edit>, &Leases),
    ) {
        let key = SetKey::new(origin.view(), RecordType::SOA);
        let sets = crate::draft::sets_of(&state.base, origin.view(), leases);
        let mut sets = sets
            .into_iter()
            .filter(|(rtype, _)| *rtype == RecordType::SOA);
        let Some((_, before)) = sets.next() else {
            return;
        };
        let serial = |set: &RecordSet| set.data.first().and_then(|rdata| serial_of(rdata));
        let old = serial(&before).unwrap_or(0);
        match edits.iter_mut().find(|edit| edit.key == key) {
            Some(edit) => {
                if let Some(after) = &mut edit.after
                    && serial(after) == Some(old)
                {
                    *after = with_serial(after, next_serial(old));
                }
            }
            None => edits.push(Edit {
                key,
                after: Some(with_serial(&before, next_serial(old))),
                before: Some(before),
            }),
        }
    }

    fn new_lease(&self) -> LeaseId {
        // Unpredictable enough: the state of a hasher is random, and permissions guard leases.
        let random = || {
            use std::hash::{BuildHasher, RandomState};
            RandomState::new().hash_one(self.revision) >> 12 | 1
        };
        let leases = self.shown.leases.read();
        let mut id = LeaseId(random());
        while leases.has(id) {
            id = LeaseId(random());
        }
        id
    }

    async fn renew(&self, id: LeaseId, done: oneshot::Sender<Result<u32, Refusal>>) {
        let renewed = match self.store.renew(id).await {
            Ok(()) => self.shown.leases.write().renew(id),
            Err(error) => {
                let _gone = done.send(Err(Refusal::Unavailable(error.to_string())));
                return;
            }
        };
        let _gone = done.send(renewed.ok_or(Refusal::NoLease(id)));
    }

    /// Adds the end of a lease to `batch`.
    pub(super) fn end_lease(&self, id: LeaseId, batch: &mut Batch) {
        let leases = self.shown.leases.read();
        batch.ended.push(id);
        let mut touched: HashMap<Name, Pending> = HashMap::new();
        for key in leases.sets(id) {
            let Some(served) = self.zone_of(&key.name) else {
                continue;
            };
            let Some(base) = served.live.zone().clone() else {
                continue;
            };
            let sets = crate::draft::sets_of(&base, key.name.view(), &leases);
            let mut sets = sets.into_iter().filter(|(rtype, _)| *rtype == key.rtype);
            let before = sets.next().map(|(_, set)| set);
            touched
                .entry(served.config.origin.clone())
                .or_insert_with(|| Pending::new(base));
            batch.edits.push(Edit {
                key,
                before,
                after: None,
            });
        }
        if self.store.serial_at(0).is_some() {
            return;
        }
        for (origin, state) in &touched {
            self.raise_serial(origin, state, (&mut batch.edits, &leases));
        }
    }

    fn tell(&self, decided: Vec<(Decided, Option<Decide>)>, committed: &Result<u64, Refusal>) {
        for (decided, _) in decided {
            match decided {
                Decided::Changed {
                    zone,
                    changes,
                    done,
                } => {
                    let serial = self
                        .zone_of(&zone)
                        .map_or(0, |zone| zone.live.mark().serial);
                    let written = committed.clone().map(|revision| Written {
                        revision,
                        serial,
                        changes,
                    });
                    let _gone = done.send(written);
                }
                Decided::Begun(id, _, done) => {
                    let _gone = done.send(committed.clone().map(|_| id));
                }
                Decided::Ended(_, done) => {
                    let _gone = done.send(committed.clone().map(|_| ()));
                }
            }
        }
    }
}

/// The requests again, to be decided anew.
fn undecided(decided: Vec<(Decided, Option<Decide>)>) -> Vec<Request> {
    let requests = decided
        .into_iter()
        .filter_map(|(decided, decide)| match (decided, decide) {
            (Decided::Changed { zone, done, .. }, Some(decide)) => {
                Some(Request::Change { zone, decide, done })
            }
            (Decided::Changed { .. }, None) => None,
            (Decided::Begun(_, ttl, done), _) => Some(Request::Begin(ttl, done)),
            (Decided::Ended(id, done), _) => Some(Request::End(id, done)),
        });
    requests.collect()
}

fn refuse(request: Request, refusal: Refusal) {
    match request {
        Request::Change { done, .. } => drop(done.send(Err(refusal))),
        Request::Begin(_, done) => drop(done.send(Err(refusal))),
        Request::Renew(_, done) => drop(done.send(Err(refusal))),
        Request::End(_, done) => drop(done.send(Err(refusal))),
        Request::Serve(_) => {}
    }
}
