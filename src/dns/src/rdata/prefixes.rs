//! APL: lists of address prefixes (RFC 3123).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::time::read_number;

/// Appends the item `[!]family:address/prefix`; `None` if it is none.
pub(super) fn read_prefix(word: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let text = std::str::from_utf8(word).ok()?;
    let (family, network) = text.split_once(':')?;
    let (negation, family) = match family.strip_prefix('!') {
        Some(family) => (0x80, family),
        None => (0, family),
    };
    let (address, prefix) = network.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let prefix = usize::try_from(read_number(prefix.as_bytes())?).ok()?;
    let octets = match (address, family) {
        (IpAddr::V4(address), "1") => address.octets().to_vec(),
        (IpAddr::V6(address), "2") => address.octets().to_vec(),
        _ => return None,
    };
    let family = if octets.len() == 4 { 1 } else { 2 };
    if prefix > octets.len() * 8 || has_bits_after(&octets, prefix) {
        return None;
    }
    let last = octets.iter().rposition(|octet| *octet != 0);
    let length = last.map_or(0, |last| last + 1);
    let length_octet = negation | u8::try_from(length).ok()?;
    out.extend_from_slice(&[0, family, u8::try_from(prefix).ok()?, length_octet]);
    out.extend_from_slice(octets.get(..length)?);
    Some(())
}

fn has_bits_after(octets: &[u8], prefix: usize) -> bool {
    let set = |bit: usize| {
        octets
            .get(bit / 8)
            .is_some_and(|o| o & 0x80 >> (bit % 8) != 0)
    };
    (prefix..octets.len() * 8).any(set)
}

/// One item of a list.
pub(super) struct Prefix {
    negated: bool,
    address: IpAddr,
    length: u8,
}

/// Splits one item off the front of `wire`; `None` if there is none.
pub(super) fn split_prefix(wire: &[u8]) -> Option<(Prefix, &[u8])> {
    let ([0, family, length, count], rest) = wire.split_first_chunk::<4>()? else {
        return None;
    };
    let (octets, rest) = rest.split_at_checked(usize::from(count & 0x7f))?;
    let mut whole = [0u8; 16];
    let width = match family {
        1 => 4,
        2 => 16,
        _ => return None,
    };
    if octets.len() > width || usize::from(*length) > width * 8 || octets.last() == Some(&0) {
        return None;
    }
    whole
        .iter_mut()
        .zip(octets)
        .for_each(|(to, from)| *to = *from);
    let address = match whole {
        [a, b, c, d, ..] if width == 4 => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        octets => IpAddr::V6(Ipv6Addr::from(octets)),
    };
    let prefix = Prefix {
        negated: count & 0x80 != 0,
        address,
        length: *length,
    };
    Some((prefix, rest))
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.negated { "!" } else { "" };
        let family = if self.address.is_ipv4() { 1 } else { 2 };
        write!(f, "{mark}{family}:{}/{}", self.address, self.length)
    }
}
