//! The addresses that a hash gives: the same everywhere, and nobody writes them down.
//!
//! It is how Istio did it before it wrote addresses into the status of entries
//! (`PILOT_ENABLE_IP_AUTOALLOCATE=false`).

use std::collections::HashMap;
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
    let mut pairs = vec![None; keys.len()];
    let mut known: HashMap<Key<'_>, Pair> = HashMap::new();
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
        let pair = *known.entry(key).or_insert_with(|| pair(number));
        if let Some(place) = pairs.get_mut(at) {
            *place = Some(pair);
        }
    }
    pairs
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

fn pair(number: u32) -> Pair {
    let octet = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
    let (third, fourth) = (octet(number / ROW), octet(number % ROW));
    let tail = u16::from_be_bytes([third, fourth]);
    Pair {
        v4: Ipv4Addr::new(240, 240, third, fourth),
        v6: Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0xf0f0, tail),
    }
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
            ("", "a.com", "240.240.109.8 2001:2::f0f0:6d08"),
            ("", "c.com", "240.240.234.51 2001:2::f0f0:ea33"),
            ("", "e.com", "240.240.85.60 2001:2::f0f0:553c"),
            ("", "i.com", "240.240.15.2 2001:2::f0f0:f02"),
            ("default", "foo.com", "240.240.110.73 2001:2::f0f0:6e49"),
        ] {
            assert_eq!(addresses(&[key(namespace, host)]), [expected], "{host}");
        }
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
