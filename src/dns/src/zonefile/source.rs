//! The text of a master file, entry by entry, read in pieces.

use std::io::Read;
use std::path::Path;

use super::{Wrong, ZoneFileError};
use crate::rdata::{Scan, Span, scan};

/// Octets read at once.
const PIECE: usize = 64 * 1024;
/// The longest entry: 65,535 octets of data take four times as many when all are escaped.
const ENTRY_MAX: usize = 1024 * 1024;

/// Reads entries from a stream.
pub(super) struct Source {
    input: Box<dyn Read>,
    text: Vec<u8>,
    /// Where the next entry begins.
    next: usize,
    /// Where the last entry began.
    last: usize,
    /// Lines that are no longer in `text`.
    lines_gone: usize,
    is_done: bool,
}

impl Source {
    pub fn new(input: Box<dyn Read>) -> Self {
        Source {
            input,
            text: Vec::new(),
            next: 0,
            last: 0,
            lines_gone: 0,
            is_done: false,
        }
    }

    /// The text of the next entry, its words in `spans`; `None` at the end.
    #[inline]
    pub fn entry(&mut self, spans: &mut Vec<Span>) -> Result<Option<&[u8]>, Wrong> {
        loop {
            let rest = self.text.get(self.next..).unwrap_or_default();
            if rest.is_empty() && self.is_done {
                return Ok(None);
            }
            match scan(rest, self.is_done, spans) {
                Scan::Entry(length) => {
                    self.last = self.next;
                    self.next += length;
                    return Ok(self.text.get(self.last..self.next));
                }
                Scan::Incomplete => self.fill()?,
                Scan::Bad(at, what) => {
                    self.last = self.next;
                    return Err(Wrong {
                        what: what.to_owned(),
                        start: at,
                        end: at + 1,
                    });
                }
            }
        }
    }

    /// Drops what was read and reads another piece.
    fn fill(&mut self) -> Result<(), Wrong> {
        self.last = self.next;
        if self.text.len() - self.next >= ENTRY_MAX {
            return Err(no_place("this entry is longer than 1 MiB".to_owned()));
        }
        self.lines_gone += count_lines(self.text.get(..self.next).unwrap_or_default());
        self.text.drain(..self.next);
        (self.next, self.last) = (0, 0);
        let kept = self.text.len();
        self.text.resize(kept + PIECE.max(kept), 0);
        let room = self.text.get_mut(kept..).unwrap_or_default();
        let read = loop {
            match self.input.read(room) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let length = *read.as_ref().unwrap_or(&0);
        self.text.truncate(kept + length);
        self.is_done = length == 0;
        read.map_err(|error| no_place(error.to_string()))?;
        Ok(())
    }

    /// The error for what is `wrong` with the last entry.
    pub fn error(&self, file: &Path, wrong: Wrong) -> ZoneFileError {
        let at = self.last.saturating_add(wrong.start).min(self.text.len());
        let before = self.text.get(..at).unwrap_or_default();
        let line_start = before.iter().rposition(|octet| *octet == b'\n');
        let column = at - line_start.map_or(0, |newline| newline + 1) + 1;
        let end = self.last.saturating_add(wrong.end).min(self.text.len());
        let word = self.text.get(at..end).unwrap_or_default();
        ZoneFileError {
            file: file.to_owned(),
            line: self.lines_gone + count_lines(before) + 1,
            column,
            what: wrong.what,
            word: String::from_utf8_lossy(word.get(..80).unwrap_or(word)).into_owned(),
        }
    }
}

fn no_place(what: String) -> Wrong {
    Wrong {
        what,
        start: 0,
        end: 0,
    }
}

fn count_lines(text: &[u8]) -> usize {
    text.iter().filter(|octet| **octet == b'\n').count()
}
