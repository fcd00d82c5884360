//! The one task that writes: decides changes in groups, commits each group, then shows it.

mod apply;
mod group;
mod install;

use std::sync::Arc;
use std::time::Duration;

use catena_plugin::clock::{Instant, now};
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};
use tracing::{error, info, warn};

use crate::ledger::{NewZone, Request, Shown};
use crate::live::LiveZone;
use crate::store::{Batch, Followed, Store, StoreError};
use crate::tree::Tree;

/// Requests that are committed together at most.
const GROUP_MAX: usize = 512;
/// How often a group is decided anew when others were faster.
const TRIES: usize = 8;
/// How long the next try to load waits, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// How long a conflict waits for word of the change it is with.
const CATCH_UP: Duration = Duration::from_secs(2);

/// A zone with what only the writer needs of it.
pub(crate) struct Served {
    pub live: Arc<LiveZone>,
    pub config: NewZone,
    pub tree: Tree,
}

pub(crate) struct Writer {
    store: Arc<dyn Store>,
    shown: Arc<Shown>,
    inbox: mpsc::Receiver<Request>,
    followed: Option<mpsc::Receiver<Followed>>,
    zones: Vec<Served>,
    /// Zones that are not loaded yet.
    wanted: Vec<NewZone>,
    revision: u64,
}

enum Event {
    Request(Request),
    Followed(Followed),
    /// Nobody else tells of changes any more.
    Alone,
    LeaseEnds,
    Over,
}

impl Writer {
    pub fn new(store: Arc<dyn Store>, shown: Arc<Shown>, inbox: mpsc::Receiver<Request>) -> Self {
        Writer {
            store,
            shown,
            inbox,
            followed: None,
            zones: Vec::new(),
            wanted: Vec::new(),
            revision: 0,
        }
    }

    pub async fn run(mut self) {
        loop {
            match self.next().await {
                Event::Request(Request::Serve(zones)) => self.serve(zones).await,
                Event::Request(first) => self.serve_group(first).await,
                Event::Followed(followed) => self.follow(followed),
                Event::Alone => self.followed = None,
                Event::LeaseEnds => self.end_leases().await,
                Event::Over => return,
            }
        }
    }

