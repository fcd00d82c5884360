//! Ranges of addresses that are handed out one after another.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range, such as `240.240.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    /// How many addresses there are, less one.
    last: u128,
}

/// A text that is no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ADDRESS/LENGTH is expected, without bits behind the length")]
pub struct RangeError;

/// What Istio hands out.
pub const V4: Range = Range {
    first: IpAddr::V4(Ipv4Addr::new(240, 240, 0, 0)),
    last: 0xffff,
};
/// What Istio hands out.
pub const V6: Range = Range {
    first: IpAddr::V6(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0)),
    last: (1 << 80) - 1,
};

impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Range, RangeError> {
        let (first, length) = text.split_once('/').ok_or(RangeError)?;
        let first: IpAddr = first.parse().map_err(|_| RangeError)?;
        let length: u32 = length.parse().map_err(|_| RangeError)?;
        let bits = if first.is_ipv4() { 32 } else { 128 };
        let free = bits_below(bits, length).ok_or(RangeError)?;
        let last = u128::MAX.checked_shr(128 - free).unwrap_or(0);
        match number(first) & last {
            0 => Ok(Range { first, last }),
            _ => Err(RangeError),
        }
    }
}

fn bits_below(bits: u32, length: u32) -> Option<u32> {
    // A range of one address has none to hand out.
    bits.checked_sub(length).filter(|free| *free > 0)
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.is_v4() { 32 } else { 128 };
        write!(f, "{}/{}", self.first, bits - self.last.count_ones())
    }
}

impl Range {
    /// Whether it is a range of IPv4.
    pub fn is_v4(&self) -> bool {
        self.first.is_ipv4()
    }

    /// The place of `address` in it.
    fn place(&self, address: IpAddr) -> Option<u128> {
        if address.is_ipv4() != self.is_v4() {
            return None;
        }
        let place = number(address).checked_sub(number(self.first))?;
        (place <= self.last).then_some(place)
    }

    fn at(&self, place: u128) -> IpAddr {
        let number = number(self.first) | place;
        match self.first {
            IpAddr::V4(_) => Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX)).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(number).into(),
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// A range with what of it is in use.
#[derive(Debug)]
pub(crate) struct Pool {
    range: Range,
    used: HashSet<u128>,
    /// The place to look at next.
    next: u128,
}

impl Pool {
    pub fn new(range: Range) -> Pool {
        Pool {
            range,
            used: HashSet::new(),
            next: 1,
        }
    }

    /// The range.
    pub fn range(&self) -> Range {
        self.range
    }

    /// Whether its addresses are of IPv4.
    pub fn is_v4(&self) -> bool {
        self.range.is_v4()
    }

    /// Notes that an address is in use; others than its own do not matter.
    pub fn mark(&mut self, address: IpAddr) {
        if let Some(place) = self.range.place(address) {
            self.used.insert(place);
        }
    }

    /// Gives an address back; it is the next one handed out if it stands before that.
    pub fn free(&mut self, address: IpAddr) {
        if let Some(place) = self.range.place(address)
            && self.used.remove(&place)
        {
            self.next = self.next.min(place.max(1));
        }
    }

    /// The next free address; the first of the range is never handed out.
    pub fn take(&mut self) -> Option<IpAddr> {
        let above = (self.next..=self.range.last).find(|place| !self.used.contains(place));
        let place = above.or_else(|| (1..self.next).find(|place| !self.used.contains(place)))?;
        self.used.insert(place);
        self.next = place + 1;
        Some(self.range.at(place))
    }

    /// Forgets what is in use, to be told anew.
    pub fn clear(&mut self) {
        self.used.clear();
    }

    /// How many are in use.
    pub fn used(&self) -> usize {
        self.used.len()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::net::IpAddr;

    use super::{Pool, Range, RangeError, V4, V6};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!("240.240.0.0/16".parse(), Ok(V4));
        assert_eq!("2001:2::/48".parse(), Ok(V6));
        assert_eq!(format!("{V4} {V6}"), "240.240.0.0/16 2001:2::/48");
        assert!("::/0".parse::<Range>().is_ok());
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.1/8",
            "10.0.0.0/32",
            "10.0.0.0/33",
            "x/8",
        ] {
            assert_eq!(text.parse::<Range>(), Err(RangeError), "{text}");
        }
    }

    #[test]
    fn addresses_are_handed_out_in_order_and_around_once() {
        let mut pool = Pool::new("10.0.0.0/29".parse().unwrap());
        pool.mark(ip("10.0.0.2"));
        pool.mark(ip("192.0.2.1"));
        let all: Vec<IpAddr> = std::iter::from_fn(|| pool.take()).collect();
        let expected = [
            "10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7",
        ];
        assert_eq!(all, expected.map(ip));
        assert_eq!(pool.used(), 7);
        pool.free(ip("10.0.0.5"));
        pool.free(ip("10.0.0.3"));
        assert_eq!(pool.take(), Some(ip("10.0.0.3")));
        assert_eq!(pool.take(), Some(ip("10.0.0.5")));
        assert_eq!(pool.take(), None);
    }

    #[test]
    fn first_address_of_a_wide_range_is_the_second() {
        assert_eq!(Pool::new(V6).take(), Some(ip("2001:2::1")));
        assert_eq!(Pool::new("::/0".parse().unwrap()).take(), Some(ip("::1")));
    }
}
