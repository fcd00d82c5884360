//! Plugin view: chooses the server block of a query by expressions.

use std::sync::{Arc, OnceLock};

use catena_expr::{Expression, Facts, Scope};
use catena_plugin::{
    Filter, Line, Plugin, Query, Registration, Setup, SetupError, Stage, StartContext, StartError,
};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "view",
    setup,
    properties: &["expr"],
    metrics: &[],
    metadata: &[LABEL],
    readme: include_str!("../README.md"),
};

const LABEL: &str = "view/name";

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let name = line.args().only("NAME")?.text().to_owned();
    let mut conditions = Vec::new();
    for property in line.properties() {
        match property.name() {
            "expr" => conditions.push(condition(&property)?),
            _ => return Err(property.unknown()),
        }
    }
    let rules = Arc::new(Rules {
        conditions,
        sources: OnceLock::new(),
    });
    let asked = Arc::clone(&rules);
    cx.server.filter = Some(Filter::new(move |query| asked.admit(query)));
    cx.add_stage(View { name, rules });
    Ok(())
}

fn condition(property: &Line<'_>) -> Result<Expression, SetupError> {
    property.no_block()?;
    let words: Vec<&str> = property.args().map(|arg| arg.text()).collect();
    let compiled = Expression::compile(&words.join(" "), &Scope::default());
    compiled.map_err(|error| property.parse_error(error))
}

/// The stage, which only tells the view's name.
struct View {
    name: String,
    rules: Arc<Rules>,
}

/// What must be true of a query.
struct Rules {
    conditions: Vec<Expression>,
    /// Who gives metadata, if the block has it turned on.
    sources: OnceLock<Arc<[Stage]>>,
}

impl Plugin for View {
    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        if context.parts.iter().any(|part| part.name == "metadata") {
            let _started_before = self.rules.sources.set(context.parts.into());
        }
        Ok(())
    }

    fn metadata(&self, label: &str, _: &Query<'_>) -> Option<String> {
        (label == LABEL).then(|| self.name.clone())
    }
}

impl Rules {
    /// Whether all conditions hold; one that cannot be worked out does not.
    fn admit(&self, query: &Query<'_>) -> bool {
        let hold = |query: &Query<'_>| {
            let facts = Facts::new(query);
            let mut conditions = self.conditions.iter();
            conditions.all(|condition| condition.is_true(&facts))
        };
        match self.sources.get() {
            None => hold(query),
            // Another block may have the query after all: nothing may stay with it.
            Some(sources) => query.afresh(|query| {
                query.enable_metadata(sources);
                hold(query)
            }),
        }
    }
}

#[cfg(test)]
mod tests;
