//! Service parameters of SVCB and HTTPS (RFC 9460).

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::codec;
use super::read::{Read, unescape};
use super::time::read_number;
use super::validate::ipv6;
use super::words::Words;

/// What the value of a key is made of.
#[derive(Clone, Copy)]
enum Value {
    Keys,
    Protocols,
    Nothing,
    Port,
    Ipv4s,
    Ipv6s,
    Base64,
    Octets,
}

/// Keys with a name: RFC 9460 section 14.3.2, RFC 9461, RFC 9540.
const KEYS: &[(u16, &str, Value)] = &[
    (0, "mandatory", Value::Keys),
    (1, "alpn", Value::Protocols),
    (2, "no-default-alpn", Value::Nothing),
    (3, "port", Value::Port),
    (4, "ipv4hint", Value::Ipv4s),
    (5, "ech", Value::Base64),
    (6, "ipv6hint", Value::Ipv6s),
    (7, "dohpath", Value::Octets),
    (8, "ohttp", Value::Nothing),
];
const RESERVED_KEY: u16 = u16::MAX;

fn value_of(key: u16) -> Value {
    let known = KEYS.iter().find(|(number, ..)| *number == key);
    known.map_or(Value::Octets, |(_, _, value)| *value)
}

fn read_key(name: &[u8]) -> Option<u16> {
    if let Some((number, ..)) = KEYS.iter().find(|(_, known, _)| known.as_bytes() == name) {
        return Some(*number);
    }
    let digits = name.strip_prefix(b"key")?;
    let number = u16::try_from(read_number(digits)?).ok()?;
    let is_known = KEYS.iter().any(|(known, ..)| *known == number);
    let is_plain = !digits.starts_with(b"0") && number != RESERVED_KEY;
    (is_plain && !is_known).then_some(number)
}

/// Appends all parameters that are left in `words`, in the order of their keys.
pub(super) fn read_params(words: &mut Words<'_>, out: &mut Vec<u8>) -> Read<()> {
    let mut params: Vec<(u16, Vec<u8>)> = Vec::new();
    while !words.is_empty() {
        if words.peek_quoted() {
            return Err("a key cannot stand in quotes");
        }
        let word = words.next_octets().unwrap_or_default();
        let equals = word.iter().position(|octet| *octet == b'=');
        let (name, value) = word
            .split_at_checked(equals.unwrap_or(word.len()))
            .unwrap_or_default();
        let mut value = value.get(1..).unwrap_or_default();
        if equals.is_some() && value.is_empty() && words.peek_joined() && words.peek_quoted() {
            value = words.next_octets().unwrap_or_default();
        }
        if words.peek_joined() {
            return Err("no blank after the value");
        }
        let key = read_key(name).ok_or("not a key of service parameters")?;
        let mut wire = Vec::new();
        read_value(value_of(key), value, &mut wire)?;
        params.push((key, wire));
    }
    params.sort_by_key(|(key, _)| *key);
    if params
        .windows(2)
        .any(|pair| matches!(pair, [(a, _), (b, _)] if a == b))
    {
        return Err("a key stands twice");
    }
    for (key, wire) in params {
        let length = u16::try_from(wire.len()).map_err(|_| "the value is too long")?;
        out.extend_from_slice(&key.to_be_bytes());
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&wire);
    }
    Ok(())
}

fn read_value(kind: Value, text: &[u8], out: &mut Vec<u8>) -> Read<()> {
    let items = || text.split(|octet| *octet == b',');
    match kind {
        Value::Keys => {
            let keys = items().map(read_key).collect::<Option<Vec<u16>>>();
            let mut keys = keys.ok_or("not a list of keys")?;
            keys.sort_unstable();
            out.extend(keys.into_iter().flat_map(u16::to_be_bytes));
            Ok(())
        }
        Value::Protocols => read_protocols(text, out),
        Value::Nothing if text.is_empty() => Ok(()),
        Value::Nothing => Err("this key has no value"),
        Value::Port => {
            let port = read_number(text).and_then(|number| u16::try_from(number).ok());
            out.extend_from_slice(&port.ok_or("not a port")?.to_be_bytes());
            Ok(())
        }
        Value::Ipv4s => items().try_for_each(|item| {
            let address = std::str::from_utf8(item)
                .unwrap_or_default()
                .parse::<Ipv4Addr>();
            out.extend_from_slice(&address.map_err(|_| "not an IPv4 address")?.octets());
            Ok(())
        }),
        Value::Ipv6s => items().try_for_each(|item| {
            let address = std::str::from_utf8(item)
                .unwrap_or_default()
                .parse::<Ipv6Addr>();
            out.extend_from_slice(&address.map_err(|_| "not an IPv6 address")?.octets());
            Ok(())
        }),
        Value::Base64 => codec::read_base64([text], out)
            .then_some(())
            .ok_or("not base 64"),
        Value::Octets => unescape(text, |octet| out.push(octet)),
    }
}

