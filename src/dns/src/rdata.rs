//! What the RDATA of each record type is made of: one table that wire and text share.

mod address;
pub(crate) mod codec;
mod gateway;
mod location;
mod prefixes;
mod print;
mod read;
mod svcb;
mod time;
mod types;
mod validate;
mod words;

pub use address::AddressRdata;
pub use print::display;
pub use read::{TextError, read_text};
pub(crate) use time::{read_number, read_period};
pub use validate::validate;
pub use words::{Scan, Span, Words, scan};

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
    /// Four octets, seconds that may be written with units: `1h30m`.
    Period,
    /// Four octets, a point in time: `20260101000000`.
    Time,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Two octets, a record type by its name.
    Type,
    /// One octet, a DNSSEC algorithm that may be written by its name.
    Algorithm,
    /// One octet, a DNSSEC algorithm that is printed by its name.
    AlgorithmName,
    /// Two octets, a kind of certificate, RFC 4398 section 2.1.
    CertType,
    /// Eight octets, written as four groups of hexadecimal digits.
    NodeId,
    /// Eight octets, as [`Field::NodeId`], printed in capitals.
    Locator,
    /// Six octets, written as pairs of hexadecimal digits.
    Eui48,
    /// Eight octets, written as pairs of hexadecimal digits.
    Eui64,
    /// Sixteen octets, a place on Earth, RFC 1876.
    Location,
    /// One length-prefixed string, written in quotes.
    Text,
    /// One length-prefixed string, written without quotes.
    Word,
    /// One length-prefixed string that is a decimal number.
    Decimal,
    /// Length-prefixed octets in hexadecimal digits, `-` if there are none.
    Salt,
    /// Length-prefixed octets in base 32, RFC 5155 section 3.3.
    HashedName,
    /// All that is left, one or more length-prefixed strings.
    Texts,
    /// All that is left, one string without a length.
    Octets,
    /// All that is left, in base 64.
    Base64,
    /// All that is left, in hexadecimal digits.
    Hex,
    /// All that is left, in hexadecimal digits that are printed in capitals.
    HexUpper,
    /// All that is left, a set of record types, RFC 4034 section 4.1.2.
    Types,
    /// All that is left, service parameters, RFC 9460 section 2.
    Params,
    /// All that is left, address prefixes, RFC 3123.
    Prefixes,
    /// All of IPSECKEY, RFC 4025.
    Gateway,
    /// All of AMTRELAY, RFC 8777.
    Relay,
    /// All of HIP, RFC 8005.
    HostIdentity,
    /// All that is left, as it is; has no text but that of RFC 3597.
    Rest,
}

impl Field {
    /// How many octets the field has, if always the same.
    pub(crate) fn width(self) -> Option<usize> {
        match self {
            Field::U8 | Field::Algorithm | Field::AlgorithmName => Some(1),
            Field::U16 | Field::Type | Field::CertType => Some(2),
            Field::U32 | Field::Period | Field::Time | Field::Ipv4 => Some(4),
            Field::Eui48 => Some(6),
            Field::NodeId | Field::Locator | Field::Eui64 => Some(8),
            Field::Ipv6 | Field::Location => Some(16),
            _ => None,
        }
    }

    /// Whether the field's first octet says how many follow.
    pub(crate) fn is_counted(self) -> bool {
        matches!(
            self,
            Field::Text | Field::Word | Field::Decimal | Field::Salt | Field::HashedName
        )
    }
}

