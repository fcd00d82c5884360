//! Addresses as Corefiles write them: `host:port`, where the host may be left out.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// Where an endpoint listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    host: String,
    port: u16,
    text: String,
}

/// Why a text is no address; the words are those of Go's `net` package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing after a last colon.
    #[error("address {0}: missing port in address")]
    NoPort(String),
    /// An IPv6 address without brackets.
    #[error("address {0}: too many colons in address")]
    Colons(String),
    /// The port is no number from 0 to 65535.
    #[error("address {0}: invalid port")]
    BadPort(String),
}

impl Address {
    /// All addresses of this machine.
    pub fn any(port: u16) -> Address {
        Address {
            host: String::new(),
            port,
            text: format!(":{port}"),
        }
    }

    /// This machine alone.
    pub fn localhost(port: u16) -> Address {
        Address {
            host: "localhost".to_owned(),
            port,
            text: format!("localhost:{port}"),
        }
    }

    /// The host as written, brackets taken off; empty for all addresses.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What to connect to from this machine.
    pub fn authority(&self) -> String {
        match self.host.as_str() {
            "" => format!("localhost:{}", self.port),
            _ => self.text.clone(),
        }
    }

    /// The socket addresses to try in order, until one can be bound.
    pub(crate) fn candidates(&self) -> io::Result<Vec<SocketAddr>> {
        if self.host.is_empty() {
            let hosts: [IpAddr; 2] = [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()];
            return Ok(hosts.map(|host| SocketAddr::new(host, self.port)).to_vec());
        }
        let mut all: Vec<SocketAddr> = (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        // As Go does, a name with addresses of both families stands for the IPv4 one.
        all.sort_by_key(SocketAddr::is_ipv6);
        all.truncate(1);
        Ok(all)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let owned = || text.to_owned();
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| AddressError::NoPort(owned()))?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        if bracketed.is_none() && host.contains('[') {
            return Err(AddressError::NoPort(owned()));
        }
        if bracketed.is_none() && host.contains(':') {
            return Err(AddressError::Colons(owned()));
        }
        let port = match port {
            "" => 0,
            number => number.parse().map_err(|_| AddressError::BadPort(owned()))?,
        };
        Ok(Address {
            host: bracketed.unwrap_or(host).to_owned(),
            port,
            text: owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
