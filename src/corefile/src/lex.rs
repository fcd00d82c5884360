//! Cuts a text into words, comments and line breaks.

use pest::Parser;
use pest::iterators::Pair;

use crate::source::to_u32;
use crate::{SourceId, Span, Token};

mod grammar {
    /// The generated parser.
    #[derive(pest_derive::Parser)]
    #[grammar = "grammar.pest"]
    pub(super) struct Words;
}
use grammar::{Rule, Words};

/// A piece of the text; blanks between pieces are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A word, quoted or not.
    Word(Word),
    /// `#` and the rest of the line.
    Comment(Span),
    /// The end of a line.
    Newline,
}

/// A word as it stands in the text, environment variables not yet replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The text and the place.
    pub token: Token,
    /// The place with a glued comment.
    pub raw: Span,
    /// Whether it is the first word of its line.
    pub first: bool,
    /// What is odd about it, if anything.
    pub oddity: Option<Oddity>,
}

/// What CoreDNS accepts in a word, though it is hardly meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// The closing quote is missing; the word goes on to the end of the file.
    Unclosed,
    /// A comment without a space before it; it ends at the next space.
    GluedComment,
}

/// All pieces of `text`, in order.
pub(crate) fn pieces(source: SourceId, text: &str) -> Vec<Piece> {
    // Any text is in the language: a word takes every character that nothing else takes.
    let Ok(mut pairs) = Words::parse(Rule::file, text) else {
        return Vec::new();
    };
    let mut pieces = Vec::new();
    let mut first = true;
    for pair in pairs.next().into_iter().flat_map(Pair::into_inner) {
        let span = span_of(source, &pair);
        match pair.as_rule() {
            Rule::newline => {
                first = true;
                pieces.push(Piece::Newline);
            }
            Rule::comment => pieces.push(Piece::Comment(span)),
            Rule::quoted | Rule::unclosed | Rule::word => {
                let Some((token, raw, oddity)) = token(pair, span) else {
                    continue;
                };
                let first = std::mem::take(&mut first);
                pieces.push(Piece::Word(Word {
                    token,
                    raw,
                    first,
                    oddity,
                }));
            }
            _ => {}
        }
    }
    pieces
}

/// The words of `text` alone.
pub(crate) fn words(source: SourceId, text: &str) -> Vec<Word> {
    let words = pieces(source, text)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Word(word) => Some(word),
            Piece::Comment(_) | Piece::Newline => None,
        });
    words.collect()
}

fn token(pair: Pair<'_, Rule>, raw: Span) -> Option<(Token, Span, Option<Oddity>)> {
    let rule = pair.as_rule();
    let mut parts = pair.into_inner();
    let body = parts.next()?.as_str();
    if rule == Rule::word {
        let oddity = parts.next().map(|_| Oddity::GluedComment);
        let length = to_u32(body.trim_end_matches('\r').len());
        let span = Span {
            end: raw.start.saturating_add(length),
            ..raw
        };
        let token = Token {
            text: body.replace('\r', ""),
            span,
            quoted: false,
        };
        let raw = if oddity.is_some() { raw } else { span };
        return Some((token, raw, oddity));
    }
    let unclosed = rule == Rule::unclosed;
    // CoreDNS sees no word in a quote that is the last character of the file.
    if unclosed && body.is_empty() {
        return None;
    }
    let token = Token {
        text: unescape(body),
        span: raw,
        quoted: true,
    };
    Some((token, raw, unclosed.then_some(Oddity::Unclosed)))
}

fn unescape(body: &str) -> String {
    let mut text = String::with_capacity(body.len());
    let mut letters = body.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        match letters.next() {
            Some('"') => text.push('"'),
            Some(other) => text.extend(['\\', other]),
            None => {}
        }
    }
    text
}

fn span_of(source: SourceId, pair: &Pair<'_, Rule>) -> Span {
    let span = pair.as_span();
    Span {
        source,
        start: to_u32(span.start()),
        end: to_u32(span.end()),
    }
}
