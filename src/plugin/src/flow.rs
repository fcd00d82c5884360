//! The answer now, or a future that owns all it needs.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Next, Outcome, OwnedNext, OwnedQuery, Plugin, Query};

/// What [`Plugin::serve`] returns: an outcome at once, or a wait.
#[must_use]
pub enum Flow {
    /// The outcome.
    Ready(Outcome),
    /// Somebody must be waited for.
    Pending(Pin<Box<dyn Future<Output = Outcome> + Send>>),
}

impl Flow {
    /// Waits for `future`.
    pub fn wait(future: impl Future<Output = Outcome> + Send + 'static) -> Flow {
        Flow::Pending(Box::pin(future))
    }

    /// Passes the outcome through `change`: at once, or after the wait.
    ///
    /// `state` is what `change` needs of the plugin; its count is touched only for a wait.
    #[inline]
    pub fn then<T: Send + Sync + 'static>(
        self,
        state: &Arc<T>,
        query: &Query<'_>,
        change: fn(&T, &Query<'_>, Outcome) -> Outcome,
    ) -> Flow {
        match self {
            Flow::Ready(outcome) => Flow::Ready(change(state, query, outcome)),
            Flow::Pending(future) => {
                let (state, query) = (Arc::clone(state), query.keep());
                Flow::wait(async move {
                    let outcome = future.await;
                    query.view(|query| change(&state, query, outcome))
                })
            }
        }
    }

    /// As [`Flow::then`], with a value of this query's own.
    #[inline]
    pub fn then_with<T: Send + Sync + 'static, S: Send + 'static>(
        self,
        state: &Arc<T>,
        query: &Query<'_>,
        own: S,
        change: fn(&T, &Query<'_>, S, Outcome) -> Outcome,
    ) -> Flow {
        match self {
            Flow::Ready(outcome) => Flow::Ready(change(state, query, own, outcome)),
            Flow::Pending(future) => {
                let (state, query) = (Arc::clone(state), query.keep());
                Flow::wait(async move {
                    let outcome = future.await;
                    query.view(|query| change(&state, query, own, outcome))
                })
            }
        }
    }

    /// The outcome, waited for if need be.
    pub async fn outcome(self) -> Outcome {
        match self {
            Flow::Ready(outcome) => outcome,
            Flow::Pending(future) => future.await,
        }
    }
}

impl From<Outcome> for Flow {
    fn from(outcome: Outcome) -> Flow {
        Flow::Ready(outcome)
    }
}

/// The easy trait for a plugin that always waits; [`Waiting`] makes a [`Plugin`] of it.
pub trait AsyncPlugin: Send + Sync + 'static {
    /// Answers `query`, or passes it to `next`.
    fn serve(&self, query: &OwnedQuery, next: &OwnedNext) -> impl Future<Output = Outcome> + Send;
}

/// A stage made of an [`AsyncPlugin`].
pub struct Waiting<T>(pub Arc<T>);

impl<T: AsyncPlugin> Plugin for Waiting<T> {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let (plugin, query, next) = (Arc::clone(&self.0), query.keep(), next.keep());
        Flow::wait(async move { plugin.serve(&query, &next).await })
    }
}
