//! What is wrong with a Corefile, shown at its place and with a hint.

use std::fmt;

use serde::Serialize;

use crate::{Sources, Span};

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The server cannot start with this.
    Error,
    /// The server starts; the line is likely a mistake or out of date.
    Warning,
}

/// One finding about a Corefile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the server can start nevertheless.
    pub severity: Severity,
    /// The place; `None` when it is about the whole.
    pub span: Option<Span>,
    /// What is wrong, without the place.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A mistake that stops the start.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            span: Some(span),
            message: message.into(),
            hint: None,
        }
    }

    /// Something to look at that does not stop the start.
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(span, message)
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// All findings about one Corefile, in the order of the file.
///
/// `Display` shows each with its line and a caret under the place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    sources: Sources,
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Sorts `items` by place; `sources` are the texts their spans point into.
    pub fn new(sources: Sources, mut items: Vec<Diagnostic>) -> Self {
        items.sort_by_key(|item| item.span);
        items.dedup();
        Diagnostics { sources, items }
    }

    /// The findings.
    pub fn items(&self) -> &[Diagnostic] {
        &self.items
    }

    /// Whether one of them stops the start.
    pub fn has_errors(&self) -> bool {
        let mut items = self.items.iter();
        items.any(|item| item.severity == Severity::Error)
    }

    /// One finding in one line: `Corefile:7:9: cache: unknown property 'prefech'`.
    pub fn headline(&self, item: &Diagnostic) -> String {
        let kind = match item.severity {
            Severity::Error => "",
            Severity::Warning => "warning: ",
        };
        let message = printable(&item.message);
        match item.span {
            None => format!("{kind}{message}"),
            Some(span) => {
                let at = self.sources.position(span);
                let name = printable(self.sources.name(span.source));
                format!("{name}:{}:{}: {kind}{message}", at.line, at.column)
            }
        }
    }

    /// The first mistake as CoreDNS says it, in one line without advice.
    pub fn first_short(&self) -> Option<String> {
        let errors = self
            .items
            .iter()
            .filter(|item| item.severity == Severity::Error);
        errors.map(|item| self.short(item)).next()
    }

    /// CoreDNS puts file and line before the errors of its parser only.
    fn short(&self, item: &Diagnostic) -> String {
        let message = printable(&item.message);
        let marks = ["Error during parsing: ", "Syntax error: "];
        let mark = marks.iter().find_map(|mark| message.find(mark));
        match (
            item.span,
            mark.and_then(|mark| message.split_at_checked(mark)),
        ) {
            (Some(span), Some((plugin, text))) => {
                let line = self.sources.position(span).line;
                let name = printable(self.sources.name(span.source));
                format!("{plugin}{name}:{line} - {text}")
            }
            _ => message,
        }
    }

    /// A JSON array with one object for each finding, for editors.
    pub fn to_json(&self) -> String {
        let places: Vec<_> = self.items.iter().map(|item| self.place(item)).collect();
        serde_json::to_string_pretty(&places).unwrap_or_else(|_| "[]".to_owned())
    }

    fn place<'a>(&'a self, item: &'a Diagnostic) -> Place<'a> {
        let span = item.span;
        let start = span.map(|span| self.sources.position(span));
        let end = span.map(|span| self.sources.end_position(span));
        Place {
            severity: item.severity,
            file: span.map(|span| self.sources.name(span.source)),
            line: start.map(|at| at.line),
            column: start.map(|at| at.column),
            end_line: end.map(|at| at.line),
            end_column: end.map(|at| at.column),
            message: &item.message,
            hint: item.hint.as_deref(),
        }
    }

    fn show(&self, item: &Diagnostic, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline(item))?;
        let hint = item.hint.as_deref().map(printable);
        let Some(span) = item.span else {
            return match hint {
                Some(hint) => write!(f, " ({hint})"),
                None => Ok(()),
            };
        };
        let at = self.sources.position(span);
        let excerpt = Excerpt::new(self.sources.line(span), self.sources.slice(span), at.column);
        let number = at.line.to_string();
        write!(f, "\n  {number} | {}", excerpt.line)?;
        write!(
            f,
            "\n  {:width$} | {}",
            "",
            excerpt.carets,
            width = number.len()
        )?;
        match hint {
            Some(hint) => write!(f, " {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            self.show(item, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[derive(Serialize)]
struct Place<'a> {
    severity: Severity,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// The widest piece of a source line that is shown.
const EXCERPT: usize = 120;

/// A source line, or the part of a long one around the place, and the carets below it.
struct Excerpt {
    line: String,
    carets: String,
}

impl Excerpt {
    fn new(line: &str, covered: &str, column: usize) -> Self {
        let before = column - 1;
        let skipped = before.saturating_sub(EXCERPT / 2);
        let shown: Vec<char> = printable(line)
            .chars()
            .skip(skipped)
            .take(EXCERPT)
            .collect();
        let covered = covered.split('\n').next().unwrap_or("").chars().count();
        let room = (skipped + shown.len()).saturating_sub(before);
        let padding = shown.iter().take(before - skipped);
        let padding: String = padding
            .map(|c| if *c == '\t' { '\t' } else { ' ' })
            .collect();
        let carets = "^".repeat(covered.min(room).max(1));
        Excerpt {
            line: shown.into_iter().collect(),
            carets: format!("{padding}{carets}"),
        }
    }
}

/// Control characters of a hostile file must not reach the terminal.
fn printable(text: &str) -> String {
    let visible = text.chars().filter(|c| *c != '\u{feff}');
    let visible = visible.map(|c| match c {
        '\t' => c,
        _ if c.is_control() => '\u{fffd}',
        _ => c,
    });
    visible.collect()
}
