//! Replies that came later, on their way from the tasks that made them to the one that sends.

use std::sync::Arc;
use std::task::{Context, Waker};

use parking_lot::Mutex;

/// The late replies of one socket or connection.
///
/// Every writer and the reader live on one worker, so the lock is never waited for.
#[derive(Debug)]
pub(crate) struct Outbox<B> {
    state: Mutex<State<B>>,
}

#[derive(Debug)]
struct State<B> {
    batch: B,
    filled: bool,
    waiting: usize,
    sender: Option<Waker>,
}

impl<B: Default> Outbox<B> {
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            batch: B::default(),
            filled: false,
            waiting: 0,
            sender: None,
        };
        Arc::new(Self {
            state: Mutex::new(state),
        })
    }

    /// Announces a reply that will come.
    pub(crate) fn expect(self: &Arc<Self>) -> Expected<B> {
        self.state.lock().waiting += 1;
        Expected {
            outbox: Arc::clone(self),
        }
    }

    /// How many announced replies have not come.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    /// Takes what came since the last call by exchanging it for `empty`.
    pub(crate) fn swap(&self, empty: &mut B) -> bool {
        let mut state = self.state.lock();
        if !state.filled {
            return false;
        }
        state.filled = false;
        std::mem::swap(&mut state.batch, empty);
        true
    }

    /// Has the caller's task woken when something comes; true if there is something already.
    pub(crate) fn poll_filled(&self, context: &Context<'_>) -> bool {
        let mut state = self.state.lock();
        if state.filled {
            return true;
        }
        match &state.sender {
            Some(waker) if waker.will_wake(context.waker()) => {}
            _ => state.sender = Some(context.waker().clone()),
        }
        false
    }
}

/// A reply that will come: put in by `put`, or given up by dropping this.
#[derive(Debug)]
pub(crate) struct Expected<B: Default> {
    outbox: Arc<Outbox<B>>,
}

impl<B: Default> Expected<B> {
    pub(crate) fn put(self, write: impl FnOnce(&mut B)) {
        let mut state = self.outbox.state.lock();
        write(&mut state.batch);
        state.filled = true;
        // Dropping `self` wakes the sender.
    }
}

impl<B: Default> Drop for Expected<B> {
    fn drop(&mut self) {
        let sender = {
            let mut state = self.outbox.state.lock();
            state.waiting -= 1;
            state.sender.take()
        };
        if let Some(sender) = sender {
            sender.wake();
        }
    }
}
