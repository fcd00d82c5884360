//! What plugins leave for each other beside a query; costs nothing until something is left.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::{Query, Stage};

/// Values kept for one query at most.
const VALUES_MAX: usize = 64;

/// The hints of one query, shared by all changed forms of it.
#[derive(Clone, Default)]
pub(crate) struct Hints {
    shared: OnceLock<Arc<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// Set once the `metadata` plugin has seen the query: the stages to ask.
    sources: OnceLock<Arc<[Stage]>>,
    values: Mutex<Vec<(Cow<'static, str>, String)>>,
}

impl Hints {
    /// The same hints for another form of the query.
    pub fn share(&self) -> Hints {
        Hints {
            shared: OnceLock::from(Arc::clone(self.shared())),
        }
    }

    /// Sets the metadata `label`, if metadata is on.
    pub fn set(&self, label: impl Into<Cow<'static, str>>, value: impl FnOnce() -> String) {
        let Some(shared) = self.shared.get() else {
            return;
        };
        if shared.sources.get().is_none() {
            return;
        }
        let (label, value) = (label.into(), value());
        let mut values = shared.values.lock();
        if let Some(slot) = values.iter_mut().find(|(known, _)| *known == label) {
            slot.1 = value;
        } else if values.len() < VALUES_MAX {
            values.push((label, value));
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        self.shared.get_or_init(Arc::default)
    }
}

impl Query<'_> {
    /// Turns metadata on for this query: labels can be set, and `sources` are asked for others.
    pub fn enable_metadata(&self, sources: &Arc<[Stage]>) {
        let shared = self.context.hints.shared();
        let _already = shared.sources.set(Arc::clone(sources));
    }

    /// Sets the metadata `label`; `value` is not called unless metadata is on.
    pub fn set_metadata(
        &self,
        label: impl Into<Cow<'static, str>>,
        value: impl FnOnce() -> String,
    ) {
        self.context.hints.set(label, value);
    }

    /// The value of the metadata `label`: one that was set, or what a plugin says when asked.
    pub fn metadata(&self, label: &str) -> Option<String> {
        let shared = self.context.hints.shared.get()?;
        let sources = shared.sources.get()?;
        let set = shared
            .values
            .lock()
            .iter()
            .find(|(l, _)| l == label)
            .map(|(_, v)| v.clone());
        set.or_else(|| {
            sources
                .iter()
                .find_map(|stage| stage.plugin.metadata(label, self))
        })
    }
}
