//! Plugin `debug`: debug lines are logged, and a panic ends the process.

use catena_logging::DebugLines;
use catena_plugin::{Plugin, Registration, Setup, SetupError, StartContext, StartError};
use parking_lot::Mutex;

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "debug",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    for line in cx.occurrences() {
        line.no_args()?;
        line.no_block()?;
    }
    cx.server.debug = true;
    cx.add_part(Debug::default());
    Ok(())
}

/// Turns debug lines on as long as its generation serves.
#[derive(Default)]
struct Debug {
    lines: Mutex<Option<DebugLines>>,
}

impl Plugin for Debug {
    fn start(&self, _: &StartContext<'_>) -> Result<(), StartError> {
        *self.lines.lock() = Some(DebugLines::on());
        Ok(())
    }

    fn stop(&self) {
        *self.lines.lock() = None;
    }
}

#[cfg(test)]
mod tests;
