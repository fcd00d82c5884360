//! Networks in CIDR form.

use std::net::IpAddr;

/// A network; addresses inside share its leading bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    base: u128,
    mask: u128,
}

/// IPv4 addresses stand among the IPv6 ones as IPv4-mapped addresses.
const V4_BITS: u32 = 96;

impl Subnet {
    pub fn parse(text: &str) -> Option<Subnet> {
        let (address, bits) = text.split_once('/')?;
        let (address, bits) = (address.parse::<IpAddr>().ok()?, bits.parse::<u32>().ok()?);
        let bits = match address {
            IpAddr::V4(_) if bits <= 32 => V4_BITS + bits,
            IpAddr::V6(_) if bits <= 128 => bits,
            _ => return None,
        };
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        let base = number(address) & mask;
        Some(Subnet { base, mask })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        number(address) & self.mask == self.base
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
