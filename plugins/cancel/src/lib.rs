//! Plugin cancel: gives each query a deadline.

use std::time::Duration;

use catena_plugin::{Flow, Next, Plugin, Query, Registration, Setup, SetupError};

/// A little more than the five seconds that stub resolvers wait.
const DEFAULT: Duration = Duration::from_millis(5001);

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "cancel",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut timeout = DEFAULT;
    for line in cx.occurrences() {
        line.no_block()?;
        let mut args = line.args();
        timeout = match args.next() {
            None => DEFAULT,
            Some(arg) => match arg.duration() {
                Ok(given) if !given.is_zero() => given,
                _ => {
                    let negative = arg.text().starts_with(['-', '0']);
                    let kind = if negative {
                        "invalid negative duration"
                    } else {
                        "invalid duration"
                    };
                    let error = arg.error(format_args!("{kind}: \"{}\"", arg.text()));
                    return Err(error.with_hint("a time such as 500ms or 5s is expected"));
                }
            },
        };
        args.finish()?;
    }
    cx.add_stage(Cancel { timeout });
    Ok(())
}

struct Cancel {
    timeout: Duration,
}

impl Plugin for Cancel {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        query.set_deadline(query.context().arrived + self.timeout);
        next.serve(query)
    }
}

#[cfg(test)]
mod tests;
