//! Plugin `errors`: logs what goes wrong, and joins equal errors into one line.

mod pattern;
mod setup;

use std::sync::Arc;

use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration, StartContext, StartError};

use pattern::{Level, Pattern};

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "errors",
    setup: setup::setup,
    properties: &["consolidate", "stacktrace"],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

struct Errors {
    patterns: Arc<Patterns>,
}

struct Patterns(Vec<Arc<Pattern>>);

impl Plugin for Errors {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        next.serve(query)
            .then(&self.patterns, query, Patterns::note)
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        for pattern in &self.patterns.0 {
            context.spawn(Arc::clone(pattern).tell_each_period());
        }
        Ok(())
    }

    fn stop(&self) {
        self.patterns.0.iter().for_each(|pattern| pattern.stop());
    }
}

impl Patterns {
    fn note(&self, query: &Query<'_>, outcome: Outcome) -> Outcome {
        if let Some(error) = &outcome.error {
            let text = error.to_string();
            let rcode = outcome.rcode().map_or(0, |rcode| rcode.0);
            let line = format_args!("{rcode} {} {}: {text}", query.name(), query.qtype());
            match self.0.iter().find(|pattern| pattern.matches(&text)) {
                None => Level::Error.log(line),
                Some(pattern) if pattern.count() => {}
                Some(pattern) => pattern.level.log(line),
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests;
