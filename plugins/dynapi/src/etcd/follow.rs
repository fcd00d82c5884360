//! Follows what others write, and tells the ledger.

use std::sync::Arc;

use catena_etcd::{Change, Error, KeyValue, Position, Sink, watch};
use catena_records::Followed;
use tokio::sync::mpsc;

use super::{Shared, number};

/// Follows the keys that begin with `scope`, all known up to `revision`.
pub(super) async fn watch_scope(shared: Arc<Shared>, scope: String, revision: i64) {
    let mut position = Position::after(revision);
    let client = shared.client.clone();
    let mut noted = Noted {
        shared,
        scope: scope.clone(),
        is_in_step: true,
    };
    match watch(&client, scope.as_bytes(), &mut position, &mut noted).await {}
}

/// Tells the ledger what has changed, as fast as it takes it: what changes twice is told once.
pub(super) async fn tell(shared: Arc<Shared>, ledger: mpsc::Sender<Followed>) {
    loop {
        shared.told.notified().await;
        let (told, in_step) = {
            let mut state = shared.state.lock();
            (
                state.shadow.take_dirty(&shared.prefix),
                state.in_step.take(),
            )
        };
        for (revision, sets) in told {
            let revision = number(revision);
            let changed = Followed::Changed { revision, sets };
            if ledger.send(changed).await.is_err() {
                return;
            }
        }
        if let Some(in_step) = in_step
            && ledger.send(Followed::InStep(in_step)).await.is_err()
        {
            return;
        }
    }
}

/// Notes what a watch sees.
struct Noted {
    shared: Arc<Shared>,
    scope: String,
    is_in_step: bool,
}

impl Noted {
    fn step(&mut self, is_in_step: bool) {
        if std::mem::replace(&mut self.is_in_step, is_in_step) != is_in_step {
            self.shared.state.lock().in_step = Some(is_in_step);
            self.shared.told.notify_one();
        }
    }
}

impl Sink for Noted {
    fn listed(&mut self, keys: Vec<KeyValue>, revision: i64) {
        let Shared { prefix, state, .. } = &*self.shared;
        let mut state = state.lock();
        state.shadow.replace(prefix, &self.scope, &keys, revision);
        drop(state);
        self.shared.told.notify_one();
    }

    fn changed(&mut self, changes: Vec<Change>, revision: i64) {
        let Shared { prefix, state, .. } = &*self.shared;
        let scope = &self.scope;
        state
            .lock()
            .shadow
            .change(prefix, scope, &changes, revision);
        self.shared.told.notify_one();
    }

    fn heard(&mut self) {
        self.step(true);
    }

    fn lost(&mut self, _error: &Error) {
        self.step(false);
    }
}
