//! Plugin `log`: a line for each query, in a format of the operator's choice.

mod class;
mod format;
mod setup;

use std::sync::Arc;

use catena_dns::Name;
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration};

use class::{Classes, Kind};
use format::Format;

/// The row in the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "log",
    setup: setup::setup,
    properties: &["class"],
    metrics: &[],
    metadata: &["log/class", "log/type"],
    readme: include_str!("../README.md"),
};

struct Log {
    rules: Arc<Rules>,
}

struct Rules(Vec<Rule>);

/// What is logged of the names in one zone.
struct Rule {
    zone: Name,
    classes: Classes,
    format: Arc<Format>,
}

impl Plugin for Log {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let flow = next.serve(query);
        let mut rules = self.rules.0.iter();
        match rules.position(|rule| query.name().is_within(rule.zone.view())) {
            None => flow,
            Some(place) => flow.then_with(&self.rules, query, place, Rules::log),
        }
    }
}

impl Rules {
    fn log(&self, query: &Query<'_>, place: usize, outcome: Outcome) -> Outcome {
        let Some(rule) = self.0.get(place) else {
            return outcome;
        };
        let kind = Kind::of(query, &outcome);
        query.set_metadata("log/type", || kind.name().to_owned());
        query.set_metadata("log/class", || kind.class_name().to_owned());
        if rule.classes.contain(kind) {
            format::with_line(|line| {
                rule.format.write(query, &outcome, line);
                tracing::info!("{line}");
            });
        }
        outcome
    }
}

#[cfg(test)]
mod tests;
