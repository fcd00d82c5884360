//! The machine's network interfaces and their addresses.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// An address to listen on; one that is link-local says on which interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    ip: IpAddr,
    interface: Option<String>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            None => write!(f, "{}", self.ip),
            Some(interface) => write!(f, "{}%{interface}", self.ip),
        }
    }
}

/// Interfaces by name.
#[derive(Debug, Default)]
pub(crate) struct Interfaces(BTreeMap<String, Vec<Address>>);

impl Interfaces {
    /// Asks the system; without an answer, interfaces cannot be named.
    pub fn read() -> Self {
        let mut interfaces = Interfaces::default();
        let Ok(all) = nix::ifaddrs::getifaddrs() else {
            return interfaces;
        };
        for one in all {
            let known = interfaces.0.entry(one.interface_name).or_default();
            let address = one.address.as_ref();
            let v4 = address.and_then(|address| address.as_sockaddr_in());
            let v6 = address.and_then(|address| address.as_sockaddr_in6());
            known.extend(v4.map(|v4| IpAddr::V4(v4.ip())).map(Address::from));
            known.extend(v6.map(|v6| IpAddr::V6(v6.ip())).map(Address::from));
        }
        for (name, addresses) in &mut interfaces.0 {
            for address in addresses
                .iter_mut()
                .filter(|address| address.is_link_local())
            {
                address.interface = Some(name.clone());
            }
        }
        interfaces
    }

    /// The addresses of the interface `text`, or the address that it is.
    pub fn addresses(&self, text: &str) -> Option<Vec<Address>> {
        if let Some(addresses) = self.0.get(text) {
            return Some(addresses.clone());
        }
        let ip: IpAddr = text.parse().ok()?;
        Some(vec![Address::from(ip)])
    }

    /// What could have been meant.
    pub fn hint(&self) -> String {
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        match names.as_slice() {
            [] => "a port goes behind the zone of the server block".to_owned(),
            names => format!("interfaces here: {}", names.join(", ")),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        let interface = None;
        Address { ip, interface }
    }
}

impl Address {
    fn is_link_local(&self) -> bool {
        matches!(self.ip, IpAddr::V6(v6) if v6.is_unicast_link_local())
    }
}