    async fn next(&mut self) -> Event {
        let ends = match self.store.ends_leases() {
            true => None,
            false => self.shown.leases.read().next_end(),
        };
        let followed = async {
            match &mut self.followed {
                Some(followed) => followed.recv().await,
                None => std::future::pending().await,
            }
        };
        let lease = async {
            match ends {
                Some(ends) => sleep_until(ends).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            followed = followed => followed.map_or(Event::Alone, Event::Followed),
            () = lease => Event::LeaseEnds,
            request = self.inbox.recv() => request.map_or(Event::Over, Event::Request),
        }
    }

    /// Loads zones, for as long as it takes: until then nothing can be written.
    async fn serve(&mut self, zones: Vec<NewZone>) {
        for zone in zones {
            let is_known = |served: &Served| served.config.origin == zone.origin;
            match self.zones.iter_mut().find(|served| is_known(served)) {
                Some(served) => served.config = zone,
                None => self.wanted.push(zone),
            }
        }
        let mut pause = PAUSE.0;
        let begun = now();
        while !self.wanted.is_empty() {
            match self.load().await {
                Ok(None) => {}
                Ok(Some(records)) => {
                    self.trouble(None);
                    let took = begun.elapsed().as_millis();
                    info!(target: "plugin/dynapi", "Loaded {records} records in {took} ms");
                }
                Err(error) => {
                    self.trouble(Some(format!("the records are not loaded: {error}")));
                    if self.inbox.is_closed() {
                        return;
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    /// How many records there are; `None` to load once more.
    async fn load(&mut self) -> Result<Option<usize>, StoreError> {
        let names: Vec<_> = self.wanted.iter().map(|zone| zone.origin.clone()).collect();
        let loaded = self.store.load(&names).await?;
        self.revision = self.revision.max(loaded.revision);
        let batch = self.missing(&loaded);
        let mut loaded = loaded;
        if !batch.edits.is_empty() {
            let batch = Arc::new(batch);
            let committed = self.store.commit(Arc::clone(&batch)).await?;
            self.revision = committed;
            if self.store.is_shown_as_followed() {
                // Others may have written before: all of it is read in its order.
                return Ok(None);
            }
            loaded.revision = committed;
            for edit in &batch.edits {
                if let Some(set) = &edit.after {
                    loaded.sets.push_of_apex(&edit.key, set);
                }
            }
            let edits = batch.edits.clone();
            loaded.history.push((committed, edits));
        }
        let wanted = std::mem::take(&mut self.wanted);
        let count = self.install(wanted, &loaded)?;
        if self.followed.is_none() {
            self.followed = self.store.follow();
        }
        Ok(Some(count))
    }

    /// Notes whether the store can be written, and says so when that changes.
    fn trouble(&self, trouble: Option<String>) {
        let mut known = self.shown.trouble.lock();
        let since = known.as_ref().map_or_else(now, |(_, since)| *since);
        match (&*known, &trouble) {
            (None, Some(why)) => error!(target: "plugin/dynapi", "Cannot write: {why}"),
            (Some(_), None) => info!(target: "plugin/dynapi", "Can write again"),
            _ => {}
        }
        *known = trouble.map(|why| (why, since));
    }

    /// Commits `batch` and shows it; on a conflict nothing is shown.
    async fn commit(&mut self, batch: Batch) -> Result<u64, StoreError> {
        if batch.edits.is_empty() && batch.begun.is_empty() && batch.ended.is_empty() {
            return Ok(self.revision);
        }
        let batch = Arc::new(batch);
        let committed = self.store.commit(Arc::clone(&batch)).await;
        match &committed {
            Ok(revision) => {
                self.trouble(None);
                self.apply_leases(&batch);
                match self.store.is_shown_as_followed() && self.followed.is_some() {
                    true => self.follow_to(*revision).await,
                    false => self.apply(*revision, &batch.edits),
                }
            }
            Err(StoreError::Conflict | StoreError::TooLarge(_)) => {}
            Err(error) => self.trouble(Some(error.to_string())),
        }
        committed
    }

    async fn end_leases(&mut self) {
        let ended = self.shown.leases.read().ended();
        let mut batch = Batch::default();
        for id in &ended {
            self.end_lease(*id, &mut batch);
        }
        if let Err(error) = self.commit(batch).await {
            warn!(target: "plugin/dynapi", "Ended leases stay for now: {error}");
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Waits for word of a change that was in the way.
    async fn catch_up(&mut self) {
        let until: Instant = now() + CATCH_UP;
        let Some(followed) = &mut self.followed else {
            return;
        };
        if let Ok(Some(followed)) = tokio::time::timeout_at(until, followed.recv()).await {
            self.follow(followed);
        }
    }

    /// Takes up what is followed until `revision` is shown; what comes later is shown later.
    async fn follow_to(&mut self, revision: u64) {
        let until: Instant = now() + CATCH_UP;
        while self.revision < revision {
            let Some(followed) = &mut self.followed else {
                return;
            };
            match tokio::time::timeout_at(until, followed.recv()).await {
                Ok(Some(followed)) => self.follow(followed),
                _ => return,
            }
        }
    }

    fn follow(&mut self, followed: Followed) {
        match followed {
            Followed::Changed { revision, sets } => {
                let edits = self.edits_of(sets);
                self.apply(revision, &edits);
            }
            Followed::Reset(loaded) => self.reset(&loaded),
            Followed::InStep(true) => self.trouble(None),
            Followed::InStep(false) => {
                self.trouble(Some("the store cannot be reached".to_owned()));
            }
        }
    }
}
