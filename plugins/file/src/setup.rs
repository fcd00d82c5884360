//! Reads the directive and the zone files it names.

use std::sync::Arc;
use std::time::Duration;

use catena_plugin::zones::Fallthrough;
use catena_plugin::{Arg, Line, Setup, SetupError};
use tracing::warn;

use crate::load::{LoadError, load};
use crate::reload::Reload;
use crate::serve::{File, ServedZone};

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut file = File::default();
    // As in CoreDNS, a property counts for the directives that follow in the block too.
    let mut reload = Reload::Serial(Duration::from_secs(60));
    for line in cx.occurrences() {
        let mut args = line.args();
        let name = args.required("DBFILE")?;
        let origins = cx.zones_or_server(&mut args);
        read_properties(&line, &mut reload, &mut file.fallthrough)?;
        let path = cx.server.path(name.text());
        for origin in origins {
            let zone = ServedZone::new(origin, path.clone(), reload);
            open(&zone, &name, reload)?;
            file.zones.add(Arc::new(zone));
        }
    }
    cx.add_stage(file);
    Ok(())
}

fn read_properties(
    line: &Line<'_>,
    reload: &mut Reload,
    fallthrough: &mut Fallthrough,
) -> Result<(), SetupError> {
    for property in line.properties() {
        match property.name() {
            "fallthrough" => *fallthrough = property.fallthrough(),
            "reload" => {
                let Some(value) = property.args().next() else {
                    return Err(property.error("reload duration value is expected"));
                };
                *reload = reload.every(value.duration()?);
            }
            "reload_by_mtime" => *reload = reload.by_time(),
            // CoreDNS takes it and does nothing.
            "upstream" => {}
            _ => return Err(property.unknown()),
        }
    }
    Ok(())
}

/// Reads the zone; a file that is not there yet is waited for if the zone is to be reloaded.
fn open(zone: &ServedZone, name: &Arg<'_>, reload: Reload) -> Result<(), SetupError> {
    match load(zone.path(), zone.origin(), None) {
        Ok(loaded) => zone.install(loaded),
        Err(LoadError::Content(text)) => return Err(name.error(text)),
        Err(LoadError::Open(error)) => {
            let path = zone.path().display();
            let Some(interval) = reload.interval() else {
                return Err(name.error(format_args!("open {path}: {error}")));
            };
            let interval = catena_plugin::duration::format(interval);
            warn!(
                target: "plugin/file",
                "Failed to open \"open {path}: {error}\": trying again in {interval}"
            );
        }
    }
    Ok(())
}
