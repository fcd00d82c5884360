//! Reads the directive.

use std::path::PathBuf;
use std::sync::Arc;

use catena_http::Address;
use catena_plugin::{Setup, SetupError};
use parking_lot::Mutex;

use crate::Prometheus;
use crate::counts::Counts;

const DEFAULT_PORT: u16 = 9153;

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let mut args = line.args();
    let address = match args.next() {
        None => Address::localhost(DEFAULT_PORT),
        Some(arg) => arg.read()?,
    };
    args.finish()?;
    let mut tls = None;
    for property in line.properties() {
        match property.name() {
            "runtime_metrics" => {
                property.no_args()?;
                cx.warn(
                    &property,
                    "there is no Go runtime, so runtime_metrics adds nothing",
                );
            }
            "tls" if tls.is_some() => return Err(property.error("tls block already specified")),
            "tls" => tls = Some(PathBuf::from(property.args().only("a file")?.text())),
            _ => return Err(property.unknown()),
        }
    }
    let counts = Arc::new(Counts::new(&cx.server.zones, &cx.server.view));
    let running = Mutex::default();
    cx.add_stage(Prometheus {
        address,
        tls,
        counts,
        running,
    });
    Ok(())
}
