//! Keys of server blocks: transport, zones and port, and that no two blocks claim the same.

use std::collections::HashMap;
use std::fmt;

use catena_corefile::{Diagnostic, Sources, Span, Token};
use catena_dns::Name;
use catena_plugin::zones;

/// How a server block is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Plain DNS over UDP and TCP.
    Dns,
    /// DNS over TLS, RFC 7858.
    Tls,
    /// DNS over QUIC, RFC 9250.
    Quic,
    /// DNS messages in gRPC calls.
    Grpc,
    /// DNS over HTTPS, RFC 8484.
    Https,
    /// DNS over HTTP/3.
    Https3,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Scheme; 6] = [
        Scheme::Dns,
        Scheme::Tls,
        Scheme::Quic,
        Scheme::Grpc,
        Scheme::Https,
        Scheme::Https3,
    ];

    /// What stands before `://`.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Dns => "dns",
            Scheme::Tls => "tls",
            Scheme::Quic => "quic",
            Scheme::Grpc => "grpc",
            Scheme::Https => "https",
            Scheme::Https3 => "https3",
        }
    }

    /// The port of a key without one; `dns_port` is that of plain DNS (`-dns.port`).
    pub fn default_port(self, dns_port: u16) -> u16 {
        match self {
            Scheme::Dns => dns_port,
            Scheme::Tls | Scheme::Quic => 853,
            Scheme::Grpc | Scheme::Https | Scheme::Https3 => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One key of a server block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// How it is reached.
    pub scheme: Scheme,
    /// The zone in lower case; several for a network off the octet boundary.
    pub zones: Vec<Name>,
    /// The port, if it names one.
    pub port: Option<u16>,
    /// Where it stands.
    pub span: Span,
}

impl Key {
    /// Reads a key as CoreDNS does.
    ///
    /// What is no known scheme, no number at the end and no network is part of the zone's name.
    pub fn parse(token: &Token) -> Result<Key, Diagnostic> {
        let error = |message: String| Diagnostic::error(token.span, message);
        let (scheme, rest) = split_scheme(&token.text);
        if token.text.starts_with("unix://") {
            let message = format!("nothing can be served at {}", token.text);
            return Err(error(message).with_hint("unix:// is for upstreams"));
        }
        if rest.is_empty() || rest.ends_with(':') {
            let message = format!("expecting data after last colon: \"{rest}\"");
            return Err(error(message).with_hint("a port comes after the colon"));
        }
        let (host, port) = split_port(rest).map_err(|port| {
            error(format!("address {port}: invalid port")).with_hint("ports go from 0 to 65535")
        })?;
        let zones = zones_of(host).map_err(|refusal| match refusal {
            Refusal::Name if host.is_empty() => {
                let message = "zone is not a valid domain name: ";
                let hint = match scheme {
                    Scheme::Dns => format!("'.{rest}' serves all names"),
                    _ => format!("'{scheme}://.{rest}' serves all names"),
                };
                error(message.to_owned()).with_hint(hint)
            }
            Refusal::Name => error(format!("zone is not a valid domain name: {host}")),
            Refusal::Network => error(format!("invalid CIDR {host}")),
        })?;
        Ok(Key {
            scheme,
            zones,
            port,
            span: token.span,
        })
    }

    /// The port, or that of the scheme.
    pub fn port_or_default(&self, dns_port: u16) -> u16 {
        let default = self.scheme.default_port(dns_port);
        self.port.unwrap_or(default)
    }
}

fn split_scheme(text: &str) -> (Scheme, &str) {
    let named = Scheme::ALL.into_iter().find_map(|scheme| {
        let rest = text.strip_prefix(scheme.name())?.strip_prefix("://")?;
        Some((scheme, rest))
    });
    named.unwrap_or((Scheme::Dns, text))
}

/// Takes a number after the last colon off; the error is a number that is no port.
fn split_port(text: &str) -> Result<(&str, Option<u16>), &str> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Ok((text, None));
    };
    let digits = port.strip_prefix(['+', '-']).unwrap_or(port);
    let is_number = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    // CoreDNS takes what overflows its integers for a name.
    if !is_number || port.parse::<i64>().is_err() {
        return Ok((text, None));
    }
    let number = port.parse().map_err(|_| port)?;
    Ok((host, Some(number)))
}

