//! The parsed Corefile: server blocks, directives and properties with their places.

use crate::{Diagnostic, Sources, Span};

/// A word of the Corefile, with environment variables replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The word without quotes and escapes.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Whether it stood in double quotes.
    pub quoted: bool,
}

/// A plugin's line, or a property's line inside a plugin's block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The first word: a plugin's name or a property's.
    pub name: Token,
    /// The other words of the line.
    pub args: Vec<Token>,
    /// The lines between `{` and `}`; `None` without braces.
    pub block: Option<Vec<Directive>>,
    /// The closing `}`, or the empty place after the last word.
    pub end: Span,
}

impl Directive {
    /// The empty place after the last word of the line, where another argument would stand.
    pub fn args_end(&self) -> Span {
        self.args.last().unwrap_or(&self.name).span.after()
    }

    /// The properties of the block; none if there is no block.
    pub fn properties(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// One server: the keys (zones, ports, transports) and the plugins that serve them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerBlock {
    /// The words before the `{`, commas removed; without any, nothing asks the server.
    pub keys: Vec<Token>,
    /// The plugins in the order of the file.
    pub directives: Vec<Directive>,
    /// The closing `}`, or the empty place after the last word.
    pub end: Span,
}

/// A whole Corefile with everything it imports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corefile {
    /// The texts that spans point into.
    pub sources: Sources,
    /// The servers in the order of the file.
    pub blocks: Vec<ServerBlock>,
    /// What is legal and yet most likely a mistake.
    pub warnings: Vec<Diagnostic>,
}
