//! What is known while a query is answered, and what is missing.
//!
//! An answer is worked out without waiting, from what is known. What it lacked is noted here; once
//! that is fetched the answer is worked out again. A watched prefix lacks nothing of its own.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use catena_dns::{Name, NameRef, Record, RecordType};
use catena_etcd::skydns::Prefix;

use crate::memory::Memory;
use crate::service::{Found, Place, Trouble};

/// Look-ups behind one answer, and those of them that wait for others.
const LOOKUPS_MAX: u32 = 2_000;
const FETCHES_MAX: usize = 512;

/// What the server answered for the target of an alias.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    pub answers: Vec<Record>,
    pub truncated: bool,
    /// Nobody may keep it.
    pub is_live: bool,
}

/// Something to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Missing {
    /// The services at a place.
    Services(Place),
    /// What the server answers.
    Answers(Name, u16),
}

/// Something fetched.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// The services at a place.
    Services(Result<Arc<[Found]>, Trouble>),
    /// What the server answers; `None` if nothing.
    Answers(Option<Arc<Resolved>>),
}

/// All that is known for one query.
pub(crate) struct Facts {
    prefix: Arc<Prefix>,
    /// The watched names of the zone, if it is watched.
    memory: Option<Arc<Memory>>,
    fetched: HashMap<Missing, Fact>,
    missing: RefCell<Vec<Missing>>,
    lookups_left: Cell<u32>,
}

impl Facts {
    /// Nothing known but what `memory` holds.
    pub fn new(prefix: Arc<Prefix>, memory: Option<Arc<Memory>>) -> Facts {
        Facts {
            prefix,
            memory,
            fetched: HashMap::new(),
            missing: RefCell::default(),
            lookups_left: Cell::new(LOOKUPS_MAX),
        }
    }

    /// The part of all keys that stands for the root.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// What is found below the key of `name`, or at it.
    pub fn below(&self, name: NameRef<'_>) -> Result<Arc<[Found]>, Trouble> {
        self.find(Place::below(&self.prefix, name))
    }

    /// What is found at the key of `name`.
    pub fn exact(&self, name: NameRef<'_>) -> Result<Arc<[Found]>, Trouble> {
        self.find(Place::exact(&self.prefix, name))
    }

    fn find(&self, place: Option<Place>) -> Result<Arc<[Found]>, Trouble> {
        let place = place.ok_or(Trouble::NoSuchName)?;
        self.count()?;
        if let Some(memory) = &self.memory {
            return memory.find(&place);
        }
        match self.fetched(Missing::Services(place)) {
            Some(Fact::Services(found)) => found,
            _ => Ok(Arc::default()),
        }
    }

    /// What the server answers for `name`; `None` if nothing, or not known yet.
    pub fn resolved(&self, name: &Name, qtype: RecordType) -> Option<Arc<Resolved>> {
        self.count().ok()?;
        match self.fetched(Missing::Answers(name.clone(), qtype.0)) {
            Some(Fact::Answers(answers)) => answers,
            _ => None,
        }
    }

    fn fetched(&self, what: Missing) -> Option<Fact> {
        let known = self.fetched.get(&what).cloned();
        if known.is_none() {
            let mut missing = self.missing.borrow_mut();
            if missing.len() + self.fetched.len() < FETCHES_MAX && !missing.contains(&what) {
                missing.push(what);
            }
        }
        known
    }

    /// Bounds the work behind one answer, such as of aliases that branch and branch again.
    fn count(&self) -> Result<(), Trouble> {
        let left = self.lookups_left.get().checked_sub(1);
        let left = left.ok_or_else(|| Trouble::Failed("too many look-ups".to_owned()))?;
        self.lookups_left.set(left);
        Ok(())
    }

    /// What was missing since the last call; nothing if the answer is whole.
    pub fn take_missing(&self) -> Vec<Missing> {
        self.lookups_left.set(LOOKUPS_MAX);
        self.missing.take()
    }

    /// Whether nobody may keep an answer that is worked out from this.
    pub fn is_live(&self) -> bool {
        let mut facts = self.fetched.values();
        facts.any(|fact| matches!(fact, Fact::Answers(Some(resolved)) if resolved.is_live))
    }

    /// Adds what was fetched.
    pub fn learn(&mut self, facts: impl IntoIterator<Item = (Missing, Fact)>) {
        self.fetched.extend(facts);
    }
}
