//! The TO words of a directive: addresses, resolv.conf files and host names.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use catena_dns::Name;

/// How an upstream is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Plain DNS over UDP and TCP.
    Dns,
    /// DNS over TLS, RFC 7858.
    Tls,
    /// DNS over HTTPS, RFC 8484.
    Https,
}

impl Protocol {
    fn default_port(self) -> u16 {
        match self {
            Protocol::Dns => 53,
            Protocol::Tls => 853,
            Protocol::Https => 443,
        }
    }
}

/// An upstream: where it is and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its address and port, as metrics and logs show them.
    pub label: String,
    /// Its address and port.
    pub server: SocketAddr,
    /// How it is asked.
    pub protocol: Protocol,
    /// The name its certificate must have, as written after `%`.
    pub server_name: Option<String>,
}

/// What one TO word stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// These upstreams; none for a file without name servers.
    Targets(Vec<Target>),
    /// The upstreams that a look-up of the name gives.
    Host(Host),
}

/// A host name to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// The name.
    pub name: String,
    port: u16,
    protocol: Protocol,
    server_name: Option<String>,
}

impl Host {
    /// The upstream at one of its addresses.
    pub fn target(&self, address: IpAddr) -> Target {
        let server = SocketAddr::new(address, self.port);
        // A certificate is checked for the name that the operator wrote.
        let name = self.server_name.as_ref().unwrap_or(&self.name);
        let server_name = (self.protocol != Protocol::Dns).then(|| name.clone());
        Target {
            label: server.to_string(),
            server,
            protocol: self.protocol,
            server_name,
        }
    }
}

/// Schemes that CoreDNS knows, and what they mean here.
const SCHEMES: [(&str, Option<Protocol>); 7] = [
    ("dns", Some(Protocol::Dns)),
    ("tls", Some(Protocol::Tls)),
    ("https", Some(Protocol::Https)),
    ("https3", None),
    ("quic", None),
    ("grpc", None),
    ("unix", None),
];

/// Reads one TO word.
pub(crate) fn parse(text: &str) -> Result<To, String> {
    let (protocol, rest) = split_scheme(text)?;
    if rest.is_empty() {
        return Err(format!("invalid address: {text:?}"));
    }
    if protocol == Protocol::Https && rest.contains('/') {
        return Err(format!(
            "paths are not allowed in HTTPS upstream addresses \
             (the /dns-query path is used by default): {text}"
        ));
    }
    let (host, port) = match split_port(rest) {
        Some((host, port)) => (host, Some(port)),
        None => (rest.trim_matches(['[', ']']), None),
    };
    let (address, zone) = split_zone(host);
    if let Ok(address) = address.parse() {
        let port = parse_port(port, protocol, text)?;
        return target(address, port, protocol, zone).map(|one| To::Targets(vec![one]));
    }
    match read_servers(if port.is_some() { rest } else { host }, protocol) {
        Ok(targets) => Ok(To::Targets(targets)),
        Err(error) if address.contains('/') => {
            Err(format!("not an IP address or file {text:?}: {error}"))
        }
        Err(_) if address.is_empty() || address.parse::<Name>().is_err() => Err(format!(
            "not an IP address, file, or valid domain: {text:?}"
        )),
        Err(_) => Ok(To::Host(Host {
            name: address.to_owned(),
            port: parse_port(port, protocol, text)?,
            protocol,
            server_name: zone.map(str::to_owned),
        })),
    }
}

fn split_scheme(text: &str) -> Result<(Protocol, &str), String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Ok((Protocol::Dns, text));
    };
    match SCHEMES.iter().find(|(name, _)| *name == scheme) {
        None => Ok((Protocol::Dns, text)),
        Some((_, Some(protocol))) => Ok((*protocol, rest)),
        Some((name, None)) => Err(format!(
            "'{name}' is not supported as a destination protocol in forward: {text}"
        )),
    }
}

/// Splits `host:port` or `[host]:port`; `None` if there is no port.
fn split_port(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = inner.split_once(']')?;
            Some((host, rest.strip_prefix(':')?))
        }
        None => text
            .rsplit_once(':')
            .filter(|(host, _)| !host.contains(':')),
    }
}

fn split_zone(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once('%') {
        Some((address, zone)) => (address, Some(zone).filter(|zone| !zone.is_empty())),
        None => (host, None),
    }
}

fn parse_port(port: Option<&str>, protocol: Protocol, text: &str) -> Result<u16, String> {
    match port {
        None => Ok(protocol.default_port()),
        Some(port) => port
            .parse()
            .map_err(|_| format!("invalid port {port:?} in {text:?}")),
    }
}

