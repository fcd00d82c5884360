//! Reads the directive.

use std::sync::Arc;

use catena_plugin::{Line, Setup, SetupError};

use crate::{Change, FLAGS, Header};

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let (mut query, mut reply) = (Change::default(), Change::default());
    for line in cx.occurrences() {
        if line.properties().next().is_none() {
            let word = if line.has_block() { "}" } else { line.name() };
            let what = "Wrong argument count or unexpected line ending after";
            let error = line.parse_error(format_args!("{what} '{word}'"));
            return Err(error.with_hint("a block with query or response lines is expected"));
        }
        for property in line.properties() {
            property.no_block()?;
            match property.name().to_ascii_lowercase().as_str() {
                "query" => read(&property, &mut query)?,
                "response" => read(&property, &mut reply)?,
                selector => {
                    return Err(property.error(format_args!(
                        "setting up rule: invalid selector={selector} should be query or response"
                    )));
                }
            }
        }
    }
    cx.add_stage(Header {
        query,
        reply: Arc::new(reply),
    });
    Ok(())
}

/// Reads `set|clear FLAG...`.
fn read(property: &Line<'_>, change: &mut Change) -> Result<(), SetupError> {
    let mut args = property.args();
    let Some(action) = args.next() else {
        return Err(property.error("setting up rule: no flag action provided"));
    };
    let is_set = match action.text().to_ascii_lowercase().as_str() {
        "set" => true,
        "clear" => false,
        other if !args.is_empty() => {
            return Err(action.error(format_args!(
                "setting up rule: unknown flag action={other}, should be set or clear"
            )));
        }
        _ => true,
    };
    if args.is_empty() {
        let what = "setting up rule: invalid length for flags, at least one should be provided";
        return Err(property.error(what));
    }
    for arg in args {
        let name = arg.text().to_ascii_lowercase();
        let Some((_, bit)) = FLAGS.iter().find(|(known, _)| *known == name) else {
            let what = format!("setting up rule: unknown/unsupported flag={name}");
            return Err(arg.error(what).with_hint("it knows aa, ra and rd"));
        };
        match is_set {
            true => change.set(*bit),
            false => change.clear(*bit),
        }
    }
    Ok(())
}
