//! A batch of edits as one transaction: it is done only on the state that it was decided on.

use std::collections::BTreeSet;

use catena_dns::RecordType;
use catena_etcd::Txn;
use catena_etcd::skydns::Prefix;
use catena_records::{Batch, Edit, RecordSet, SetKey, StoreError};

use super::form::{self, Form, OWN};
use super::shadow::Shadow;

/// Steps and conditions of a transaction that etcd takes by default.
pub(super) const STEPS_MAX: usize = 128;

/// A transaction in the making.
struct Planned {
    txn: Txn,
    /// Keys that go, unless they are set again.
    deletes: Vec<String>,
}

/// Plans a batch; a conflict if it was decided on another state than `shadow` has.
pub(super) fn plan(prefix: &Prefix, shadow: &Shadow, batch: &Batch) -> Result<Txn, StoreError> {
    let mut plan = Planned {
        txn: Txn::new(),
        deletes: Vec::new(),
    };
    let (mut guarded, mut conditions) = (BTreeSet::new(), 0);
    for edit in &batch.edits {
        if edit.key.rtype != RecordType::SOA && !is_same(shadow, edit) {
            return Err(StoreError::Conflict);
        }
        let path = prefix.key(edit.key.name.view()).ok_or_else(|| {
            StoreError::Unavailable(format!("no key can stand for {}", edit.key.name))
        })?;
        let own = format!("{path}/{OWN}");
        if guarded.insert(own.clone()) {
            // Nobody else has written records of the name: two sets may exclude each other.
            plan.txn = plan.txn.if_none_newer(own.as_bytes(), shadow.reached(&own));
            conditions += 1;
        }
        conditions += plan.edit(shadow, edit, &path);
    }
    let txn = plan.finish();
    if txn.len().max(conditions) > STEPS_MAX {
        let text = format!("a change takes more than {STEPS_MAX} steps in etcd");
        return Err(StoreError::TooLarge(text));
    }
    Ok(txn)
}

/// Whether the set is known as the edit found it.
fn is_same(shadow: &Shadow, edit: &Edit) -> bool {
    let content = |set: &RecordSet| (set.ttl, set.data.clone());
    shadow.set(&edit.key).as_ref().map(content) == edit.before.as_ref().map(content)
}

impl Planned {
    /// Adds one edit; the number of its conditions.
    fn edit(&mut self, shadow: &Shadow, edit: &Edit, path: &str) -> usize {
        let lease = edit.after.as_ref().and_then(|set| set.lease);
        let lease = lease.and_then(|id| i64::try_from(id.0).ok()).unwrap_or(0);
        let mut wanted = match &edit.after {
            None => Vec::new(),
            Some(set) => values(&edit.key, set, path),
        };
        let (mut conditions, mut taken) = (0, BTreeSet::new());
        for (key, held) in shadow.keys_of(&edit.key) {
            self.txn = std::mem::take(&mut self.txn).if_unchanged(key, held.revision);
            conditions += 1;
            taken.insert(key.to_owned());
            let is_kept = |value: &Wanted| {
                held.lease == lease
                    && value.data == held.part.data
                    && edit
                        .after
                        .as_ref()
                        .is_some_and(|set| set.ttl == held.part.ttl)
            };
            match wanted.iter().position(is_kept) {
                // It says the same already.
                Some(at) => drop(wanted.remove(at)),
                None => self.deletes.push(key.to_owned()),
            }
        }
        for value in wanted {
            let free = |key: &String| !taken.contains(key) || self.deletes.contains(key);
            let Some(key) = value.keys.into_iter().find(free) else {
                continue;
            };
            self.deletes.retain(|deleted| *deleted != key);
            if taken.insert(key.clone()) {
                self.txn = std::mem::take(&mut self.txn).if_absent(key.as_str());
                conditions += 1;
            }
            self.txn = std::mem::take(&mut self.txn).put(key, value.value, lease);
        }
        conditions
    }

    /// The whole transaction.
    fn finish(mut self) -> Txn {
        self.deletes.dedup();
        for key in self.deletes {
            self.txn = self.txn.delete(key);
        }
        self.txn
    }
}

/// A value to be written, at the first of some keys that is free.
struct Wanted {
    keys: Vec<String>,
    value: Vec<u8>,
    data: Vec<Box<[u8]>>,
}

fn values(key: &SetKey, set: &RecordSet, path: &str) -> Vec<Wanted> {
    let rtype = key.rtype;
    match form::write(key, set) {
        Form::Whole(value) => vec![Wanted {
            keys: vec![format!("{path}/{OWN}{rtype}")],
            value,
            data: set.data.clone(),
        }],
        Form::Messages(values) => {
            let places = if rtype == RecordType::PTR {
                vec![path.to_owned()]
            } else {
                let letters = rtype.to_string().to_ascii_lowercase();
                // Twice as many as are needed, so that some are free whatever is kept.
                let places = 0..2 * set.data.len();
                places
                    .map(|at| format!("{path}/{OWN}{letters}{at}"))
                    .collect()
            };
            let data = values.into_iter().zip(&set.data);
            data.map(|(value, rdata)| Wanted {
                keys: places.clone(),
                value,
                data: vec![rdata.clone()],
            })
            .collect()
        }
    }
}