enum Refusal {
    Name,
    Network,
}

fn zones_of(host: &str) -> Result<Vec<Name>, Refusal> {
    if let Some(zones) = zones::network(host) {
        // CoreDNS knows no reverse zone for these.
        let refused = host.starts_with(':') || (host.starts_with('0') && host.contains(':'));
        return if refused {
            Err(Refusal::Network)
        } else {
            Ok(zones)
        };
    }
    if host.is_empty() || host.len() > 255 {
        return Err(Refusal::Name);
    }
    // A lone @ would stand for the origin; here it is a label.
    let name: Result<Name, _> = if host == "@" { "@." } else { host }.parse();
    let name = name.map_err(|_| Refusal::Name)?;
    Ok(vec![name.view().to_lower()])
}

/// What a server block claims: its keys on its addresses.
pub struct Claim<'a> {
    /// The keys.
    pub keys: &'a [Key],
    /// The addresses of `bind`; `None` for all addresses.
    pub hosts: Option<&'a [String]>,
    /// Whether a `view` chooses queries, so that another block may serve the same zone.
    pub filtered: bool,
}

/// Finds zones that two server blocks, or two keys of one, would serve at the same place.
pub fn find_overlaps(claims: &[Claim<'_>], dns_port: u16, sources: &Sources) -> Vec<Diagnostic> {
    let mut taken = Taken::default();
    let mut found = Vec::new();
    let everywhere = [String::new()];
    for claim in claims {
        let hosts = claim.hosts.unwrap_or(&everywhere);
        for key in claim.keys {
            let port = key.port_or_default(dns_port);
            let places = key.zones.iter().flat_map(|zone| {
                hosts.iter().map(|host| Place {
                    scheme: key.scheme,
                    zone,
                    port,
                    host,
                })
            });
            for place in places {
                if let Some((earlier, reason)) = taken.claim(place, claim.filtered, key.span) {
                    let at = sources.position(earlier);
                    let name = sources.name(earlier.source);
                    let hint = format!("see {name}:{}:{}", at.line, at.column);
                    let message = format!("cannot serve {place} - {reason}");
                    found.push(Diagnostic::error(key.span, message).with_hint(hint));
                }
            }
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place<'a> {
    scheme: Scheme,
    zone: &'a Name,
    port: u16,
    /// Empty for all addresses.
    host: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.zone, self.port)?;
        match self.host {
            "" => Ok(()),
            host => write!(f, " on {host}"),
        }
    }
}

#[derive(Default)]
struct Taken<'a> {
    exact: HashMap<Place<'a>, Span>,
    /// By place without the host: the last claim on any address.
    anywhere: HashMap<Place<'a>, Place<'a>>,
}

impl<'a> Taken<'a> {
    /// Claims `place` unless it is taken; then tells where, and why that is in the way.
    fn claim(&mut self, place: Place<'a>, filtered: bool, span: Span) -> Option<(Span, String)> {
        if let Some(earlier) = self.exact.get(&place) {
            let refused = !filtered;
            return refused.then(|| (*earlier, "it is already defined".to_owned()));
        }
        let unbound = Place { host: "", ..place };
        let in_the_way = if place.host.is_empty() {
            self.anywhere.get(&unbound)
        } else {
            self.exact.contains_key(&unbound).then_some(&unbound)
        };
        if let Some(other) = in_the_way {
            let earlier = self.exact.get(other).copied().unwrap_or(span);
            let reason = format!("zone overlap listener capacity with {other}");
            return Some((earlier, reason));
        }
        if !filtered {
            self.exact.insert(place, span);
            self.anywhere.insert(unbound, place);
        }
        None
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
