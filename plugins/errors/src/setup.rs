//! Reads the directive.

use std::sync::Arc;

use catena_plugin::{Arg, Line, Setup, SetupError};
use regex::Regex;

use crate::pattern::{First, Level, Pattern};
use crate::{Errors, Patterns};

/// Octets of a pattern at most, as in CoreDNS.
const PATTERN_MAX: usize = 10_000;

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let mut args = line.args();
    if let Some(file) = args.next()
        && file.text() != "stdout"
    {
        let error = file.error(format_args!("invalid log file: {}", file.text()));
        return Err(error.with_hint("errors always go to standard output"));
    }
    args.finish()?;
    let mut patterns = Vec::new();
    for property in line.properties() {
        match property.name() {
            "stacktrace" => {
                property.no_args()?;
                cx.server.stacktrace = true;
            }
            "consolidate" => patterns.push(Arc::new(consolidate(property)?)),
            _ => return Err(property.unknown()),
        }
    }
    let patterns = Arc::new(Patterns(patterns));
    cx.add_stage(Errors { patterns });
    Ok(())
}

/// Reads `consolidate DURATION REGEXP [LEVEL] [show_first]`.
fn consolidate(property: Line<'_>) -> Result<Pattern, SetupError> {
    let mut args = property.args();
    let period = args.required("a duration")?.duration()?;
    let regex = regex(args.required("a regular expression")?)?;
    let (mut level, mut first) = (None, First::Joined);
    for _ in 0..2 {
        let Some(arg) = args.next() else { break };
        match (arg.text(), level_named(arg.text())) {
            ("show_first", _) => first = First::Shown,
            (_, Some(_)) if level.is_some() => {
                return Err(arg.error("multiple log levels specified in consolidate"));
            }
            (_, Some(_)) if first == First::Shown => {
                return Err(arg.error("log level must come before show_first in consolidate"));
            }
            (_, Some(named)) => level = Some(named),
            (other, None) => {
                let error = arg.error(format_args!("unknown option in consolidate: {other}"));
                return Err(error.with_hint("a level (debug, info, warning, error) or show_first"));
            }
        }
    }
    args.finish()?;
    Ok(Pattern::new(
        regex,
        period,
        level.unwrap_or(Level::Error),
        first,
    ))
}

fn level_named(name: &str) -> Option<Level> {
    Some(match name {
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warning" => Level::Warning,
        "error" => Level::Error,
        _ => return None,
    })
}

fn regex(arg: Arg<'_>) -> Result<Regex, SetupError> {
    let length = arg.text().len();
    if length > PATTERN_MAX {
        let message = format!("regex pattern too long: {length} > {PATTERN_MAX}");
        return Err(arg.error(message));
    }
    Regex::new(arg.text()).map_err(|error| {
        // The last line says what is wrong; those before draw where.
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason);
        arg.error(format_args!("error parsing regexp: {reason}"))
    })
}