/// An upstream whose address may have a zone: an interface for plain DNS, else a server name.
fn target(
    address: IpAddr,
    port: u16,
    protocol: Protocol,
    zone: Option<&str>,
) -> Result<Target, String> {
    let label = SocketAddr::new(address, port).to_string();
    let server = match (address, zone) {
        (IpAddr::V6(address), Some(zone)) if protocol == Protocol::Dns => {
            let scope = interface_index(zone).unwrap_or(0);
            SocketAddr::V6(SocketAddrV6::new(address, port, 0, scope))
        }
        _ => SocketAddr::new(address, port),
    };
    let name = zone.filter(|_| protocol != Protocol::Dns);
    Ok(Target {
        label,
        server,
        protocol,
        server_name: name.map(str::to_owned),
    })
}

/// The number of a network interface, for link-local addresses.
fn interface_index(zone: &str) -> Option<u32> {
    if let Ok(number) = zone.parse() {
        return Some(number);
    }
    if zone.contains(['/', '.']) {
        return None;
    }
    let path = format!("/sys/class/net/{zone}/ifindex");
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The name servers in a file such as `/etc/resolv.conf`.
fn read_servers(path: &str, protocol: Protocol) -> std::io::Result<Vec<Target>> {
    let text = std::fs::read_to_string(path)?;
    Ok(name_servers(&text, protocol))
}

fn name_servers(text: &str, protocol: Protocol) -> Vec<Target> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver"))
            .then(|| words.next())
            .flatten()
    });
    let targets = servers.filter_map(|server| {
        let (address, zone) = split_zone(server);
        target(
            address.parse().ok()?,
            protocol.default_port(),
            protocol,
            zone,
        )
        .ok()
    });
    targets.collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    fn one(text: &str) -> Target {
        match parse(text).unwrap() {
            To::Targets(mut targets) if targets.len() == 1 => targets.remove(0),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn addresses_get_the_port_of_their_protocol() {
        for (text, label) in [
            ("127.0.0.1", "127.0.0.1:53"),
            ("127.0.0.1:5353", "127.0.0.1:5353"),
            ("dns://127.0.0.1", "127.0.0.1:53"),
            ("tls://127.0.0.1", "127.0.0.1:853"),
            ("https://127.0.0.1", "127.0.0.1:443"),
            ("::1", "[::1]:53"),
            ("[::1]", "[::1]:53"),
            ("[::1]:5353", "[::1]:5353"),
            ("tls://[::1]:1853", "[::1]:1853"),
            ("[fe80::1%lo]:53", "[fe80::1]:53"),
        ] {
            assert_eq!(one(text).label, label, "{text}");
        }
    }

    #[test]
    fn names_after_a_percent_sign_are_server_names_for_tls_and_interfaces_for_dns() {
        let quad9 = one("tls://9.9.9.9%dns.quad9.net:10853");
        assert_eq!(quad9.label, "9.9.9.9:10853");
        assert_eq!(quad9.server_name.as_deref(), Some("dns.quad9.net"));
        let local = one("fe80::1%7");
        assert_eq!(local.server_name, None);
        let SocketAddr::V6(server) = local.server else {
            panic!("{local:?}")
        };
        assert_eq!(server.scope_id(), 7);
    }

    #[test]
    fn host_names_are_left_to_a_look_up() {
        let To::Host(host) = parse("tls://dns.example.org:1853").unwrap() else {
            panic!()
        };
        assert_eq!(host.name, "dns.example.org");
        let target = host.target("192.0.2.1".parse().unwrap());
        assert_eq!(target.label, "192.0.2.1:1853");
        assert_eq!(target.server_name.as_deref(), Some("dns.example.org"));
    }

    #[test]
    fn what_cannot_be_asked_is_refused_in_known_words() {
        for (text, words) in [
            ("tls://", "invalid address: \"tls://\""),
            (
                "quic://127.0.0.1:1",
                "'quic' is not supported as a destination protocol in forward",
            ),
            (
                "https://127.0.0.1/resolve",
                "paths are not allowed in HTTPS upstream addresses",
            ),
            ("/no/such/file", "not an IP address or file"),
            ("bad..name", "not an IP address, file, or valid domain"),
            ("127.0.0.1:dns", "invalid port"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn name_servers_of_a_file_are_read_and_the_rest_is_skipped() {
        let text = "# comment\nsearch corp.test\nnameserver 127.0.0.1\n nameserver ::1\n\
                    nameserver x\n#nameserver 1.1.1.1\n";
        let labels: Vec<_> = name_servers(text, Protocol::Dns)
            .into_iter()
            .map(|one| one.label)
            .collect();
        assert_eq!(labels, ["127.0.0.1:53", "[::1]:53"]);
    }
}