/// A list of protocols; a comma or backslash in one is escaped once more (RFC 9460 appendix A.1).
fn read_protocols(text: &[u8], out: &mut Vec<u8>) -> Read<()> {
    let mut octets = Vec::new();
    unescape(text, |octet| octets.push(octet))?;
    if octets.is_empty() {
        return Ok(());
    }
    let mut protocol = Vec::new();
    let mut rest = octets.iter().copied();
    loop {
        let octet = rest.next();
        match octet {
            Some(b'\\') => match rest.next() {
                Some(escaped @ (b'\\' | b',')) => protocol.push(escaped),
                _ => return Err("bad escape in a list of protocols"),
            },
            Some(b',') | None => {
                if protocol.is_empty() {
                    return Err("a protocol without a name");
                }
                let length = u8::try_from(protocol.len());
                out.push(length.map_err(|_| "a protocol's name is longer than 255 octets")?);
                out.append(&mut protocol);
            }
            Some(plain) => protocol.push(plain),
        }
        if octet.is_none() {
            return Ok(());
        }
    }
}

/// Splits one parameter off the front of `wire`.
fn split_param(wire: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (&[key_high, key_low, high, low], rest) = wire.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (value, rest) = rest.split_at_checked(length)?;
    Some((u16::from_be_bytes([key_high, key_low]), value, rest))
}

/// Whether `wire` holds parameters, each key greater than the one before.
pub(super) fn are_params(mut wire: &[u8]) -> bool {
    let mut last = None;
    while !wire.is_empty() {
        let Some((key, value, rest)) = split_param(wire) else {
            return false;
        };
        if last.is_some_and(|last| last >= key) || !is_value(value_of(key), value) {
            return false;
        }
        (last, wire) = (Some(key), rest);
    }
    true
}

fn is_value(kind: Value, value: &[u8]) -> bool {
    match kind {
        Value::Keys => value.len().is_multiple_of(2),
        Value::Protocols => split_protocols(value).is_some(),
        Value::Nothing => value.is_empty(),
        Value::Port => value.len() == 2,
        Value::Ipv4s => !value.is_empty() && value.len().is_multiple_of(4),
        Value::Ipv6s => !value.is_empty() && value.len().is_multiple_of(16),
        Value::Base64 | Value::Octets => true,
    }
}

fn split_protocols(mut value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut protocols = Vec::new();
    while let Some((length, rest)) = value.split_first() {
        let (protocol, rest) = rest.split_at_checked(usize::from(*length))?;
        if protocol.is_empty() {
            return None;
        }
        protocols.push(protocol);
        value = rest;
    }
    Some(protocols)
}

/// Prints checked parameters.
pub(super) fn print_params(wire: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = wire;
    while let Some((key, value, tail)) = split_param(rest) {
        if rest.len() != wire.len() {
            f.write_char(' ')?;
        }
        print_key(key, f)?;
        f.write_str("=\"")?;
        print_value(value_of(key), value, f)?;
        f.write_char('"')?;
        rest = tail;
    }
    Ok(())
}

fn print_key(key: u16, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match KEYS.iter().find(|(number, ..)| *number == key) {
        Some((_, name, _)) => f.write_str(name),
        None => write!(f, "key{key}"),
    }
}

fn print_value(kind: Value, value: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let word = |octets: &[u8]| {
        octets
            .iter()
            .fold(0u16, |word, o| word << 8 | u16::from(*o))
    };
    match kind {
        Value::Keys => print_items(value.chunks(2), f, |key, f| print_key(word(key), f)),
        Value::Protocols => {
            let protocols = split_protocols(value).unwrap_or_default();
            print_items(protocols.into_iter(), f, |protocol, f| {
                protocol.iter().try_for_each(|octet| match octet {
                    b',' => f.write_str("\\\\\\044"),
                    b'\\' => f.write_str("\\\\\\092"),
                    other => print_octet(*other, f),
                })
            })
        }
        Value::Nothing => Ok(()),
        Value::Port => write!(f, "{}", word(value)),
        Value::Ipv4s => print_items(value.chunks(4), f, |address, f| {
            write!(
                f,
                "{}",
                Ipv4Addr::from(<[u8; 4]>::try_from(address).unwrap_or_default())
            )
        }),
        Value::Ipv6s => print_items(value.chunks(16), f, |address, f| {
            write!(f, "{}", ipv6(address))
        }),
        Value::Base64 => f.write_str(&codec::base64(value)),
        Value::Octets => value.iter().try_for_each(|octet| match octet {
            b'\\' => f.write_str("\\\\"),
            other => print_octet(*other, f),
        }),
    }
}

fn print_items<'v>(
    items: impl Iterator<Item = &'v [u8]>,
    f: &mut fmt::Formatter<'_>,
    print: impl Fn(&[u8], &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    for (place, item) in items.enumerate() {
        if place > 0 {
            f.write_char(',')?;
        }
        print(item, f)?;
    }
    Ok(())
}

fn print_octet(octet: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match octet {
        b'"' | b';' | b' ' => write!(f, "\\{}", char::from(octet)),
        b'!'..=b'~' => f.write_char(char::from(octet)),
        other => write!(f, "\\{other:03}"),
    }
}
