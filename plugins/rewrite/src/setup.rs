//! Reads the directive.

use std::sync::Arc;

use catena_plugin::{Line, Setup, SetupError};

use crate::arguments;
use crate::rule::Rule;
use crate::serve::{Rewrite, Rules};

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut rules = Vec::new();
    for line in cx.occurrences() {
        rules.push(read(&line)?);
    }
    cx.add_stage(Rewrite(Arc::new(Rules(rules))));
    Ok(())
}

/// Reads a rule; its words stand on the line, or in the block that follows.
fn read(line: &Line<'_>) -> Result<Rule, SetupError> {
    let mut words: Vec<&str> = line.args().map(|arg| arg.text()).collect();
    if words.len() < 2 {
        for property in line.properties() {
            property.no_block()?;
            words.push(property.name());
            words.extend(property.args().map(|arg| arg.text()));
        }
    } else {
        line.no_block()?;
    }
    arguments::rule(&words).map_err(|what| line.error(what))
}
