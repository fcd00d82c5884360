//! The template language of Go's text/template, as far as a record needs it.

mod format;
mod functions;
mod node;
mod parse;
mod run;
mod token;
mod value;

use node::Node;

pub(crate) use value::{Object, Value};

/// The longest text that a template may make.
const TEXT_MAX: usize = 64 * 1024;

/// A template that was understood.
#[derive(Debug)]
pub(crate) struct Template {
    name: &'static str,
    nodes: Vec<Node>,
}

impl Template {
    /// Reads `text`; `name` stands in errors. The error is in Go's words.
    pub(crate) fn parse(name: &'static str, text: &str) -> Result<Template, String> {
        match parse::parse(text) {
            Ok(nodes) => Ok(Template { name, nodes }),
            Err(mistake) => Err(format!("template: {name}:{mistake}")),
        }
    }

    /// Appends what the template makes of `dot` to `out`.
    pub(crate) fn run<'d>(&'d self, dot: Value<'d>, out: &mut String) -> Result<(), String> {
        let name = self.name;
        run::run(&self.nodes, dot, out)
            .map_err(|error| format!("template: {name}: executing \"{name}\"{error}"))
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.nodes
            .iter()
            .try_for_each(|node| std::fmt::Display::fmt(node, f))
    }
}

#[cfg(test)]
mod tests;
