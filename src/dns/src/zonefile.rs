//! Reads master files (RFC 1035 section 5, RFC 2308 section 4) record by record.

mod generate;
mod single;
mod source;

pub use single::read_record;

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::rdata::{self, Span, Words, read_period};
use crate::reply::RecordRef;
use crate::{Class, NameRef, RecordType};

use source::Source;

/// Files that include each other, at most.
const INCLUDE_DEPTH_MAX: u8 = 7;
/// The TTL of records made by `$GENERATE` where none is in force, as in CoreDNS.
const GENERATED_TTL: u32 = 3600;

/// Opens the files that `$INCLUDE` names.
pub trait Loader {
    /// Opens `path` to be read from its beginning.
    fn open(&mut self, path: &Path) -> io::Result<Box<dyn Read>>;
}

/// Takes the records of a master file, in its order.
pub trait Sink {
    /// Takes one record; an error ends the reading.
    fn record(&mut self, record: RecordRef<'_>) -> Result<(), String>;
}

impl<F: FnMut(RecordRef<'_>) -> Result<(), String>> Sink for F {
    fn record(&mut self, record: RecordRef<'_>) -> Result<(), String> {
        self(record)
    }
}

/// What is wrong with a master file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", display(self))]
#[non_exhaustive]
pub struct ZoneFileError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 if the file could not be read.
    pub line: usize,
    /// The octet of the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// The word that is wrong; empty if it is missing.
    pub word: String,
}

fn display(error: &ZoneFileError) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        write!(f, "{}", error.file.display())?;
        if error.line > 0 {
            write!(f, ":{}:{}", error.line, error.column)?;
        }
        write!(f, ": {}", error.what)?;
        if !error.word.is_empty() {
            write!(f, ": {:?}", error.word)?;
        }
        Ok(())
    })
}

/// Reads `input`, whose name is `file`, and gives its records to `sink`.
pub fn read_zone(
    file: &Path,
    input: Box<dyn Read>,
    origin: NameRef<'_>,
    (loader, sink): (&mut dyn Loader, &mut dyn Sink),
) -> Result<(), ZoneFileError> {
    let state = State {
        origin: origin.wire().to_vec(),
        owner: origin.wire().to_vec(),
        ttl: None,
        ttl_is_fixed: false,
        last_ttl: 0,
        depth: 0,
        is_generated: false,
    };
    let rdata = Vec::new();
    ZoneReader {
        loader,
        sink,
        rdata,
    }
    .file(file, input, state)
}

/// What an entry takes from those before it.
#[derive(Clone)]
struct State {
    origin: Vec<u8>,
    owner: Vec<u8>,
    /// The TTL of records that give none.
    ttl: Option<u32>,
    /// Whether `$TTL` set it.
    ttl_is_fixed: bool,
    last_ttl: u32,
    depth: u8,
    is_generated: bool,
}

impl State {
    fn origin(&self) -> NameRef<'_> {
        NameRef::from_wire(&self.origin).unwrap_or(NameRef::ROOT)
    }

    fn owner(&self) -> NameRef<'_> {
        NameRef::from_wire(&self.owner).unwrap_or(NameRef::ROOT)
    }
}

/// What is wrong inside the text of an entry.
struct Wrong {
    what: String,
    start: usize,
    end: usize,
}

/// Why an entry was not read.
enum Stop {
    Here(Wrong),
    Elsewhere(Box<ZoneFileError>),
}

impl From<Wrong> for Stop {
    fn from(wrong: Wrong) -> Self {
        Stop::Here(wrong)
    }
}

/// `what` is wrong with the word last taken.
fn wrong(words: &Words<'_>, what: impl Into<String>) -> Wrong {
    let (start, end) = words.place();
    let what = what.into();
    Wrong { what, start, end }
}

struct ZoneReader<'s> {
    loader: &'s mut dyn Loader,
    sink: &'s mut dyn Sink,
    rdata: Vec<u8>,
}

