//! What the older istio-coredns-plugin makes of an entry: the rules of Istio 1.1.

use std::net::{IpAddr, Ipv4Addr};

use super::Legacy;
use super::istio::RawEntry;

/// What an entry is to the older plugin.
pub(super) fn of(spec: &RawEntry) -> Legacy {
    if !is_valid(spec) || spec.resolution() == "NONE" {
        return Legacy::Skipped;
    }
    let given = spec.addresses.as_deref().unwrap_or_default();
    if given.is_empty() {
        return Legacy::Default;
    }
    // Networks are dropped, those of one address too.
    let list = given.iter().filter_map(|text| ipv4(text));
    Legacy::At(list.map(IpAddr::V4).collect())
}

fn is_valid(spec: &RawEntry) -> bool {
    let hosts = spec.hosts.as_deref().unwrap_or_default();
    let has_wildcard = hosts.iter().any(|host| host.contains('*'));
    let endpoints = spec.endpoints.as_deref().unwrap_or_default();
    let fits = match spec.resolution() {
        "NONE" => endpoints.is_empty(),
        "STATIC" => {
            let is_address = |text: &str| ipv4(text).is_some() || text.starts_with("unix://");
            !endpoints.is_empty() && endpoints.iter().all(|at| is_address(at.address()))
        }
        "DNS" => {
            !endpoints.is_empty() && endpoints.iter().all(|at| is_host(at.address()))
                || endpoints.is_empty() && !has_wildcard
        }
        _ => false,
    };
    fits && !hosts.is_empty()
        && hosts
            .iter()
            .all(|host| is_host(host.strip_prefix("*.").unwrap_or(host)))
        && hosts.iter().all(|host| host.contains('.'))
        && has_valid_addresses(spec)
        && has_valid_ports(spec, hosts.len() > 1)
}

fn has_valid_addresses(spec: &RawEntry) -> bool {
    let mut addresses = spec.addresses.iter().flatten();
    addresses.all(|text| match text.split_once('/') {
        None => ipv4(text).is_some(),
        Some((address, bits)) => {
            let bits: Result<u8, _> = bits.parse();
            let is_network = ipv4(address).is_some() && bits.is_ok_and(|bits| bits <= 32);
            is_network && spec.resolution() != "DNS"
        }
    })
}

fn has_valid_ports(spec: &RawEntry, has_many_hosts: bool) -> bool {
    const SHARED: [&str; 6] = ["HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTPS", "TLS"];
    let ports = spec.ports.as_deref().unwrap_or_default();
    let is_shared = |protocol: &str| {
        let mut shared = SHARED.iter();
        shared.any(|known| known.eq_ignore_ascii_case(protocol))
    };
    let mut names: Vec<&str> = ports.iter().map(|port| port.name()).collect();
    let mut numbers: Vec<u32> = ports.iter().map(|port| port.number).collect();
    names.sort_unstable();
    names.dedup();
    numbers.sort_unstable();
    numbers.dedup();
    names.len() == ports.len()
        && numbers.len() == ports.len()
        && ports
            .iter()
            .all(|port| !port.name().is_empty() && port.number <= 65_535)
        && (!has_many_hosts
            || spec.resolution() == "NONE"
            || ports.iter().all(|port| is_shared(port.protocol())))
}

/// A name by the rules of Go's Kubernetes libraries, `*` in labels allowed.
fn is_host(text: &str) -> bool {
    let is_octet = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'*');
    !text.is_empty()
        && text.len() <= 255
        && text
            .split('.')
            .all(|label| !label.is_empty() && label.len() <= 63 && label.bytes().all(is_octet))
}

/// An IPv4 address; also one in IPv6 form.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    match text.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}
