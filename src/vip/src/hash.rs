//! The addresses that a hash gives: the same everywhere, and nobody writes them down.
//!
//! It is how Istio did it before it wrote addresses into the status of entries
//! (`PILOT_ENABLE_IP_AUTOALLOCATE=false`).

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Places for hosts.
const PLACES: u32 = 256 * 254;
/// What a second place is counted in.
const STEPS: u32 = PLACES - 1;
/// A prime below that, for the way to a second place.
const PRIME: u32 = 65011;
/// Numbers that share the third octet of an address.
const ROW: u32 = 255;
/// Tries to find a free place; nearly full, some cannot be reached at all.
const TRIES_MAX: u32 = 1 << 16;

/// A host in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key<'k> {
    /// The namespace.
    pub namespace: &'k str,
    /// The host.
    pub host: &'k str,
}

/// The addresses of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// In `240.240.0.0/16`.
    pub v4: Ipv4Addr,
    /// In `2001:2::f0f0:0/112`.
    pub v6: Ipv6Addr,
}

/// The addresses of `keys`, one for each; a key that comes again has the same ones again.
///
/// The order of keys matters where two want one place: the first has it. Keys that find no
/// place have no addresses.
pub fn assign(keys: &[Key<'_>]) -> Vec<Option<Pair>> {
    let mut places: HashMap<u32, usize> = HashMap::new();
    for (at, key) in keys.iter().enumerate() {
        if let Some(place) = free_place(hash(key), |place| places.contains_key(&place)) {
            places.insert(place, at);
        }
    }
    let mut numbers = vec![None; keys.len()];
    let mut known: HashMap<Key<'_>, u32> = HashMap::new();
    let mut number = 0;
    for place in 0..PLACES {
        number += 1;
        let Some((at, key)) = places
            .get(&place)
            .and_then(|at| Some((*at, *keys.get(*at)?)))
        else {
            continue;
        };
        if number % ROW == 0 {
            // No address ends in 255, and none in 0.
            number += 1;
        }
        if let Some(own) = numbers.get_mut(at) {
            *own = Some(*known.entry(key).or_insert(number));
        }
    }
    let groups = groups(known.into_values().collect());
    let pair = |number| Pair {
        v4: v4(number),
        v6: v6(groups.get(&number).copied().unwrap_or_default()),
    };
    numbers.into_iter().map(|own| own.map(pair)).collect()
}

fn free_place(hash: u32, is_taken: impl Fn(u32) -> bool) -> Option<u32> {
    let first = hash % PLACES;
    if !is_taken(first) {
        return Some(first);
    }
    let step = PRIME - hash % PRIME;
    let place = |n: u32| hash.wrapping_add(step.wrapping_mul(n)) % STEPS;
    (1..TRIES_MAX).map(place).find(|place| !is_taken(*place))
}

/// FNV-1a over `NAMESPACE/HOST`.
fn hash(key: &Key<'_>) -> u32 {
    let octets = [key.namespace, "/", key.host];
    let octets = octets.iter().flat_map(|text| text.bytes());
    octets.fold(0x811c_9dc5, |hash: u32, octet| {
        (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193)
    })
}

fn octets(number: u32) -> (u8, u8) {
    let octet = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
    (octet(number / ROW), octet(number % ROW))
}

fn v4(number: u32) -> Ipv4Addr {
    let (third, fourth) = octets(number);
    Ipv4Addr::new(240, 240, third, fourth)
}

/// The last octets of the IPv4 address, as a group of the IPv6 one.
fn tail(number: u32) -> u16 {
    let (third, fourth) = octets(number);
    u16::from_be_bytes([third, fourth])
}

/// Whether Istio writes the last octet with one digit, so that `15.2` is `f2` and not `f02`.
fn is_short(number: u32) -> bool {
    let (third, fourth) = octets(number);
    third > 0 && fourth < 16
}

/// The last group of each number's IPv6 address: as Istio writes it, unless another has that
/// already; there two hosts would have one address.
fn groups(mut numbers: Vec<u32>) -> HashMap<u32, u16> {
    numbers.sort_by_key(|number| (is_short(*number), *number));
    let mut used = HashSet::new();
    let mut groups = HashMap::new();
    for number in numbers {
        let (third, fourth) = octets(number);
        let short = u16::from(third) << 4 | u16::from(fourth);
        let first = is_short(number).then_some(short);
        let free = (tail(number)..=u16::MAX).find(|group| !used.contains(group));
        let group = first.filter(|group| !used.contains(group)).or(free);
        if let Some(group) = group {
            used.insert(group);
            groups.insert(number, group);
        }
    }
    groups
}

fn v6(group: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0xf0f0, group)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Key, assign};

    fn key<'k>(namespace: &'k str, host: &'k str) -> Key<'k> {
        Key { namespace, host }
    }

    fn addresses(keys: &[Key<'_>]) -> Vec<String> {
        let pairs = assign(keys).into_iter().map(Option::unwrap);
        pairs
            .map(|pair| format!("{} {}", pair.v4, pair.v6))
            .collect()
    }

    #[test]
    fn hosts_have_the_addresses_that_istio_gives_them() {
        for (namespace, host, expected) in [
            ("", "a.com", "240.240.109.8 2001:2::f0f0:6d8"),
            ("", "c.com", "240.240.234.51 2001:2::f0f0:ea33"),
            ("", "e.com", "240.240.85.60 2001:2::f0f0:553c"),
            ("", "i.com", "240.240.15.2 2001:2::f0f0:f2"),
            ("default", "foo.com", "240.240.110.73 2001:2::f0f0:6e49"),
        ] {
            assert_eq!(addresses(&[key(namespace, host)]), [expected], "{host}");
        }
    }

    #[test]
    fn no_two_hosts_have_one_address_of_ipv6() {
        let numbers = [(253, 15), (15, 223)].map(|(third, fourth)| third * super::ROW + fourth);
        let groups = super::groups(numbers.to_vec());
        let all = numbers.map(|number| super::v6(groups[&number]).to_string());
        assert_eq!(all, ["2001:2::f0f0:fd0f", "2001:2::f0f0:fdf"]);
    }

    #[test]
    fn host_of_several_entries_has_one_address() {
        let keys = [key("a", "x.test"), key("b", "x.test"), key("a", "x.test")];
        let found = addresses(&keys);
        assert_eq!(found.first(), found.last());
        assert_ne!(found.first(), found.get(1));
    }

    #[test]
    fn ten_thousand_hosts_have_ten_thousand_addresses() {
        let hosts: Vec<String> = (0..10_000).map(|at| format!("host-{at}.test")).collect();
        let keys: Vec<Key<'_>> = hosts.iter().map(|host| key("mesh", host)).collect();
        let pairs: Vec<_> = assign(&keys).into_iter().map(Option::unwrap).collect();
        let v4: HashSet<_> = pairs.iter().map(|pair| pair.v4).collect();
        let v6: HashSet<_> = pairs.iter().map(|pair| pair.v6).collect();
        assert_eq!((v4.len(), v6.len()), (10_000, 10_000));
        let ends = |octet: u8| v4.iter().any(|v4| v4.octets().last() == Some(&octet));
        assert!(!ends(255) && !ends(0));
    }

    #[test]
    fn more_hosts_than_places_leave_some_without() {
        let hosts: Vec<String> = (0..66_000).map(|at| format!("h{at}.test")).collect();
        let keys: Vec<Key<'_>> = hosts.iter().map(|host| key("", host)).collect();
        let given = assign(&keys).iter().flatten().count();
        assert!((60_000..=65_024).contains(&given), "{given}");
    }
}
