//! Texts a Corefile was read from, and places in them.

use std::sync::Arc;

/// Which of the [`Sources`] a span points into; 0 is the Corefile itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub(crate) u32);

/// A place: a range of octets in one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text the range is in.
    pub source: SourceId,
    /// The first octet.
    pub start: u32,
    /// The octet after the last.
    pub end: u32,
}

impl Span {
    /// The empty place right after this one.
    pub fn after(self) -> Span {
        Span {
            start: self.end,
            ..self
        }
    }

    /// The place from the start of this span to the end of `last`.
    pub fn to(self, last: Span) -> Span {
        if self.source == last.source && last.end >= self.start {
            Span {
                end: last.end,
                ..self
            }
        } else {
            self
        }
    }
}

/// A line and column as people count them, from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// One text: the Corefile or a file it imports.
#[derive(Debug, PartialEq, Eq)]
struct Source {
    name: String,
    text: String,
    /// The offset of each line's first octet.
    line_starts: Vec<u32>,
}

/// All texts of one Corefile, the imported ones included; cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<Arc<Source>>);

impl Sources {
    /// Adds a text and tells how spans name it; `None` if there are too many or it is too big.
    pub(crate) fn add(&mut self, name: &str, text: String) -> Option<SourceId> {
        u32::try_from(text.len()).ok()?;
        let id = SourceId(u32::try_from(self.0.len()).ok()?);
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0)
            .chain(breaks)
            .filter_map(|at| u32::try_from(at).ok())
            .collect();
        self.0.push(Arc::new(Source {
            name: name.to_owned(),
            text,
            line_starts,
        }));
        Some(id)
    }

    /// The file name of `source` as it was given or found.
    pub fn name(&self, source: SourceId) -> &str {
        self.source(source).map_or("", |found| &found.name)
    }

    /// The whole text of `source`.
    pub fn text(&self, source: SourceId) -> &str {
        self.source(source).map_or("", |found| &found.text)
    }

    /// Name and text of every source: the Corefile, then what it imported.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|source| (source.name.as_str(), source.text.as_str()))
    }

    /// The text `span` covers.
    pub fn slice(&self, span: Span) -> &str {
        let range = to_usize(span.start)..to_usize(span.end);
        self.text(span.source).get(range).unwrap_or("")
    }

    /// Where `span` starts.
    pub fn position(&self, span: Span) -> Position {
        self.locate(span.source, span.start)
    }

    /// Where `span` ends.
    pub fn end_position(&self, span: Span) -> Position {
        self.locate(span.source, span.end)
    }

    /// The line on which `span` starts, without its line break.
    pub fn line(&self, span: Span) -> &str {
        let Some(source) = self.source(span.source) else {
            return "";
        };
        let start = line_start(source, span.start);
        let rest = source.text.get(start..).unwrap_or("");
        let line = rest.split('\n').next().unwrap_or("");
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn locate(&self, source: SourceId, offset: u32) -> Position {
        let Some(source) = self.source(source) else {
            return Position { line: 1, column: 1 };
        };
        let line = source.line_starts.partition_point(|start| *start <= offset);
        let before = line_start(source, offset)..to_usize(offset).min(source.text.len());
        let column = source
            .text
            .get(before)
            .map_or(0, |text| text.chars().filter(|c| *c != '\u{feff}').count());
        Position {
            line,
            column: column + 1,
        }
    }

    fn source(&self, source: SourceId) -> Option<&Source> {
        self.0.get(to_usize(source.0)).map(Arc::as_ref)
    }
}

fn line_start(source: &Source, offset: u32) -> usize {
    let line = source.line_starts.partition_point(|start| *start <= offset);
    let start = line
        .checked_sub(1)
        .and_then(|index| source.line_starts.get(index));
    to_usize(start.copied().unwrap_or(0))
}

/// Offsets are below 4 GiB, so they fit on every machine Catena runs on.
pub(crate) fn to_usize(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// The reverse; texts that do not fit are refused before they get a [`SourceId`].
pub(crate) fn to_u32(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