impl ZoneReader<'_> {
    fn file(
        &mut self,
        file: &Path,
        input: Box<dyn Read>,
        mut state: State,
    ) -> Result<(), ZoneFileError> {
        let mut source = Source::new(input);
        let mut spans = Vec::new();
        loop {
            match source.entry(&mut spans) {
                Ok(None) => return Ok(()),
                Ok(Some(text)) => match self.entry(file, text, &spans, &mut state) {
                    Ok(()) => {}
                    Err(Stop::Elsewhere(error)) => return Err(*error),
                    Err(Stop::Here(wrong)) => return Err(source.error(file, wrong)),
                },
                Err(wrong) => return Err(source.error(file, wrong)),
            }
        }
    }

    #[inline]
    fn entry(
        &mut self,
        file: &Path,
        text: &[u8],
        spans: &[Span],
        state: &mut State,
    ) -> Result<(), Stop> {
        let mut words = Words::new(text, spans);
        let Some(first) = words.peek() else {
            return match state.is_generated {
                true => Err(wrong(&words, "no record").into()),
                false => Ok(()),
            };
        };
        if words.peek_joined() {
            if words.peek_quoted() {
                words.next_octets();
                return Err(wrong(&words, "unexpected quotes").into());
            }
            let may_be = first.starts_with(b"$") && !state.is_generated;
            if may_be && self.directive(file, text, words, state)? {
                return Ok(());
            }
            words.next_octets();
            read_name(&words, first, &state.origin, &mut state.owner)?;
        }
        self.record(words, state).map_err(Stop::Here)
    }

    /// Does what a line that begins with `$` demands; false if it is no directive.
    fn directive(
        &mut self,
        file: &Path,
        text: &[u8],
        mut words: Words<'_>,
        state: &mut State,
    ) -> Result<bool, Stop> {
        let name = words.next_octets().unwrap_or_default().to_ascii_uppercase();
        match &name[..] {
            b"$TTL" => {
                let ttl = argument(&mut words, "$TTL needs a number of seconds")?;
                let ttl = read_period(ttl).ok_or_else(|| wrong(&words, "not a TTL"))?;
                (state.ttl, state.ttl_is_fixed) = (Some(ttl), true);
            }
            b"$ORIGIN" => {
                let name = argument(&mut words, "$ORIGIN needs a name")?;
                let mut origin = Vec::new();
                read_name(&words, name, &state.origin, &mut origin)?;
                state.origin = origin;
            }
            b"$INCLUDE" => self.include(file, &mut words, state)?,
            b"$GENERATE" => {
                let range = argument(&mut words, "$GENERATE needs a range")?;
                let range = generate::Range::read(range).ok_or_else(|| {
                    wrong(&words, "bad range in $GENERATE, such as 1-10 or 0-8/2")
                })?;
                self.generate(file, text, (words, range), state)?;
                return Ok(true);
            }
            _ => return Ok(false),
        }
        match words.next_octets() {
            Some(_) => Err(wrong(&words, "unexpected word after the directive").into()),
            None => Ok(true),
        }
    }

    fn include(&mut self, file: &Path, words: &mut Words<'_>, state: &State) -> Result<(), Stop> {
        let name = argument(words, "$INCLUDE needs a file")?;
        let name = std::str::from_utf8(name).map_err(|_| wrong(words, "not a file name"))?;
        let path = file.parent().unwrap_or(Path::new("")).join(name);
        if state.depth >= INCLUDE_DEPTH_MAX {
            return Err(wrong(words, "too deeply nested $INCLUDE").into());
        }
        let input = self
            .loader
            .open(&path)
            .map_err(|error| wrong(words, format!("{}: {error}", path.display())))?;
        let mut inner = state.clone();
        inner.depth += 1;
        if let Some(origin) = words.next_octets() {
            inner.origin.clear();
            read_name(words, origin, &state.origin, &mut inner.origin)?;
        }
        self.file(&path, input, inner)
            .map_err(|error| Stop::Elsewhere(Box::new(error)))
    }

    fn generate(
        &mut self,
        file: &Path,
        text: &[u8],
        (words, range): (Words<'_>, generate::Range),
        state: &State,
    ) -> Result<(), Stop> {
        let (_, template_at) = words.place();
        let template = text.get(template_at..).unwrap_or_default().trim_ascii();
        let mut inner = state.clone();
        inner.is_generated = true;
        inner.ttl.get_or_insert(GENERATED_TTL);
        let (mut line, mut spans) = (Vec::new(), Vec::new());
        for number in range {
            line.clear();
            generate::expand(template, number, &mut line).map_err(|what| wrong(&words, what))?;
            match rdata::scan(&line, true, &mut spans) {
                rdata::Scan::Entry(end) if end == line.len() => {}
                _ => return Err(wrong(&words, "$GENERATE makes no whole entry").into()),
            }
            self.entry(file, &line, &spans, &mut inner)
                .map_err(|stop| match stop {
                    // The place is one of the made line: point at the directive instead.
                    Stop::Here(inner) => {
                        let made = String::from_utf8_lossy(&line);
                        let what = format!("{} in {made:?}, made by $GENERATE", inner.what);
                        Stop::Here(wrong(&words, what))
                    }
                    elsewhere => elsewhere,
                })?;
        }
        Ok(())
    }

    /// Reads `[TTL] [class] type data`, TTL and class in either order.
    #[inline]
    fn record(&mut self, mut words: Words<'_>, state: &mut State) -> Result<(), Wrong> {
        let (mut ttl, mut class) = (None, None);
        let rtype = loop {
            let word = plain(&mut words, "the line ends before the type of the record")?;
            if ttl.is_none() && word.first().is_some_and(u8::is_ascii_digit) {
                ttl = Some(read_period(word).ok_or_else(|| wrong(&words, "not a TTL"))?);
                continue;
            }
            if class.is_none()
                && let Some(found) = read_class(word)
            {
                class = Some(found);
                continue;
            }
            let text = std::str::from_utf8(word).unwrap_or_default();
            match text.parse::<RecordType>() {
                Ok(rtype) => break rtype,
                Err(_) => return Err(wrong(&words, "not a record type, TTL or class")),
            }
        };
        let ttl = match (ttl, state.ttl) {
            (Some(ttl), _) => {
                if !state.ttl_is_fixed {
                    state.ttl = Some(ttl);
                }
                ttl
            }
            (None, Some(ttl)) => ttl,
            // As CoreDNS has it: a class makes up for the missing TTL.
            (None, None) if class.is_some() => state.last_ttl,
            (None, None) => return Err(wrong(&words, "missing TTL with no previous value")),
        };
        state.last_ttl = ttl;
        self.rdata.clear();
        rdata::read_text(rtype, words, state.origin(), &mut self.rdata).map_err(|error| Wrong {
            what: format!("bad {rtype} record, {}", error.what),
            start: error.start,
            end: error.end,
        })?;
        let record = RecordRef {
            name: state.owner(),
            rtype,
            class: class.unwrap_or(Class::IN),
            ttl,
            rdata: &self.rdata,
        };
        self.sink.record(record).map_err(|what| wrong(&words, what))
    }
}

