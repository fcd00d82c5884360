//! Reads the directive.

use std::sync::Arc;

use catena_dns::Name;
use catena_plugin::{Arg, Line, Setup, SetupError};

use crate::class::Classes;
use crate::format::{COMMON, Format};
use crate::{Log, Rule, Rules};

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut rules = Vec::new();
    for line in cx.occurrences() {
        let (zones, format) = arguments(cx, line);
        let (classes, format) = (classes(line)?, Arc::new(format));
        rules.extend(zones.into_iter().map(|zone| Rule {
            zone,
            classes,
            format: Arc::clone(&format),
        }));
    }
    let rules = Arc::new(Rules(rules));
    cx.add_stage(Log { rules });
    Ok(())
}

/// Reads `[NAMES..] [FORMAT]`: what has a brace in it is the format.
fn arguments(cx: &mut Setup<'_>, line: Line<'_>) -> (Vec<Name>, Format) {
    let mut args: Vec<Arg<'_>> = line.args().collect();
    let format = args.pop_if(|last| last.text().contains('{'));
    let format = format.map_or(COMMON, |format| format.text());
    let mut zones = Vec::new();
    if args.is_empty() {
        zones.push(Name::root());
    }
    for arg in &args {
        match arg.text().parse() {
            Ok(zone) => zones.push(zone),
            // CoreDNS takes it, and then finds no query below it.
            Err(_) => cx.warn(&line, &format!("'{}' is no domain name", arg.text())),
        }
    }
    (zones, Format::parse(format))
}

fn classes(line: Line<'_>) -> Result<Classes, SetupError> {
    let mut classes = Classes::default();
    for property in line.properties() {
        if property.name() != "class" {
            return Err(property.unknown());
        }
        let mut args = property.args();
        let first = args.required("a class")?;
        for arg in std::iter::once(first).chain(args) {
            let class = Classes::named(arg.text()).ok_or_else(|| {
                let error = arg.error(format_args!("invalid Class: {}", arg.text()));
                error.with_hint("it knows success, denial, error and all")
            })?;
            classes = classes.and(class);
        }
    }
    if classes == Classes::default() {
        classes = Classes::ALL;
    }
    Ok(classes)
}
