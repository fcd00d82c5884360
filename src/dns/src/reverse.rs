//! The address that a name for reverse look-ups stands for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::NameRef;

/// The address of a whole name below `in-addr.arpa.` or `ip6.arpa.`, in lower case.
pub fn reverse_address(name: NameRef<'_>) -> Option<IpAddr> {
    let wire = name.wire();
    if let Some(front) = wire.strip_suffix(b"\x07in-addr\x04arpa\0") {
        return v4(front).map(IpAddr::V4);
    }
    let front = wire.strip_suffix(b"\x03ip6\x04arpa\0")?;
    v6(front).map(|v6| IpAddr::V6(v6).to_canonical())
}

/// Four labels, decimal, the last octet first.
fn v4(front: &[u8]) -> Option<Ipv4Addr> {
    let (mut octets, mut rest) = ([0u8; 4], front);
    for octet in octets.iter_mut().rev() {
        let (length, tail) = rest.split_first()?;
        let (label, tail) = tail.split_at_checked(usize::from(*length))?;
        // No sign, and no zero in front: Rust and Go agree on addresses, not on numbers.
        let is_plain = label.iter().all(u8::is_ascii_digit);
        if !is_plain || (label.len() > 1 && label.starts_with(b"0")) {
            return None;
        }
        *octet = std::str::from_utf8(label).ok()?.parse().ok()?;
        rest = tail;
    }
    rest.is_empty().then(|| Ipv4Addr::from(octets))
}

/// 32 labels of one hexadecimal digit, the last nibble first.
fn v6(front: &[u8]) -> Option<Ipv6Addr> {
    let (labels, []) = front.as_chunks::<2>() else {
        return None;
    };
    let mut bits = 0u128;
    for [length, digit] in labels.iter().rev() {
        let digit = char::from(*digit).to_digit(16).filter(|_| *length == 1)?;
        bits = bits << 4 | u128::from(digit);
    }
    (labels.len() == 32).then(|| Ipv6Addr::from_bits(bits))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    fn address(text: &str) -> Option<String> {
        let name: crate::Name = text.parse().unwrap();
        super::reverse_address(name.view()).map(|address| address.to_string())
    }

    #[test]
    fn only_whole_reverse_names_stand_for_addresses() {
        assert_eq!(address("1.2.0.192.in-addr.arpa.").unwrap(), "192.0.2.1");
        assert_eq!(address("01.2.0.192.in-addr.arpa."), None);
        assert_eq!(address("+1.2.0.192.in-addr.arpa."), None);
        assert_eq!(address("256.2.0.192.in-addr.arpa."), None);
        assert_eq!(address("2.0.192.in-addr.arpa."), None);
        assert_eq!(address("9.1.2.0.192.in-addr.arpa."), None);
        assert_eq!(address("example.org."), None);
        let zeros = "0.".repeat(23);
        let long = format!("1.{zeros}8.b.d.0.1.0.0.2.ip6.arpa.");
        assert_eq!(address(&long).unwrap(), "2001:db8::1");
        assert_eq!(address("8.b.d.0.1.0.0.2.ip6.arpa."), None);
        let zeros = "0.".repeat(20);
        let mapped = format!("1.0.2.0.0.0.0.c.f.f.f.f.{zeros}ip6.arpa.");
        assert_eq!(address(&mapped).unwrap(), "192.0.2.1");
    }
}
