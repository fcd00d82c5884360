//! Makes what is written what it should be, again and again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use catena_dns::Name;
use catena_plugin::clock::{self, Instant};
use catena_plugin::metrics::GaugeVec;
use catena_rpc::{Names, Registry};
use futures_util::{StreamExt, stream};
use tokio::time::sleep_until;

use crate::Options;
use crate::entry::{Entries, Entry, wanted};
use crate::health::State;
use crate::kept::Kept;
use crate::metrics::{PENDING, WRITES, WRITTEN};
use crate::place::{Place, PlaceError};

/// Names that are written at the same time.
const AT_ONCE: usize = 8;
/// The first wait after a failure; it doubles up to the last.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Put(Entry, Option<Entry>),
    Remove(Entry),
}

/// Keeps a place as it should be.
pub(crate) struct Reconciler {
    options: Options,
    place: Place,
    kept: Kept,
    state: Arc<State>,
    /// What is there and ours, as far as is known.
    written: Entries,
    /// Until when names of an earlier run are kept.
    inherited: Option<Instant>,
    /// Names that an earlier run wrote and this one did not yet.
    earlier: BTreeSet<Box<str>>,
    /// Names that are somebody else's.
    taken: BTreeSet<Box<str>>,
    /// Whether also that is written which seems to be there.
    writes_all: bool,
    failures: u32,
    wrong: String,
}

impl Reconciler {
    pub fn new(options: Options, (place, kept): (Place, Kept), state: Arc<State>) -> Reconciler {
        let written = kept.entries().clone();
        Reconciler {
            options,
            place,
            kept,
            state,
            earlier: written.keys().cloned().collect(),
            written,
            inherited: None,
            taken: BTreeSet::new(),
            writes_all: false,
            failures: 0,
            wrong: String::new(),
        }
    }

