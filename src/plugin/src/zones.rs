//! Zones as Corefiles write them: names, or networks that stand for their reverse zones.

use std::net::IpAddr;

use catena_dns::{Name, NameRef};

/// Networks of more reverse zones than this are refused.
const ZONES_MAX: u32 = 256;

/// The zones that `text` stands for, in lower case.
///
/// A scheme and a port are taken off, as CoreDNS does. A network such as `10.0.0.0/23` stands for
/// the reverse zones of its octets (nibbles for IPv6); `None` if `text` is no name at all.
pub fn parse(text: &str) -> Option<Vec<Name>> {
    let text = strip_scheme(text);
    if let Some(zones) = network(text) {
        return Some(zones);
    }
    let host = strip_port(text);
    if let Some(zones) = network(host) {
        return Some(zones);
    }
    let name: Name = host.parse().ok()?;
    Some(vec![name.view().to_lower()])
}

fn strip_scheme(text: &str) -> &str {
    let schemes = [
        "dns://",
        "tls://",
        "grpc://",
        "https://",
        "https3://",
        "quic://",
    ];
    schemes
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or(text)
}

fn strip_port(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => host,
        _ => text,
    }
}

/// The reverse zones of a network in CIDR form.
pub fn network(text: &str) -> Option<Vec<Name>> {
    let (address, bits) = text.split_once('/')?;
    let (address, bits) = (address.parse::<IpAddr>().ok()?, bits.parse::<u32>().ok()?);
    let (labels, step, suffix) = match address {
        IpAddr::V4(v4) => {
            let labels: Vec<u8> = v4.octets().into();
            (labels, 8, "in-addr.arpa.")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6
                .octets()
                .iter()
                .flat_map(|octet| [octet >> 4, octet & 15])
                .collect();
            (nibbles, 4, "ip6.arpa.")
        }
    };
    if bits > u32::try_from(labels.len()).ok()? * step {
        return None;
    }
    let whole = usize::try_from(bits / step).ok()?;
    let (count, first) = match bits % step {
        0 => (1, None),
        over => {
            let free = 1u32 << (step - over);
            (free, Some(u32::from(*labels.get(whole)?) & !(free - 1)))
        }
    };
    if count > ZONES_MAX {
        return None;
    }
    let print = |value: u32| {
        if step == 8 {
            value.to_string()
        } else {
            format!("{value:x}")
        }
    };
    let fixed: String = labels
        .get(..whole)?
        .iter()
        .rev()
        .map(|label| print(u32::from(*label)) + ".")
        .collect();
    (0..count)
        .map(|offset| {
            let own = first.map_or_else(String::new, |first| print(first + offset) + ".");
            format!("{own}{fixed}{suffix}").parse().ok()
        })
        .collect()
}

/// The longest of `zones` that `name` is in.
pub fn longest<'z>(zones: &'z [Name], name: NameRef<'_>) -> Option<&'z Name> {
    zones
        .iter()
        .filter(|zone| name.is_within(zone.view()))
        .max_by_key(|zone| zone.wire().len())
}

/// The zones a plugin may pass on: `fallthrough` with its zones, or without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fallthrough {
    /// The plugin has the last word.
    #[default]
    Never,
    /// Everything it does not know is passed on.
    Always,
    /// Only names in these zones are passed on.
    Zones(Vec<Name>),
}

impl Fallthrough {
    /// Whether a query for `name` may be passed on.
    pub fn allows(&self, name: NameRef<'_>) -> bool {
        match self {
            Fallthrough::Never => false,
            Fallthrough::Always => true,
            Fallthrough::Zones(zones) => zones.iter().any(|zone| name.is_within(zone.view())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    fn zones(text: &str) -> Vec<String> {
        super::parse(text)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn networks_stand_for_reverse_zones() {
        assert_eq!(zones("10.1.0.0/16"), ["1.10.in-addr.arpa."]);
        assert_eq!(
            zones("10.1.2.0/23"),
            ["2.1.10.in-addr.arpa.", "3.1.10.in-addr.arpa."]
        );
        assert_eq!(zones("2001:db8::/32"), ["8.b.d.0.1.0.0.2.ip6.arpa."]);
        assert_eq!(zones("0.0.0.0/0"), ["in-addr.arpa."]);
    }

    #[test]
    fn scheme_and_port_are_taken_off() {
        assert_eq!(zones("dns://Example.ORG:1053"), ["example.org."]);
        assert_eq!(zones("."), ["."]);
    }
}
