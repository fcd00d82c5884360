//! Reads the directive.

use std::time::Duration;

use catena_plugin::{Arg, Setup, SetupError};

use crate::Erratic;

/// The amount when none is given: every second query.
const AMOUNT: u64 = 2;
const DURATION: Duration = Duration::from_millis(100);

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut erratic = Erratic {
        drop: AMOUNT,
        ..Erratic::default()
    };
    let mut says_drop = false;
    for property in cx
        .occurrences()
        .flat_map(|line| line.properties().collect::<Vec<_>>())
    {
        let mut args = property.args();
        match property.name() {
            "drop" => {
                if let Some(arg) = args.next() {
                    erratic.drop = amount(arg)?;
                    says_drop = true;
                }
            }
            "truncate" => erratic.truncate = args.next().map_or(Ok(AMOUNT), amount)?,
            "delay" => {
                erratic.delay = args.next().map_or(Ok(AMOUNT), amount)?;
                erratic.duration = args.next().map_or(Ok(DURATION), |arg| arg.duration())?;
            }
            "large" => erratic.large = true,
            _ => return Err(property.unknown()),
        }
        args.finish()?;
    }
    if (erratic.delay > 0 || erratic.truncate > 0) && !says_drop {
        erratic.drop = 0;
    }
    cx.add_stage(erratic);
    Ok(())
}

fn amount(arg: Arg<'_>) -> Result<u64, SetupError> {
    let text = arg.text();
    match text.parse::<i32>() {
        Ok(number) => u64::try_from(number)
            .map_err(|_| arg.error(format_args!("illegal amount value given \"{text}\""))),
        Err(_) => Err(arg.error(format_args!("\"{text}\" is not a number: invalid syntax"))),
    }
}
