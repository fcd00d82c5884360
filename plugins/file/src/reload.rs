//! Reads zones again when their files have changed.

use std::sync::Arc;
use std::time::Duration;

use catena_plugin::StartContext;
use tracing::{error, info};

use crate::load::{LoadError, load};
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

/// Looks at the files of `zone` from time to time.
pub(crate) fn watch(zone: &Arc<ServedZone>, context: &StartContext<'_>) {
    let Some(interval) = zone.reload().interval() else {
        return;
    };
    let zone = Arc::clone(zone);
    context.spawn(async move {
        let mut trouble = String::new();
        loop {
            tokio::time::sleep(interval).await;
            let looked_at = Arc::clone(&zone);
            // A large zone takes a while: others who wait in the background must not.
            let found = tokio::task::spawn_blocking(move || look(&looked_at)).await;
            match found {
                Ok(Ok(())) => trouble.clear(),
                Ok(Err(new)) if new != trouble => {
                    error!(target: "plugin/file", "{new}");
                    trouble = new;
                }
                _ => {}
            }
        }
    });
}

/// Reads `zone` again if it has changed; the error is one line for the log.
fn look(zone: &ServedZone) -> Result<(), String> {
    if zone.files().are_unchanged() {
        return Ok(());
    }
    let known = match zone.reload() {
        Reload::Serial(_) => zone.zone().as_ref().and_then(|zone| zone.serial()),
        Reload::Time(_) => None,
    };
    let origin = zone.origin();
    let (name, path) = (origin.to_string(), zone.path().display().to_string());
    let loaded = load(zone.path(), origin, known).map_err(|error| match error {
        LoadError::Open(error) => format!("Failed to open zone {name:?} in {path:?}: {error}"),
        LoadError::Content(text) => format!("Parsing zone {name:?}: {text}"),
    })?;
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
