//! The ordered stages of a server block, and the way to the next of them.

use std::sync::Arc;

use catena_dns::Rcode;

use crate::{Flow, Outcome, OwnedQuery, Plugin, Query};

/// One plugin at its place in a chain.
#[derive(Clone)]
pub struct Stage {
    /// The plugin's name, as in the Corefile.
    pub name: &'static str,
    /// The plugin.
    pub plugin: Arc<dyn Plugin>,
}

/// The stages a query meets, from the outside to the inside.
#[derive(Clone, Default)]
pub struct Chain {
    stages: Vec<Stage>,
}

impl Chain {
    /// A chain of `stages`.
    pub fn new(stages: Vec<Stage>) -> Arc<Chain> {
        Arc::new(Chain { stages })
    }

    /// The stages in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The way to the first stage.
    pub fn first(self: &Arc<Self>) -> Next<'_> {
        Next { chain: self, at: 0 }
    }
}

/// The rest of the chain, seen from one stage.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    chain: &'a Arc<Chain>,
    at: usize,
}

impl Next<'_> {
    /// Whether no stage is left.
    pub fn is_end(&self) -> bool {
        self.at >= self.chain.stages.len()
    }

    /// Hands `query` to the next stage; SERVFAIL when there is none.
    #[inline]
    pub fn serve(self, query: &Query<'_>) -> Flow {
        let Some(stage) = self.chain.stages.get(self.at) else {
            return Flow::Ready(self.no_stage());
        };
        let next = Next {
            chain: self.chain,
            at: self.at + 1,
        };
        match stage.plugin.serve(query, next) {
            Flow::Ready(outcome) => Flow::Ready(outcome.written_by(stage.name)),
            pending => pending,
        }
    }

    /// The name of the plugin at this place.
    pub(crate) fn no_stage(self) -> Outcome {
        let last = self
            .at
            .checked_sub(1)
            .and_then(|at| self.chain.stages.get(at));
        let name = last.map_or("server", |stage| stage.name);
        Outcome::failed(
            Rcode::SERVFAIL,
            format!("plugin/{name}: no next plugin found"),
        )
    }

    /// The same way, owned, for a plugin that must wait.
    pub fn keep(self) -> OwnedNext {
        OwnedNext {
            chain: Arc::clone(self.chain),
            at: self.at,
        }
    }
}

/// An owned [`Next`].
#[derive(Clone)]
pub struct OwnedNext {
    chain: Arc<Chain>,
    at: usize,
}

impl OwnedNext {
    /// The borrowed form.
    pub fn view(&self) -> Next<'_> {
        Next {
            chain: &self.chain,
            at: self.at,
        }
    }

    /// Hands `query` to the next stage and waits for what comes back.
    pub async fn serve(&self, query: &OwnedQuery) -> Outcome {
        let flow = query.view(|query| self.view().serve(query));
        flow.outcome().await
    }
}
