//! Records as text: what people and programs write in JSON and master files.

use std::fmt::Write as _;

use catena_dns::rdata::{self, Scan, Words};
use catena_dns::{NameRef, RecordType};
use catena_records::RecordSet;

/// Reads the data of one record; relative names are put below `origin`.
pub(crate) fn read_rdata(
    rtype: RecordType,
    text: &str,
    origin: NameRef<'_>,
) -> Result<Box<[u8]>, String> {
    let octets = text.as_bytes();
    let mut spans = Vec::new();
    let is_whole = match rdata::scan(octets, true, &mut spans) {
        Scan::Entry(end) => end == octets.len(),
        Scan::Bad(_, what) => return Err(what.to_owned()),
        Scan::Incomplete => false,
    };
    if !is_whole {
        return Err("more than one line".to_owned());
    }
    let mut out = Vec::new();
    let words = Words::new(octets, &spans);
    rdata::read_text(rtype, words, origin, &mut out).map_err(|error| error.to_string())?;
    Ok(out.into())
}

/// The data of `set`, one text a record.
pub(crate) fn print_set(rtype: RecordType, set: &RecordSet) -> Vec<String> {
    let data = set.data.iter();
    data.map(|rdata| rdata::display(rtype, rdata).to_string())
        .collect()
}

/// Appends `set` as lines of a master file.
pub(crate) fn print_lines(
    name: NameRef<'_>,
    rtype: RecordType,
    set: &RecordSet,
    lines: &mut String,
) {
    for rdata in &set.data {
        let rdata = rdata::display(rtype, rdata);
        // Writing to a string does not fail.
        let _written = writeln!(lines, "{name}\t{}\tIN\t{rtype}\t{rdata}", set.ttl);
    }
}
