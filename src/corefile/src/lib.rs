//! The Corefile language: grammar, tree with places, imports, diagnostics.

mod diagnostic;
mod environment;
mod nearest;
mod source;
mod tree;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use environment::{Environment, MemoryEnvironment};
pub use nearest::nearest;
pub use source::{Position, SourceId, Sources, Span};
pub use tree::{Corefile, Directive, ServerBlock, Token};

/// Reads the Corefile `text`, called `name`, and everything it imports.
pub fn parse(
    name: &str,
    text: &str,
    _environment: &dyn Environment,
) -> Result<Corefile, Diagnostics> {
    let mut sources = Sources::default();
    sources.add(name, text.to_owned());
    Ok(Corefile {
        sources,
        ..Corefile::default()
    })
}
