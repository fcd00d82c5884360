//! Networks in CIDR form, one or a set of them.

use std::net::IpAddr;

/// A network of one address family; IPv4-mapped addresses are IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    is_v4: bool,
    first: u128,
    last: u128,
}

/// The number of an address, and whether it is IPv4.
fn number(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    }
}

impl Network {
    /// All of IPv4.
    pub const V4: Network = Network {
        is_v4: true,
        first: 0,
        last: 0xffff_ffff,
    };
    /// All of IPv6.
    pub const V6: Network = Network {
        is_v4: false,
        first: 0,
        last: u128::MAX,
    };

    /// Reads a network such as `192.0.2.0/24`; bits beyond the prefix do not count.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, length) = text.split_once('/')?;
        let address = address.parse::<IpAddr>().ok()?;
        let (base, is_v4) = match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), true),
            IpAddr::V6(v6) => (v6.to_bits(), false),
        };
        let is_number = !length.is_empty() && length.bytes().all(|c| c.is_ascii_digit());
        let length: u32 = length.parse().ok().filter(|_| is_number)?;
        let width: u32 = if is_v4 { 32 } else { 128 };
        let hosts = match width.checked_sub(length)? {
            128 => u128::MAX,
            bits => (1 << bits) - 1,
        };
        Some(Network {
            is_v4,
            first: base & !hosts,
            last: base | hosts,
        })
    }

    /// The network that has only `address` in it.
    pub fn host(address: IpAddr) -> Network {
        let (first, is_v4) = number(address);
        Network {
            is_v4,
            first,
            last: first,
        }
    }

    /// Whether `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (number, is_v4) = number(address);
        is_v4 == self.is_v4 && (self.first..=self.last).contains(&number)
    }
}

/// A set of networks, asked by binary search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// First and last addresses, ascending, apart from each other.
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            let ranges = if network.is_v4 { &mut v4 } else { &mut v6 };
            ranges.push((network.first, network.last));
        }
        let narrow = |number: u128| u32::try_from(number).unwrap_or(u32::MAX);
        let v4 = joined(v4).into_iter();
        Networks {
            v4: v4
                .map(|(first, last)| (narrow(first), narrow(last)))
                .collect(),
            v6: joined(v6),
        }
    }
}

/// `ranges` in order, with those that touch made one.
fn joined(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

impl Networks {
    /// Whether `address` is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => is_within(&self.v4, address.to_bits()),
            IpAddr::V6(address) => is_within(&self.v6, address.to_bits()),
        }
    }
}

fn is_within<T: Ord + Copy>(ranges: &[(T, T)], number: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= number);
    let range = after.checked_sub(1).and_then(|at| ranges.get(at));
    range.is_some_and(|(_, last)| number <= *last)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Network, Networks};

    #[test]
    fn a_network_has_the_addresses_that_share_its_bits() {
        for (network, inside, outside) in [
            ("192.0.2.77/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.1/32", "192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
            ("::/0", "ff00::", "0.0.0.0"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.0.0.0"),
        ] {
            let network = Network::parse(network).unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{outside}");
        }
        for bad in [
            "10.0.0.0",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "x/8",
            "1/",
        ] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_set_has_what_one_of_its_networks_has() {
        let texts = [
            "10.0.0.0/9",
            "10.128.0.0/9",
            "10.1.0.0/16",
            "192.0.2.4/30",
            "2001:db8::/32",
            "255.0.0.0/8",
        ];
        let networks: Vec<Network> = texts.iter().filter_map(|t| Network::parse(t)).collect();
        let set: Networks = networks.iter().copied().collect();
        assert_eq!(set.v4.len(), 3);
        for address in [
            "10.0.0.0",
            "10.255.255.255",
            "11.0.0.0",
            "9.255.255.255",
            "192.0.2.3",
            "192.0.2.7",
            "255.255.255.255",
            "2001:db8::1",
            "2001:db9::",
            "::ffff:10.0.0.1",
        ] {
            let address = address.parse().unwrap();
            let expected = networks.iter().any(|network| network.contains(address));
            assert_eq!(set.contain(address), expected, "{address}");
        }
        assert!(!Networks::default().contain("::1".parse().unwrap()));
    }
}
