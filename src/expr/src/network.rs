//! Networks in CIDR form, as `incidr` takes them.

use std::net::IpAddr;

/// A network of one address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    is_v4: bool,
    base: u128,
    mask: u128,
}

/// The bits of an address, at the low end, and whether it is IPv4.
fn bits(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    }
}

impl Network {
    /// Reads a network such as `192.0.2.0/24`; bits beyond the prefix do not count.
    pub(crate) fn parse(text: &str) -> Option<Network> {
        let (address, length) = text.split_once('/')?;
        let (base, is_v4) = bits(address.parse().ok()?);
        let length: u32 = length.parse().ok()?;
        let width: u32 = if is_v4 { 32 } else { 128 };
        let host = width.checked_sub(length)?;
        let mask = u128::MAX.checked_shl(host).unwrap_or(0);
        Some(Network {
            is_v4,
            base: base & mask,
            mask,
        })
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (bits, is_v4) = bits(address);
        is_v4 == self.is_v4 && bits & self.mask == self.base
    }
}
