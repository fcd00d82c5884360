//! Records as text, both ways, for scripts and transcripts.

use catena_dns::rdata::{Field, layout};
use catena_dns::{Class, Name, NameRef, Record, RecordType};

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
    let mut words = words(text).into_iter();
    let mut out = Vec::new();
    for field in layout(rtype) {
        match field {
            Field::CompressedName | Field::Name => {
                out.extend_from_slice(words.next()?.parse::<Name>().ok()?.wire());
            }
            Field::U8 => out.push(words.next()?.parse().ok()?),
            Field::U16 => out.extend(words.next()?.parse::<u16>().ok()?.to_be_bytes()),
            Field::U32 => out.extend(words.next()?.parse::<u32>().ok()?.to_be_bytes()),
            Field::Ipv4 => out.extend(words.next()?.parse::<std::net::Ipv4Addr>().ok()?.octets()),
            Field::Ipv6 => out.extend(words.next()?.parse::<std::net::Ipv6Addr>().ok()?.octets()),
            Field::Text => push_text(&words.next()?, &mut out)?,
            Field::Texts => {
                for text in words.by_ref() {
                    push_text(&text, &mut out)?;
                }
            }
            _ => {
                for digits in words.by_ref() {
                    push_hex(&digits, &mut out)?;
                }
            }
        }
    }
    words.next().is_none().then_some(out)
}

fn push_text(text: &str, out: &mut Vec<u8>) -> Option<()> {
    out.push(u8::try_from(text.len()).ok()?);
    out.extend_from_slice(text.as_bytes());
    Some(())
}

/// The words of `text`; double quotes keep blanks together.
fn words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, tail) = if first == '"' {
            rest[1..].split_once('"').unwrap_or((&rest[1..], ""))
        } else {
            rest.split_once(char::is_whitespace).unwrap_or((rest, ""))
        };
        all.push(word.to_owned());
        rest = tail.trim_start();
    }
    all
}

fn push_hex(digits: &str, out: &mut Vec<u8>) -> Option<()> {
    for at in (0..digits.len()).step_by(2) {
        out.push(u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?);
    }
    Some(())
}

/// Prints `record` as [`parse`] reads it.
pub fn print(record: &Record) -> String {
    let Record { name, ttl, .. } = record;
    let class: Class = record.class;
    let rdata = print_rdata(record.rtype, &record.rdata);
    format!("{name} {ttl} {class} {} {rdata}", record.rtype)
}

fn print_rdata(rtype: RecordType, rdata: &[u8]) -> String {
    let mut rest = rdata;
    let mut all = Vec::new();
    for field in layout(rtype) {
        match print_field(*field, &mut rest) {
            Some(text) => all.push(text),
            None => break,
        }
    }
    if !rest.is_empty() {
        all.push(rest.iter().map(|octet| format!("{octet:02x}")).collect());
    }
    all.join(" ")
}

fn print_field(field: Field, rest: &mut &[u8]) -> Option<String> {
    match field {
        Field::CompressedName | Field::Name => {
            let (name, tail) = NameRef::split_from(rest).ok()?;
            *rest = tail;
            Some(name.to_string())
        }
        Field::Text => take_text(rest),
        Field::Texts => {
            let mut texts = Vec::new();
            while let Some(text) = take_text(rest) {
                texts.push(text);
            }
            Some(texts.join(" "))
        }
        _ => {
            let (octets, tail) = rest.split_at_checked(field.width()?)?;
            *rest = tail;
            Some(match field {
                Field::Ipv4 => std::net::Ipv4Addr::from(*octets.first_chunk()?).to_string(),
                Field::Ipv6 => std::net::Ipv6Addr::from(*octets.first_chunk()?).to_string(),
                _ => octets
                    .iter()
                    .fold(0u32, |number, octet| number << 8 | u32::from(*octet))
                    .to_string(),
            })
        }
    }
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let (length, tail) = rest.split_first()?;
    let (text, tail) = tail.split_at_checked(usize::from(*length))?;
    *rest = tail;
    Some(format!("\"{}\"", text.escape_ascii()))
}
