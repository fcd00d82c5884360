//! Reads one record from text, such as a plugin makes.

use std::io::{self, Read};
use std::path::Path;

use super::{Loader, State, Stop, ZoneFileError, ZoneReader};
use crate::rdata::{self, Scan};
use crate::reply::RecordRef;
use crate::{NameRef, Record};

/// Reads the first record of `text`, which is a piece of a master file.
///
/// Names are below the root; `ttl` is for a record that gives none. `None` if there is no record.
pub fn read_record(text: &str, ttl: u32) -> Result<Option<Record>, ZoneFileError> {
    let mut found = None;
    let mut sink = |record: RecordRef<'_>| {
        found.get_or_insert_with(|| Record::from(record));
        Ok(())
    };
    let mut reader = ZoneReader {
        loader: &mut NoFiles,
        sink: &mut sink,
        rdata: Vec::new(),
    };
    let root = NameRef::ROOT.wire().to_vec();
    let mut state = State {
        origin: root.clone(),
        owner: root,
        ttl: Some(ttl),
        ttl_is_fixed: false,
        last_ttl: ttl,
        depth: 0,
        is_generated: false,
    };
    let mut spans = Vec::new();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let end = match rdata::scan(rest, true, &mut spans) {
            Scan::Entry(end) => end,
            Scan::Bad(_, what) => return Err(error(what.to_owned(), text)),
            Scan::Incomplete => return Err(error("the record is cut off".to_owned(), text)),
        };
        // The first record is all that is wanted: what is wrong after it does no harm.
        if let Err(stop) = reader.entry(Path::new(""), rest, &spans, &mut state) {
            return Err(match stop {
                Stop::Elsewhere(error) => *error,
                Stop::Here(wrong) => error(wrong.what, text),
            });
        }
        if !spans.is_empty() && !rest.starts_with(b"$") {
            break;
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    Ok(found)
}

fn error(what: String, text: &str) -> ZoneFileError {
    ZoneFileError {
        file: "record".into(),
        line: 0,
        column: 0,
        what,
        word: text.to_owned(),
    }
}

/// There are no files to include.
struct NoFiles;

impl Loader for NoFiles {
    fn open(&mut self, _: &Path) -> io::Result<Box<dyn Read>> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}
