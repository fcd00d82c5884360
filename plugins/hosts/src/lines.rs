//! Lines of a hosts file: an address, then its names; `#` opens a comment.

use std::net::IpAddr;

use catena_dns::{Name, NameRef};

/// What is in a line, or nothing if it says nothing.
pub(crate) fn read(line: &[u8]) -> Option<(IpAddr, impl Iterator<Item = Name>)> {
    let line = line.split(|octet| *octet == b'#').next().unwrap_or(line);
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let address = address(words.next()?)?;
    // What is no domain name is left out, and the other names of the line stay.
    let names = words.filter_map(|word| Name::parse_octets(word, NameRef::ROOT).ok());
    Some((address, names))
}

/// Reads an address; the zone of a scoped one is left out.
fn address(word: &[u8]) -> Option<IpAddr> {
    let word = word.split(|octet| *octet == b'%').next().unwrap_or(word);
    let address: IpAddr = std::str::from_utf8(word).ok()?.parse().ok()?;
    Some(address.to_canonical())
}
