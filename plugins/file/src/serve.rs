//! The stage: finds the zone of a query and answers from it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use catena_authority::{Answered, answer};
use catena_dns::{Name, NameRef, Opcode, Rcode, RecordType};
use catena_index::Zone;
use catena_plugin::zones::Fallthrough;
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, StartContext, StartError, Transfers};
use tokio::sync::watch;
use tracing::info;

use crate::load::{Files, Loaded};
use crate::reload::{self, Reload};

/// The stage of one server block.
#[derive(Default)]
pub(crate) struct File {
    pub zones: Zones,
    pub fallthrough: Fallthrough,
    /// Told when a zone was read again.
    pub changes: watch::Sender<()>,
}

/// A zone with its file.
pub(crate) struct ServedZone {
    origin: Name,
    path: PathBuf,
    reload: Reload,
    /// `None` until the file could be read.
    zone: ArcSwapOption<Zone>,
    files: ArcSwapOption<Files>,
}

impl ServedZone {
    pub fn new(origin: Name, path: PathBuf, reload: Reload) -> Self {
        ServedZone {
            origin,
            path,
            reload,
            zone: ArcSwapOption::empty(),
            files: ArcSwapOption::empty(),
        }
    }

    pub fn origin(&self) -> NameRef<'_> {
        self.origin.view()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn reload(&self) -> Reload {
        self.reload
    }

    /// The zone as it is now.
    #[inline]
    pub fn zone(&self) -> Guard<Option<Arc<Zone>>> {
        self.zone.load()
    }

    /// The serial of the zone, if there is one.
    pub fn serial(&self) -> Option<u32> {
        self.zone().as_ref().and_then(|zone| zone.serial())
    }

    /// The files it was read from.
    pub fn files(&self) -> Arc<Files> {
        self.files.load_full().unwrap_or_default()
    }

    /// Serves what was read, in one step.
    pub fn install(&self, loaded: Loaded) {
        self.files.store(Some(Arc::new(loaded.files)));
        if let Some(zone) = loaded.zone {
            self.zone.store(Some(Arc::new(zone)));
        }
    }
}

/// The zones of a stage, longest name first.
#[derive(Default)]
pub(crate) struct Zones(Vec<Arc<ServedZone>>);

impl Zones {
    /// Adds `zone`; an earlier one of the same name is replaced.
    pub fn add(&mut self, zone: Arc<ServedZone>) {
        self.0.retain(|other| other.origin != zone.origin);
        let length = zone.origin.wire().len();
        let at = self
            .0
            .partition_point(|other| other.origin.wire().len() >= length);
        self.0.insert(at, zone);
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ServedZone>> {
        self.0.iter()
    }

    /// The longest zone that `name` is in.
    #[inline]
    fn find(&self, name: NameRef<'_>) -> Option<&Arc<ServedZone>> {
        self.0.iter().find(|zone| name.is_within(zone.origin()))
    }
}

impl Plugin for File {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let Some(served) = self.zones.find(query.name()) else {
            return match next.is_end() {
                true => Outcome::fail(Rcode::REFUSED).into(),
                false => next.serve(query),
            };
        };
        // Those that may be answered were, by `transfer`.
        if matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR) {
            return Outcome::fail(Rcode::REFUSED).into();
        }
        if query.header().opcode() == Opcode::NOTIFY {
            let (client, zone) = (query.client().ip(), served.origin());
            info!(target: "plugin/file", "Dropping notify from {client} for {zone}");
            return Outcome::silent().into();
        }
        let zone = served.zone();
        let Some(zone) = zone.as_ref() else {
            return Outcome::fail(Rcode::SERVFAIL).into();
        };
        match answer(zone, query) {
            Answered::Flow(flow) => flow,
            Answered::Nothing(_) if self.fallthrough.allows(query.name()) => next.serve(query),
            Answered::Nothing(negative) => negative.reply(query).into(),
        }
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        for zone in self.zones.iter() {
            reload::watch(zone, &self.changes, context);
        }
        Ok(())
    }

    fn transfers(&self) -> Option<&dyn Transfers> {
        Some(self)
    }
}
