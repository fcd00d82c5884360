//! Reads the directive and the files of keys it names.

use std::fmt::Display;

use catena_dns::tsig::{Key, Keys};
use catena_dns::{Name, Opcode, RecordType};
use catena_plugin::{Arg, Line, Setup, SetupError};

use crate::keyfile;
use crate::serve::{Required, Tsig};

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let mut tsig = Tsig {
        zones: cx.zones_or_server(&mut line.args()),
        ..Tsig::default()
    };
    let mut keys = Keys::default();
    for property in line.properties() {
        match property.name() {
            "secret" => {
                let mut args = property.args();
                let (name, secret) = (args.required("a name")?, args.required("a secret")?);
                args.finish()?;
                add(&mut keys, (name.text(), secret.text()), &name)?;
            }
            "secrets" => {
                let file = property.args().only("a file")?;
                read_file(&mut keys, &file)?;
            }
            "require" => tsig.types = required(&property, "query type", RecordType::NAMED)?,
            "require_opcode" => tsig.opcodes = required(&property, "opcode", Opcode::NAMED)?,
            _ => return Err(property.unknown()),
        }
    }
    cx.server.tsig_keys.extend(&keys);
    cx.server.tsig_zones.clone_from(&tsig.zones);
    cx.add_stage(tsig);
    Ok(())
}

fn read_file(keys: &mut Keys, file: &Arg<'_>) -> Result<(), SetupError> {
    let path = file.text();
    let wrong = |error: &dyn Display| file.error(format_args!("{path}: {error}"));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    for (name, secret) in keyfile::read(&text).map_err(|error| wrong(&error))? {
        add(keys, (&name, &secret), file)?;
    }
    Ok(())
}

fn add(keys: &mut Keys, (name, secret): (&str, &str), at: &Arg<'_>) -> Result<(), SetupError> {
    let owner: Name = name
        .parse()
        .map_err(|error| at.error(format_args!("key {name:?}: {error}")))?;
    // The secret itself is not for a log.
    let key = Key::parse(owner.view(), secret)
        .map_err(|error| at.error(format_args!("key {name:?}: {error}")))?;
    match keys.add(key) {
        true => Ok(()),
        false => Err(at.error(format_args!("key {name:?} redefined"))),
    }
}

/// Reads `all`, `none`, or some of `named`, in capitals.
fn required<T: Copy>(
    property: &Line<'_>,
    kind: &str,
    named: &[(T, &str)],
) -> Result<Required<T>, SetupError> {
    let mut args = property.args();
    let first = args.required(&format!("{kind}, all or none"))?;
    match first.text() {
        "all" => return Ok(Required::All),
        "none" => return Ok(Required::default()),
        _ => {}
    }
    let read = |arg: Arg<'_>| {
        let mut named = named.iter();
        let found = named.find(|(_, name)| *name == arg.text());
        found
            .map(|(value, _)| *value)
            .ok_or_else(|| arg.error(format_args!("unknown {kind} '{}'", arg.text())))
    };
    let these = std::iter::once(first).chain(args).map(read);
    Ok(Required::These(these.collect::<Result<_, _>>()?))
}
