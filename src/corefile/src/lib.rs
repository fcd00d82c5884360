//! The Corefile language: grammar, tree with places, imports, diagnostics.

mod diagnostic;
mod environment;
mod format;
mod glob;
mod input;
mod lex;
mod nearest;
mod parse;
mod print;
mod source;
mod tree;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use environment::{Environment, MemoryEnvironment, SystemEnvironment};
pub use format::format;
pub use nearest::nearest;
pub use source::{Position, SourceId, Sources, Span};
pub use tree::{Corefile, Directive, ServerBlock, Token};

/// Reads the Corefile `text`, called `name`, and everything it imports.
///
/// The error holds every mistake that could be found, and the warnings too.
pub fn parse(
    name: &str,
    text: &str,
    environment: &dyn Environment,
) -> Result<Corefile, Diagnostics> {
    let (corefile, errors) = parse_all(name, text, environment);
    if errors.is_empty() {
        return Ok(corefile);
    }
    let items = corefile.warnings.into_iter().chain(errors).collect();
    Err(Diagnostics::new(corefile.sources, items))
}

/// Like [`parse()`], but keeps what could be read beside the mistakes.
///
/// So a caller can look for mistakes of its own in the same run.
pub fn parse_all(
    name: &str,
    text: &str,
    environment: &dyn Environment,
) -> (Corefile, Vec<Diagnostic>) {
    let parsed = parse::read(name, text, environment);
    let findings = parsed.findings.into_iter();
    let (errors, warnings) = findings.partition(|item| item.severity == Severity::Error);
    let corefile = Corefile {
        sources: parsed.sources,
        blocks: parsed.blocks,
        warnings,
    };
    (corefile, errors)
}

#[cfg(test)]
mod tests;
