//! Plugin root: sets the folder that relative paths of the server block start from.

use std::io::ErrorKind;
use std::path::Path;

use catena_plugin::{Registration, Setup, SetupError};

/// The row of the list of plugins; it stands before all that reads files.
pub static PLUGIN: Registration = Registration {
    name: "root",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    for line in cx.occurrences() {
        let folder = line.args().only("PATH")?;
        line.no_block()?;
        check(folder.text()).map_err(|problem| folder.error(problem))?;
        cx.server.root = folder.text().into();
    }
    Ok(())
}

/// A folder that is missing may come later, so that is only logged.
fn check(folder: &str) -> Result<(), String> {
    match Path::new(folder).metadata() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            tracing::warn!(target: "plugin/root", "Root path does not exist: {folder}");
            Ok(())
        }
        Err(error) => Err(format!("unable to access root path '{folder}': {error}")),
    }
}

#[cfg(test)]
mod tests;