    /// Works for as long as it is polled.
    pub async fn run(&mut self, registry: &Registry) {
        registry.synced().await;
        self.inherited = Some(clock::now() + self.options.grace);
        let mut names = registry.names();
        let mut look_at = clock::now();
        loop {
            let current = Arc::clone(&names.borrow_and_update());
            let looks = clock::now() >= look_at;
            let done = match looks {
                true => self.look(&current).await,
                false => Ok(()),
            };
            if looks && done.is_ok() {
                look_at = clock::now() + self.options.resync;
            }
            let done = match done {
                Ok(()) => self.write(&current).await,
                refused => refused,
            };
            let wake = self.note(done, look_at);
            tokio::select! {
                changed = names.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Reads what is there.
    async fn look(&mut self, names: &Names) -> Result<(), PlaceError> {
        let zones = match self.options.zones.as_slice() {
            [] => {
                let wanted = names
                    .targets
                    .values()
                    .map(|target| Name::clone(&target.suffix));
                let written = self.written.values().map(|entry| Name::clone(&entry.zone));
                wanted.chain(written).collect()
            }
            zones => zones.iter().cloned().collect(),
        };
        let Some(mut found) = self.place.read(&zones).await? else {
            // Nobody tells, so all is written once more.
            self.writes_all = true;
            return Ok(());
        };
        // What is wanted is written once more, and marked by that.
        let wanted = wanted(names, &self.options.zones, self.options.ttl);
        let is_ours = |text: &str| self.options.is_exclusive || self.written.contains_key(text);
        let unmarked = found.unmarked.into_iter();
        let ours = unmarked.filter(|(text, _)| is_ours(text) && !wanted.contains_key(text));
        found.ours.extend(ours);
        let earlier = found
            .ours
            .keys()
            .filter(|text| !self.written.contains_key(*text));
        self.earlier.extend(earlier.cloned());
        for text in found.taken.difference(&self.taken) {
            if names.targets.contains_key(text) {
                tracing::warn!("{text} is somebody else's there, and is left alone");
            }
        }
        self.written = found.ours;
        self.taken = found.taken;
        Ok(())
    }

    /// Writes what is missing, removes what is too much.
    async fn write(&mut self, names: &Names) -> Result<(), PlaceError> {
        let mut entries = wanted(names, &self.options.zones, self.options.ttl);
        entries.retain(|text, _| !self.taken.contains(text));
        if names.complete || self.inherited.is_some_and(|until| clock::now() >= until) {
            self.inherited = None;
        }
        let keeps = |text: &str| self.inherited.is_some() && self.earlier.contains(text);
        let mut steps = plan(&entries, &self.written, keeps);
        if std::mem::take(&mut self.writes_all) {
            let known = entries
                .iter()
                .filter(|(text, _)| self.written.contains_key(*text));
            let again = known.map(|(_, entry)| entry);
            steps.extend(again.map(|entry| Step::Put(entry.clone(), Some(entry.clone()))));
        }
        self.take(steps).await
    }

    /// Takes all steps, some at a time; the last error, if there is one.
    async fn take(&mut self, steps: Vec<Step>) -> Result<(), PlaceError> {
        let total = steps.len();
        set(&PENDING, total);
        self.keep(&steps).await?;
        let place = &self.place;
        let mut running = stream::iter(steps)
            .map(|step| async move {
                let done = match &step {
                    Step::Put(entry, before) => place.put(entry, before.as_ref()).await,
                    Step::Remove(entry) => place.remove(entry).await,
                };
                (step, done)
            })
            .buffer_unordered(AT_ONCE);
        let (mut failure, mut left) = (Ok(()), total);
        while let Some((step, done)) = running.next().await {
            let result = if done.is_ok() { "done" } else { "failed" };
            let (verb, text) = match &step {
                Step::Put(entry, _) => ("put", entry.name.to_string()),
                Step::Remove(entry) => ("remove", entry.name.to_string()),
            };
            WRITES.with(&[verb, result]).inc();
            match (done, step) {
                (Err(error), _) => {
                    failure = Err(error);
                    continue;
                }
                (Ok(()), Step::Put(entry, _)) => {
                    self.earlier.remove(text.as_str());
                    self.written.insert(text.into(), entry);
                }
                (Ok(()), Step::Remove(_)) => {
                    self.written.remove(text.as_str());
                }
            }
            left -= 1;
            set(&PENDING, left);
        }
        drop(running);
        set(&WRITTEN, self.written.len());
        if total > left {
            let done = total - left;
            tracing::info!("{done} names written or removed");
        }
        self.keep(&[]).await?;
        failure
    }

    /// Notes what is written, and what `steps` are about to write.
    async fn keep(&mut self, steps: &[Step]) -> Result<(), PlaceError> {
        if !self.kept.has_file() {
            return Ok(());
        }
        let mut entries = self.written.clone();
        for step in steps {
            if let Step::Put(entry, _) = step {
                entries.insert(entry.name.to_string().into(), entry.clone());
            }
        }
        let kept = self.kept.keep(entries).await;
        kept.map_err(|error| PlaceError(format!("the state cannot be kept: {error}")))
    }

    /// Tells what is wrong, once; says when there is something to do again.
    fn note(&mut self, done: Result<(), PlaceError>, look_at: Instant) -> Instant {
        self.state.is_done.store(done.is_ok(), Relaxed);
        let Err(error) = done else {
            if !std::mem::take(&mut self.wrong).is_empty() {
                let place = &self.place;
                tracing::info!("{place} takes names again");
            }
            self.failures = 0;
            return self.inherited.map_or(look_at, |until| until.min(look_at));
        };
        let text = error.to_string();
        if text != self.wrong {
            let place = &self.place;
            tracing::error!("Cannot write to {place}: {text}");
            self.wrong = text;
        }
        let wait = RETRY
            .0
            .saturating_mul(1 << self.failures.min(10))
            .min(RETRY.1);
        self.failures += 1;
        clock::now() + wait
    }
}

fn set(gauge: &GaugeVec, count: usize) {
    gauge
        .with(&[])
        .set(i64::try_from(count).unwrap_or(i64::MAX));
}

/// What makes `written` the same as `wanted`; what `keeps` says is not removed.
fn plan(wanted: &Entries, written: &Entries, keeps: impl Fn(&str) -> bool) -> Vec<Step> {
    let is_same =
        |entry: &Entry, known: &Entry| entry.addresses == known.addresses && entry.ttl == known.ttl;
    let mut steps = Vec::new();
    for (text, entry) in wanted {
        let known = written.get(text);
        if known.is_none_or(|known| !is_same(entry, known)) {
            steps.push(Step::Put(entry.clone(), known.cloned()));
        }
    }
    for (text, entry) in written {
        if !wanted.contains_key(text) && !keeps(text) {
            steps.push(Step::Remove(entry.clone()));
        }
    }
    steps
}

#[cfg(test)]
mod tests;
