//! What the RDATA of each record type is made of: one table that reading, writing and text share.

use crate::RecordType;

/// One field of RDATA in wire order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A domain name that may be compressed on sending (RFC 3597 section 4: only RFC 1035 types).
    CompressedName,
    /// A domain name that is never compressed on sending.
    Name,
    /// One octet.
    U8,
    /// Two octets.
    U16,
    /// Four octets.
    U32,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// One length-prefixed string.
    Text,
    /// All that is left, one or more length-prefixed strings.
    Texts,
    /// All that is left, as it is.
    Rest,
}

impl Field {
    /// Octets of a field of fixed size.
    pub const fn width(self) -> Option<usize> {
        match self {
            Field::U8 => Some(1),
            Field::U16 => Some(2),
            Field::U32 | Field::Ipv4 => Some(4),
            Field::Ipv6 => Some(16),
            _ => None,
        }
    }
}

/// The fields of `rtype`; types without structure of interest are [`Field::Rest`].
pub fn layout(rtype: RecordType) -> &'static [Field] {
    use Field::{CompressedName, Ipv4, Ipv6, Name, Rest, Text, Texts, U8, U16, U32};
    match rtype {
        RecordType::A => &[Ipv4],
        RecordType::AAAA => &[Ipv6],
        RecordType::NS
        | RecordType::MD
        | RecordType::MF
        | RecordType::CNAME
        | RecordType::MB
        | RecordType::MG
        | RecordType::MR
        | RecordType::PTR => &[CompressedName],
        RecordType::SOA => &[CompressedName, CompressedName, U32, U32, U32, U32, U32],
        RecordType::MINFO => &[CompressedName, CompressedName],
        RecordType::MX => &[U16, CompressedName],
        RecordType::TXT | RecordType::SPF => &[Texts],
        RecordType::HINFO => &[Text, Text],
        RecordType::RP | RecordType::TALINK => &[Name, Name],
        RecordType::AFSDB | RecordType::RT | RecordType::KX | RecordType::LP => &[U16, Name],
        RecordType::PX => &[U16, Name, Name],
        RecordType::SRV => &[U16, U16, U16, Name],
        RecordType::NAPTR => &[U16, U16, Text, Text, Text, Name],
        RecordType::DNAME | RecordType::NSAP_PTR => &[Name],
        RecordType::RRSIG | RecordType::SIG => &[U16, U8, U8, U32, U32, U32, U16, Name, Rest],
        RecordType::NSEC | RecordType::NXT => &[Name, Rest],
        RecordType::SVCB | RecordType::HTTPS => &[U16, Name, Rest],
        _ => &[Rest],
    }
}
