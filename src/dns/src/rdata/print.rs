//! RDATA as text, as miekg/dns prints it.

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

use super::read::{ALGORITHMS, CERT_TYPES};
use super::validate::{ipv6, split_field};
use super::{Field, codec, gateway, layout, location, prefixes, svcb, time, types, validate};
use crate::{NameRef, RecordType};

/// `rdata` as text; in the form of RFC 3597 if it is not what `rtype` demands.
pub fn display(rtype: RecordType, rdata: &[u8]) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        if layout(rtype) == [Field::Rest] || !validate(rtype, rdata) {
            return write!(f, "\\# {} {}", rdata.len(), codec::hex(rdata));
        }
        let mut rest = rdata;
        for (place, field) in layout(rtype).iter().enumerate() {
            let octets = split_field(*field, &mut rest).unwrap_or_default();
            let is_list = matches!(field, Field::Types | Field::Params);
            if place > 0 && !(is_list && octets.is_empty()) {
                f.write_char(' ')?;
            }
            print_field(*field, octets, f)?;
        }
        Ok(())
    })
}

fn print_field(field: Field, octets: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let number = octets
        .iter()
        .take(8)
        .fold(0u64, |number, octet| number << 8 | u64::from(*octet));
    match field {
        Field::CompressedName | Field::Name => match NameRef::from_wire(octets) {
            Ok(name) => write!(f, "{name}"),
            Err(_) => Err(fmt::Error),
        },
        Field::U8 | Field::U16 | Field::U32 | Field::Period | Field::Algorithm => {
            write!(f, "{number}")
        }
        Field::Time => f.write_str(&time::time_text(u32::try_from(number).unwrap_or(0))),
        Field::Ipv4 => {
            write!(f, "{}", Ipv4Addr::from(u32::try_from(number).unwrap_or(0)))
        }
        Field::Ipv6 => write!(f, "{}", ipv6(octets)),
        Field::Type => write!(f, "{}", RecordType(u16::try_from(number).unwrap_or(0))),
        Field::AlgorithmName => {
            let mut known = ALGORITHMS
                .iter()
                .map(|(value, name)| (u64::from(*value), name));
            print_named(known.find(|(value, _)| *value == number), number, f)
        }
        Field::CertType => {
            let mut known = CERT_TYPES
                .iter()
                .map(|(value, name)| (u64::from(*value), name));
            print_named(known.find(|(value, _)| *value == number), number, f)
        }
        Field::NodeId => print_groups(&codec::hex(octets), 4, ':', f),
        Field::Locator => print_groups(&codec::hex(octets).to_uppercase(), 4, ':', f),
        Field::Eui48 | Field::Eui64 => print_groups(&codec::hex(octets), 2, '-', f),
        Field::Location => location::print_location(octets.try_into().map_err(|_| fmt::Error)?, f),
        _ => print_variable(field, octets, f),
    }
}

fn print_variable(field: Field, octets: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let counted = || octets.get(1..).unwrap_or_default();
    match field {
        Field::Text => print_quoted(counted(), f),
        Field::Word | Field::Decimal => print_octets(counted(), f),
        Field::Salt if counted().is_empty() => f.write_char('-'),
        Field::Salt => f.write_str(&codec::hex(counted()).to_uppercase()),
        Field::HashedName => f.write_str(&codec::base32(counted())),
        Field::Texts => print_texts(octets, f),
        Field::Octets => print_quoted(octets, f),
        Field::Base64 => f.write_str(&codec::base64(octets)),
        Field::Hex => f.write_str(&codec::hex(octets)),
        Field::HexUpper => f.write_str(&codec::hex(octets).to_uppercase()),
        Field::Types => {
            let types = types::read_types(octets).unwrap_or_default();
            print_list(types.into_iter(), f)
        }
        Field::Params => svcb::print_params(octets, f),
        Field::Prefixes => {
            let mut rest = octets;
            let items = std::iter::from_fn(|| {
                let (prefix, tail) = prefixes::split_prefix(rest)?;
                rest = tail;
                Some(prefix)
            });
            print_list(items, f)
        }
        Field::Gateway => print_whole(gateway::split_ipseckey(octets), f),
        Field::Relay => print_whole(gateway::split_amtrelay(octets), f),
        Field::HostIdentity => print_whole(gateway::split_hip(octets), f),
        _ => Ok(()),
    }
}

fn print_whole(value: Option<impl fmt::Display>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    value.map_or(Err(fmt::Error), |value| value.fmt(f))
}

fn print_list(
    items: impl Iterator<Item = impl fmt::Display>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (place, item) in items.enumerate() {
        if place > 0 {
            f.write_char(' ')?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

fn print_named<V>(
    known: Option<(V, &&str)>,
    number: u64,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match known {
        Some((_, name)) => f.write_str(name),
        None => write!(f, "{number}"),
    }
}

fn print_groups(
    digits: &str,
    size: usize,
    between: char,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place.is_multiple_of(size) {
            f.write_char(between)?;
        }
        f.write_char(digit)?;
    }
    Ok(())
}

fn print_texts(octets: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = octets;
    while let Some((&length, tail)) = rest.split_first() {
        let (text, tail) = tail
            .split_at_checked(usize::from(length))
            .unwrap_or_default();
        if rest.len() != octets.len() {
            f.write_char(' ')?;
        }
        print_quoted(text, f)?;
        rest = tail;
    }
    Ok(())
}

fn print_quoted(octets: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for octet in octets {
        match octet {
            b'"' | b'\\' => write!(f, "\\{}", char::from(*octet))?,
            b' '..=b'~' => f.write_char(char::from(*octet))?,
            other => write!(f, "\\{other:03}")?,
        }
    }
    f.write_char('"')
}

/// Octets that need no quotes, escaped where a reader would stumble.
fn print_octets(octets: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for octet in octets {
        match octet {
            b'"' | b'\\' | b';' | b'(' | b')' | b' ' => write!(f, "\\{}", char::from(*octet))?,
            b'!'..=b'~' => f.write_char(char::from(*octet))?,
            other => write!(f, "\\{other:03}")?,
        }
    }
    Ok(())
}
