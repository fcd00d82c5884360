//! Lays a Corefile out the usual way: four spaces a level, one space between words.

use crate::lex::{Oddity, Piece, Word, pieces};
use crate::source::to_usize;
use crate::{SourceId, Span};

/// The text in its usual layout; words, their order and comments stay as they are.
pub fn format(text: &str) -> String {
    let pieces = pieces(SourceId::default(), text);
    let unclosed = |piece: &Piece| match piece {
        Piece::Word(word) => word.oddity == Some(Oddity::Unclosed),
        Piece::Comment(_) | Piece::Newline => false,
    };
    // A word that goes on to the end of the file would change with the last line break.
    if pieces.iter().any(unclosed) {
        return text.to_owned();
    }
    let mut layout = Layout {
        text,
        out: String::with_capacity(text.len()),
        depth: 0,
        gap: Gap::Refused,
    };
    for line in pieces.split(|piece| *piece == Piece::Newline) {
        layout.line(line);
    }
    // A word at the very start would lose its first letter if that looks like a byte order mark.
    if layout.out.starts_with('\u{feff}') {
        layout.out.insert(0, '\u{feff}');
    }
    layout.out
}

/// Whether an empty line comes before the next line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// No: it opens the file or a block.
    Refused,
    /// Only where the text has one.
    Kept,
    /// Yes: the text has one, or a server block ended.
    Due,
}

struct Layout<'t> {
    text: &'t str,
    out: String,
    depth: usize,
    gap: Gap,
}

impl Layout<'_> {
    fn line(&mut self, pieces: &[Piece]) {
        if pieces.is_empty() {
            if self.gap == Gap::Kept {
                self.gap = Gap::Due;
            }
            return;
        }
        let braces = pieces.iter().filter_map(brace);
        let closing = braces.clone().take_while(|brace| *brace == "}").count();
        let starts_closing = pieces.first().and_then(brace) == Some("}");
        let leading = if starts_closing { closing } else { 0 };
        if self.gap == Gap::Due && !starts_closing {
            self.out.push('\n');
        }
        let indent = self.depth.saturating_sub(leading);
        for _ in 0..indent {
            self.out.push_str("    ");
        }
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                self.out.push(' ');
            }
            self.piece(piece);
        }
        self.out.push('\n');
        let opened = braces.clone().filter(|brace| *brace == "{").count();
        let closed = braces.filter(|brace| *brace == "}").count();
        self.depth = (self.depth + opened).saturating_sub(closed);
        self.gap = match (self.depth, opened, closed) {
            (_, opened, closed) if opened > closed => Gap::Refused,
            (0, _, 1..) => Gap::Due,
            _ => Gap::Kept,
        };
    }

    fn piece(&mut self, piece: &Piece) {
        let text = match piece {
            Piece::Word(Word { raw, .. }) => self.slice(*raw),
            Piece::Comment(span) => self.slice(*span).trim_end(),
            Piece::Newline => "",
        };
        self.out.push_str(text);
    }

    fn slice<'t>(&self, span: Span) -> &'t str
    where
        Self: 't,
    {
        self.text
            .get(to_usize(span.start)..to_usize(span.end))
            .unwrap_or("")
    }
}

/// The piece if it is a brace; quotes around it make no difference.
fn brace(piece: &Piece) -> Option<&'static str> {
    match piece {
        Piece::Word(word) if word.token.text == "{" => Some("{"),
        Piece::Word(word) if word.token.text == "}" => Some("}"),
        _ => None,
    }
}
