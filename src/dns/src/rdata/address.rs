//! Addresses as the data of A and AAAA records.

use std::net::IpAddr;

use crate::RecordType;

/// The data of an A or AAAA record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRdata {
    /// That of an A record.
    A([u8; 4]),
    /// That of an AAAA record.
    Aaaa([u8; 16]),
}

impl AddressRdata {
    /// The type of the record.
    #[inline]
    pub fn rtype(&self) -> RecordType {
        match self {
            AddressRdata::A(_) => RecordType::A,
            AddressRdata::Aaaa(_) => RecordType::AAAA,
        }
    }

    /// The octets, in network order.
    #[inline]
    pub fn octets(&self) -> &[u8] {
        match self {
            AddressRdata::A(octets) => octets,
            AddressRdata::Aaaa(octets) => octets,
        }
    }
}

impl From<IpAddr> for AddressRdata {
    #[inline]
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => AddressRdata::A(v4.octets()),
            IpAddr::V6(v6) => AddressRdata::Aaaa(v6.octets()),
        }
    }
}