/// The fields of `rtype`; types without structure of interest are [`Field::Rest`].
pub fn layout(rtype: RecordType) -> &'static [Field] {
    use Field::*;
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
        RecordType::SOA => &[
            CompressedName,
            CompressedName,
            U32,
            Period,
            Period,
            Period,
            Period,
        ],
        RecordType::MINFO => &[CompressedName, CompressedName],
        RecordType::MX => &[U16, CompressedName],
        RecordType::TXT
        | RecordType::SPF
        | RecordType::AVC
        | RecordType::NINFO
        | RecordType::RESINFO
        | RecordType::ISDN => &[Texts],
        RecordType::HINFO => &[Text, Text],
        RecordType::UINFO => &[Text],
        RecordType::UID | RecordType::GID => &[U32],
        RecordType::X25 => &[Word],
        RecordType::GPOS => &[Decimal, Decimal, Decimal],
        RecordType::RP | RecordType::TALINK => &[Name, Name],
        RecordType::AFSDB | RecordType::RT | RecordType::KX | RecordType::LP => &[U16, Name],
        RecordType::PX => &[U16, Name, Name],
        RecordType::SRV => &[U16, U16, U16, Name],
        RecordType::NAPTR => &[U16, U16, Text, Text, Text, Name],
        RecordType::DNAME | RecordType::NSAP_PTR => &[Name],
        RecordType::LOC => &[Location],
        RecordType::APL => &[Prefixes],
        RecordType::NID => &[U16, NodeId],
        RecordType::L32 => &[U16, Ipv4],
        RecordType::L64 => &[U16, Locator],
        RecordType::EUI48 => &[Eui48],
        RecordType::EUI64 => &[Eui64],
        RecordType::URI => &[U16, U16, Octets],
        RecordType::CAA => &[U8, Word, Octets],
        RecordType::SVCB | RecordType::HTTPS => &[U16, Name, Params],
        RecordType::EID | RecordType::NIMLOC => &[HexUpper],
        RecordType::HIP => &[HostIdentity],
        RecordType::AMTRELAY => &[Relay],
        _ => security_layout(rtype),
    }
}

/// The fields of the types that carry keys, digests and signatures.
fn security_layout(rtype: RecordType) -> &'static [Field] {
    use Field::*;
    match rtype {
        RecordType::DS | RecordType::CDS | RecordType::DLV | RecordType::TA => {
            &[U16, Algorithm, U8, HexUpper]
        }
        RecordType::DNSKEY | RecordType::CDNSKEY | RecordType::KEY | RecordType::RKEY => {
            &[U16, U8, U8, Base64]
        }
        RecordType::RRSIG | RecordType::SIG => {
            &[Type, Algorithm, U8, U32, Time, Time, U16, Name, Base64]
        }
        RecordType::NSEC | RecordType::NXT => &[Name, Types],
        RecordType::NSEC3 => &[U8, U8, U16, Salt, HashedName, Types],
        RecordType::NSEC3PARAM => &[U8, U8, U16, Salt],
        RecordType::CSYNC => &[U32, U16, Types],
        RecordType::ZONEMD => &[U32, U8, U8, Hex],
        RecordType::SSHFP => &[U8, U8, HexUpper],
        RecordType::TLSA | RecordType::SMIMEA => &[U8, U8, U8, Hex],
        RecordType::CERT => &[CertType, U16, AlgorithmName, Base64],
        RecordType::OPENPGPKEY | RecordType::DHCID => &[Base64],
        RecordType::IPSECKEY => &[Gateway],
        _ => &[Rest],
    }
}

/// Makes the names in checked `rdata` lower case.
pub fn lower_names(rtype: RecordType, rdata: &mut [u8]) {
    let mut at = 0;
    for field in layout(rtype) {
        let rest = rdata.get_mut(at..).unwrap_or_default();
        match field {
            Field::CompressedName | Field::Name => {
                let Ok((name, _)) = crate::NameRef::split_from(rest) else {
                    return;
                };
                let length = name.wire().len();
                // Lengths of labels are below 64, so no letter.
                rest.get_mut(..length)
                    .unwrap_or_default()
                    .make_ascii_lowercase();
                at += length;
            }
            _ if field.is_counted() => {
                at += 1 + usize::from(rest.first().copied().unwrap_or(0));
            }
            _ => match field.width() {
                Some(width) => at += width,
                None => return,
            },
        }
    }
}

#[cfg(test)]
mod tests;
