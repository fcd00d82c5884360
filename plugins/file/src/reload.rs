//! Reads zones again when their files have changed.

use std::sync::Arc;
use std::time::Duration;

use catena_plugin::StartContext;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{error, info};

use crate::load::{Files, LoadError, load};
use crate::serve::ServedZone;

/// When a zone is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reload {
    /// When the serial of its SOA record is another.
    Serial(Duration),
    /// When its file is newer.
    Time(Duration),
}

impl Reload {
    pub fn every(self, interval: Duration) -> Self {
        match self {
            Reload::Serial(_) => Reload::Serial(interval),
            Reload::Time(_) => Reload::Time(interval),
        }
    }

    pub fn by_time(self) -> Self {
        let (Reload::Serial(interval) | Reload::Time(interval)) = self;
        Reload::Time(interval)
    }

    /// How often to look; `None` for never.
    pub fn interval(self) -> Option<Duration> {
        let (Reload::Serial(interval) | Reload::Time(interval)) = self;
        (!interval.is_zero()).then_some(interval)
    }
}

/// How long a changed file must have stayed the same, at least and at most.
const QUIET: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Looks at a file that keeps changing before it is left for the next time.
const TRIES: usize = 5;

/// Looks at the files of `zone` from time to time, and tells `changes` when it was read again.
pub(crate) fn watch(
    zone: &Arc<ServedZone>,
    changes: &watch::Sender<()>,
    context: &StartContext<'_>,
) {
    let Some(interval) = zone.reload().interval() else {
        return;
    };
    let (zone, changes) = (Arc::clone(zone), changes.clone());
    context.spawn(async move {
        let quiet = (interval / 4).clamp(QUIET.0, QUIET.1);
        let mut trouble = String::new();
        loop {
            sleep(interval).await;
            let before = zone.serial();
            match update(&zone, quiet).await {
                Ok(()) => {
                    trouble.clear();
                    if zone.serial() != before {
                        changes.send_replace(());
                    }
                }
                Err(new) if new != trouble => {
                    error!(target: "plugin/file", "{new}");
                    trouble = new;
                }
                Err(_) => {}
            }
        }
    });
}

/// Reads `zone` again if its files have changed; the error is one line for the log.
///
/// A writer may be at work: the files are read once they have been the same for `quiet`, so that
/// half a zone is never served. Its serial would be the new one, and keep the rest from being read.
async fn update(zone: &Arc<ServedZone>, quiet: Duration) -> Result<(), String> {
    let known = zone.files();
    let mut seen = files_now(zone).await;
    if seen == *known && !known.is_empty() {
        return Ok(());
    }
    for _ in 0..TRIES {
        sleep(quiet).await;
        let now = files_now(zone).await;
        if now == seen {
            let zone = Arc::clone(zone);
            // A large zone takes a while: others who wait in the background must not.
            let read = spawn_blocking(move || read(&zone)).await;
            return read.unwrap_or(Ok(()));
        }
        seen = now;
    }
    Ok(())
}

/// The state of the files of `zone`, asked for where waiting harms nobody.
async fn files_now(zone: &Arc<ServedZone>) -> Files {
    let zone = Arc::clone(zone);
    let look = move || zone.files().look_again(zone.path());
    spawn_blocking(look).await.unwrap_or_default()
}

/// Reads `zone`, and serves it unless its files were written meanwhile.
fn read(zone: &ServedZone) -> Result<(), String> {
    let known = match zone.reload() {
        Reload::Serial(_) => zone.serial(),
        Reload::Time(_) => None,
    };
    let origin = zone.origin();
    let (name, path) = (origin.to_string(), zone.path().display().to_string());
    let loaded = load(zone.path(), origin, known).map_err(|error| match error {
        LoadError::Open(error) => format!("Failed to open zone {name:?} in {path:?}: {error}"),
        LoadError::Content(text) => format!("Parsing zone {name:?}: {text}"),
    })?;
    if loaded.files != loaded.files.look_again(zone.path()) {
        return Ok(());
    }
    let serial = loaded.zone.as_ref().and_then(catena_index::Zone::serial);
    zone.install(loaded);
    if let Some(serial) = serial {
        info!(
            target: "plugin/file",
            "Successfully reloaded zone {name:?} in {path:?} with {serial} SOA serial"
        );
    }
    Ok(())
}
