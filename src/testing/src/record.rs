//! Records as text, both ways, for scripts and transcripts.

use catena_dns::rdata::{self, Scan, Words};
use catena_dns::{Class, NameRef, Record, RecordType};

/// Reads `NAME TTL CLASS TYPE RDATA`.
pub fn parse(text: &str) -> Option<Record> {
    let (name, rest) = word(text)?;
    let (ttl, rest) = word(rest)?;
    let (class, rest) = word(rest)?;
    let (rtype, rdata) = word(rest)?;
    let rtype: RecordType = rtype.parse().ok()?;
    Some(Record {
        name: name.parse().ok()?,
        rtype,
        class: class.parse().ok()?,
        ttl: ttl.parse().ok()?,
        rdata: parse_rdata(rtype, rdata)?.into(),
    })
}

fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn parse_rdata(rtype: RecordType, text: &str) -> Option<Vec<u8>> {
    let (mut spans, mut out) = (Vec::new(), Vec::new());
    let Scan::Entry(_) = rdata::scan(text.as_bytes(), true, &mut spans) else {
        return None;
    };
    let words = Words::new(text.as_bytes(), &spans);
    rdata::read_text(rtype, words, NameRef::ROOT, &mut out).ok()?;
    Some(out)
}

/// Prints `record` as [`parse`] reads it.
pub fn print(record: &Record) -> String {
    let Record { name, ttl, .. } = record;
    let class: Class = record.class;
    let rdata = rdata::display(record.rtype, &record.rdata);
    format!("{name} {ttl} {class} {} {rdata}", record.rtype)
}
