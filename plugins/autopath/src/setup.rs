//! Reads the directive.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use catena_dns::Name;
use catena_plugin::{Arg, Setup, SetupError, zones};

use crate::{Autopath, Source};

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    // As in CoreDNS, the last directive of a block counts.
    let Some(line) = cx.occurrences().last() else {
        return Ok(());
    };
    line.no_block()?;
    let mut args: Vec<Arg<'_>> = line.args().collect();
    let Some(source) = args.pop() else {
        return Err(line.error("no resolv-conf specified"));
    };
    let source = match source.text().strip_prefix('@') {
        Some(name) => Source::Plugin {
            name: name.to_owned(),
            stages: OnceLock::new(),
        },
        None => Source::File(read(source)?),
    };
    let mut names: Vec<Name> = Vec::new();
    for arg in args {
        names.extend(zones::parse(arg.text()).unwrap_or_default());
    }
    if names.is_empty() {
        names.clone_from(&cx.server.zones);
    }
    cx.add_stage(Autopath {
        zones: names,
        source,
        successes: Arc::default(),
    });
    Ok(())
}

/// The search path of a file in the form of `/etc/resolv.conf`.
fn read(file: Arg<'_>) -> Result<Vec<Name>, SetupError> {
    let path = file.text();
    let text = fs::read_to_string(Path::new(path)).map_err(|error| {
        let error = match error.kind() {
            ErrorKind::NotFound => "no such file or directory".to_owned(),
            _ => error.to_string(),
        };
        file.error(format_args!(
            "failed to parse {path:?}: open {path}: {error}"
        ))
    })?;
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let names = |word: &str| {
            let name: Name = word.parse().ok()?;
            Some(name.view().to_lower())
        };
        match words.next() {
            Some("search") => found = words.filter_map(names).collect(),
            Some("domain") => found = words.take(1).filter_map(names).collect(),
            _ => {}
        }
    }
    Ok(found)
}