fn argument<'a>(words: &mut Words<'a>, what: &'static str) -> Result<&'a [u8], Wrong> {
    words.next_octets().ok_or_else(|| wrong(words, what))
}

fn plain<'a>(words: &mut Words<'a>, what: &'static str) -> Result<&'a [u8], Wrong> {
    let is_quoted = words.peek_quoted();
    let word = words.next_octets().ok_or_else(|| wrong(words, what))?;
    if is_quoted {
        return Err(wrong(words, "unexpected quotes"));
    }
    Ok(word)
}

fn read_class(word: &[u8]) -> Option<Class> {
    if word.eq_ignore_ascii_case(b"IN") {
        return Some(Class::IN);
    }
    // Most words here are types: spare them the search.
    let may_be = matches!(
        word.first()?.to_ascii_uppercase(),
        b'C' | b'H' | b'N' | b'A'
    );
    if !may_be || word.len() < 2 {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Replaces `wire` by the name that `text` says.
fn read_name(
    words: &Words<'_>,
    text: &[u8],
    origin: &[u8],
    wire: &mut Vec<u8>,
) -> Result<(), Wrong> {
    wire.clear();
    let origin = NameRef::from_wire(origin).unwrap_or(NameRef::ROOT);
    crate::name::append_name(text, origin, wire).map_err(|error| wrong(words, error.what()))
}

#[cfg(test)]
mod tests;
