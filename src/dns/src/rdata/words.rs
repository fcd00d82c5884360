//! Splits master-file text into words (RFC 1035 section 5.1): quotes, escapes, comments, brackets.

/// Where one word stands in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first octet; after the quote, if there is one.
    pub start: u32,
    /// Offset after the last octet.
    pub end: u32,
    /// Whether the word stood in quotes.
    pub is_quoted: bool,
    /// Whether nothing, not even a blank, stood before it on its line or since the last word.
    pub is_joined: bool,
}

/// What [`scan`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// An entry; the next one begins here.
    Entry(usize),
    /// The text ends inside the entry.
    Incomplete,
    /// What is wrong, and where.
    Bad(usize, &'static str),
}

/// Splits the entry at the front of `text` into `words`, which is emptied first.
///
/// An entry ends with its line, or with the line that closes its brackets and quotes.
/// `is_last` says that nothing follows `text`, so its end ends the entry as well.
pub fn scan(text: &[u8], is_last: bool, words: &mut Vec<Span>) -> Scan {
    words.clear();
    let mut scanner = Scanner {
        words,
        start: None,
        is_joined: true,
    };
    let (mut at, mut depth, mut bracket_at) = (0usize, 0u32, 0usize);
    while let Some(&octet) = text.get(at) {
        match octet {
            b'\n' => {
                scanner.close(at);
                if depth == 0 {
                    return Scan::Entry(at + 1);
                }
                scanner.is_joined = false;
            }
            b' ' | b'\t' | b'\r' => {
                scanner.close(at);
                scanner.is_joined = false;
            }
            b';' => {
                scanner.close(at);
                at = line_end(text, at);
                continue;
            }
            b'"' => {
                scanner.close(at);
                let Some(end) = quote_end(text, at + 1) else {
                    return match is_last {
                        true => Scan::Bad(at, "the quote is not closed"),
                        false => Scan::Incomplete,
                    };
                };
                scanner.push(at + 1, end, true);
                at = end;
            }
            b'(' => {
                scanner.close(at);
                (bracket_at, depth) = (at, depth + 1);
            }
            b')' => {
                scanner.close(at);
                let Some(less) = depth.checked_sub(1) else {
                    return Scan::Bad(at, "this bracket closes nothing");
                };
                depth = less;
            }
            _ => {
                scanner.start.get_or_insert(at);
                let escapes = octet == b'\\' && text.get(at + 1).is_some_and(|o| *o != b'\n');
                at += usize::from(escapes);
            }
        }
        at += 1;
    }
    if !is_last {
        return Scan::Incomplete;
    }
    scanner.close(text.len());
    match depth {
        0 => Scan::Entry(text.len()),
        _ => Scan::Bad(bracket_at, "the bracket is not closed"),
    }
}

struct Scanner<'w> {
    words: &'w mut Vec<Span>,
    start: Option<usize>,
    is_joined: bool,
}

impl Scanner<'_> {
    #[inline]
    fn close(&mut self, end: usize) {
        if let Some(start) = self.start.take() {
            self.push(start, end, false);
        }
    }

    #[inline]
    fn push(&mut self, start: usize, end: usize, is_quoted: bool) {
        self.words.push(Span {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
            is_quoted,
            is_joined: self.is_joined,
        });
        self.is_joined = true;
    }
}

fn line_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let length = rest.iter().position(|octet| *octet == b'\n');
    length.map_or(text.len(), |length| from + length)
}

fn quote_end(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The words of an entry, to be taken one by one.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    text: &'a [u8],
    spans: &'a [Span],
    last: Span,
}

/// One word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub octets: &'a [u8],
    pub span: Span,
}

impl<'a> Words<'a> {
    /// The words that [`scan`] found in `text`.
    pub fn new(text: &'a [u8], spans: &'a [Span]) -> Self {
        let last = Span {
            start: 0,
            end: 0,
            is_quoted: false,
            is_joined: true,
        };
        Words { text, spans, last }
    }

    /// The octets of the next word, which stays.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.spans.first().map(|span| self.octets(*span))
    }

    /// Whether the next word is there and stood in quotes.
    pub fn peek_quoted(&self) -> bool {
        self.spans.first().is_some_and(|span| span.is_quoted)
    }

    /// Whether the next word is there and follows the last one without a blank.
    pub fn peek_joined(&self) -> bool {
        self.spans.first().is_some_and(|span| span.is_joined)
    }

    /// The next word.
    #[inline]
    pub(crate) fn next_word(&mut self) -> Option<Word<'a>> {
        let (span, rest) = self.spans.split_first()?;
        (self.spans, self.last) = (rest, *span);
        Some(Word {
            octets: self.octets(*span),
            span: *span,
        })
    }

    /// The octets of the next word.
    #[inline]
    pub fn next_octets(&mut self) -> Option<&'a [u8]> {
        self.next_word().map(|word| word.octets)
    }

    /// Where the last word taken stands, from and to.
    pub fn place(&self) -> (usize, usize) {
        (to_usize(self.last.start), to_usize(self.last.end))
    }

    /// How many words are left.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether no words are left.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    fn octets(&self, span: Span) -> &'a [u8] {
        self.text
            .get(to_usize(span.start)..to_usize(span.end))
            .unwrap_or_default()
    }
}

fn to_usize(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
