//! RDATA from text, as master files write it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::time::{read_number, read_period, read_time};
use super::words::{Word, Words};
use super::{Field, codec, gateway, layout, location, prefixes, svcb, types, validate};
use crate::name::append_name;
use crate::{NameRef, RecordType};

/// The longest RDATA.
const RDATA_MAX: usize = 65_535;
/// The longest string with a length of one octet.
const TEXT_MAX: usize = 255;

/// What is wrong with the text of a record, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct TextError {
    /// What is wrong.
    pub what: &'static str,
    /// Offset of the first octet that is wrong.
    pub start: usize,
    /// Offset after the last octet that is wrong.
    pub end: usize,
}

/// Appends the RDATA of `rtype` that `words` say; relative names are put below `origin`.
pub fn read_text(
    rtype: RecordType,
    words: Words<'_>,
    origin: NameRef<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TextError> {
    let mut reader = Reader { words, origin, out };
    let start = reader.out.len();
    reader
        .record(rtype)
        .and_then(|()| match reader.words.next_octets() {
            Some(_) => Err("unexpected word after the data"),
            None if reader.out.len() - start > RDATA_MAX => Err("data is longer than 65535 octets"),
            None => Ok(()),
        })
        .map_err(|what| {
            let (start, end) = reader.words.place();
            TextError { what, start, end }
        })
}

pub(super) type Read<T> = Result<T, &'static str>;

/// Reads the fields of one record.
pub(super) struct Reader<'a, 'o> {
    pub words: Words<'a>,
    pub origin: NameRef<'a>,
    pub out: &'o mut Vec<u8>,
}

impl<'a> Reader<'a, '_> {
    fn record(&mut self, rtype: RecordType) -> Read<()> {
        if self.words.peek() == Some(b"\\#") && !self.words.peek_quoted() {
            return self.generic(rtype);
        }
        if matches!(rtype, RecordType::HINFO | RecordType::ISDN) {
            return self.pair();
        }
        for field in layout(rtype) {
            self.field(*field)?;
        }
        Ok(())
    }

    fn field(&mut self, field: Field) -> Read<()> {
        match field {
            Field::Ipv4 => self.ipv4(),
            Field::Ipv6 => self.ipv6(),
            Field::CompressedName | Field::Name => self.name(),
            Field::U8 => self.u8().map(|octet| self.out.push(octet)),
            Field::U16 => self.u16(),
            Field::U32 => self.u32_as(|text| read_number(text)?.try_into().ok(), "not a number"),
            Field::Period => self.u32_as(read_period, "not a number of seconds"),
            Field::Time => self.u32_as(read_time, "not a point in time"),
            Field::Type => {
                let rtype = read_type(self.plain()?)?;
                self.out.extend_from_slice(&rtype.0.to_be_bytes());
                Ok(())
            }
            Field::Algorithm | Field::AlgorithmName => self.algorithm(),
            Field::CertType => self.cert_type(),
            Field::NodeId | Field::Locator => self.groups(),
            Field::Eui48 => self.pairs(6),
            Field::Eui64 => self.pairs(8),
            Field::Location => {
                let wire = location::read_location(&mut self.words).ok_or("not a location")?;
                self.out.extend_from_slice(&wire);
                Ok(())
            }
            _ => self.variable_field(field),
        }
    }

    fn variable_field(&mut self, field: Field) -> Read<()> {
        match field {
            Field::Text => self.text(),
            Field::Word if self.words.peek_quoted() => Err("unexpected quotes"),
            Field::Word => self.text(),
            Field::Decimal => {
                let word = self.plain()?;
                if !is_decimal(word) {
                    return Err("not a decimal number");
                }
                self.counted(word)
            }
            Field::Salt => self.salt(),
            Field::HashedName => self.hashed_name(),
            Field::Texts => self.texts(),
            Field::Octets => self.octets(),
            Field::Base64 => match codec::read_base64(self.pieces()?, self.out) {
                true => Ok(()),
                false => Err("not base 64"),
            },
            Field::Hex | Field::HexUpper => self.hex(),
            Field::Types => self.types(),
            Field::Params => svcb::read_params(&mut self.words, self.out),
            Field::Prefixes => {
                while let Some(word) = self.words.next_octets() {
                    let read = prefixes::read_prefix(word, self.out);
                    read.ok_or("not an address prefix with its family, such as 1:192.0.2.0/24")?;
                }
                Ok(())
            }
            Field::Gateway => gateway::read_ipseckey(self),
            Field::Relay => gateway::read_amtrelay(self),
            Field::HostIdentity => gateway::read_hip(self),
            _ => Err("this type has no text form but \\# LENGTH HEX"),
        }
    }

    fn word(&mut self) -> Read<Word<'a>> {
        self.words.next_word().ok_or("the line ends too early")
    }

    /// The next word, which must not stand in quotes.
    #[inline]
    pub fn plain(&mut self) -> Read<&'a [u8]> {
        let word = self.word()?;
        if word.span.is_quoted {
            return Err("unexpected quotes");
        }
        Ok(word.octets)
    }

    /// All words that are left, none in quotes.
    pub fn pieces(&mut self) -> Read<impl Iterator<Item = &'a [u8]> + use<'a>> {
        let mut words = self.words;
        while !self.words.is_empty() {
            self.plain()?;
        }
        Ok(std::iter::from_fn(move || words.next_octets()))
    }

    fn generic(&mut self, rtype: RecordType) -> Read<()> {
        let start = self.out.len();
        self.plain()?;
        let length = read_number(self.plain()?).ok_or("not a length")?;
        self.hex()?;
        let rdata = self.out.get(start..).unwrap_or_default();
        if u64::try_from(rdata.len()) != Ok(length) {
            return Err("the data has another length than it says");
        }
        match validate(rtype, rdata) {
            true => Ok(()),
            false => Err("the octets are no data of this type"),
        }
    }

    #[inline]
    fn ipv4(&mut self) -> Read<()> {
        let address = self.plain()?;
        let read = read_ipv4(address).ok_or("not an IPv4 address")?;
        self.out.extend_from_slice(&read);
        Ok(())
    }

    fn ipv6(&mut self) -> Read<()> {
        let text = std::str::from_utf8(self.plain()?).unwrap_or_default();
        let address: Ipv6Addr = text.parse().map_err(|_| "not an IPv6 address")?;
        self.out.extend_from_slice(&address.octets());
        Ok(())
    }

    pub fn name(&mut self) -> Read<()> {
        let text = self.plain()?;
        append_name(text, self.origin, self.out).map_err(|error| error.what())
    }

    pub fn u8(&mut self) -> Read<u8> {
        let number = read_number(self.plain()?).and_then(|number| number.try_into().ok());
        number.ok_or("not a number from 0 to 255")
    }

    fn u16(&mut self) -> Read<()> {
        let number = read_number(self.plain()?).and_then(|number| u16::try_from(number).ok());
        let number = number.ok_or("not a number from 0 to 65535")?;
        self.out.extend_from_slice(&number.to_be_bytes());
        Ok(())
    }

    fn u32_as(&mut self, read: fn(&[u8]) -> Option<u32>, what: &'static str) -> Read<()> {
        let number = read(self.plain()?).ok_or(what)?;
        self.out.extend_from_slice(&number.to_be_bytes());
        Ok(())
    }

    fn algorithm(&mut self) -> Read<()> {
        let word = self.plain()?;
        let number = read_number(word).and_then(|number| number.try_into().ok());
        let algorithm = number.or_else(|| {
            let known = ALGORITHMS.iter();
            let mut found = known.filter(|(_, name)| name.as_bytes().eq_ignore_ascii_case(word));
            found.next().map(|(number, _)| *number)
        });
        self.out.push(algorithm.ok_or("not an algorithm")?);
        Ok(())
    }

    fn cert_type(&mut self) -> Read<()> {
        let word = self.plain()?;
        let named = CERT_TYPES.iter().find(|(_, name)| name.as_bytes() == word);
        let number = match named {
            Some((number, _)) => *number,
            None => {
                let number = read_number(word).and_then(|number| number.try_into().ok());
                number.ok_or("not a type of certificate")?
            }
        };
        self.out.extend_from_slice(&number.to_be_bytes());
        Ok(())
    }

    fn groups(&mut self) -> Read<()> {
        let what = "not four groups of four hexadecimal digits";
        let groups: Vec<&[u8]> = self.plain()?.split(|octet| *octet == b':').collect();
        if groups.len() != 4 || groups.iter().any(|group| group.len() != 4) {
            return Err(what);
        }
        codec::read_hex(groups, self.out).then_some(()).ok_or(what)
    }

    fn pairs(&mut self, count: usize) -> Read<()> {
        let what = "not pairs of hexadecimal digits with hyphens between them";
        let pairs: Vec<&[u8]> = self.plain()?.split(|octet| *octet == b'-').collect();
        if pairs.len() != count || pairs.iter().any(|pair| pair.len() != 2) {
            return Err(what);
        }
        codec::read_hex(pairs, self.out).then_some(()).ok_or(what)
    }

    fn hex(&mut self) -> Read<()> {
        let read = codec::read_hex(self.pieces()?, self.out);
        read.then_some(()).ok_or("not pairs of hexadecimal digits")
    }

    fn salt(&mut self) -> Read<()> {
        let word = self.plain()?;
        let at = self.open_counted();
        if word != b"-" && !codec::read_hex([word], self.out) {
            return Err("not a salt in hexadecimal digits");
        }
        self.close_counted(at)
    }

    fn hashed_name(&mut self) -> Read<()> {
        let word = self.plain()?;
        let at = self.open_counted();
        if !codec::read_base32(word, self.out) {
            return Err("not a hashed name in base 32");
        }
        self.close_counted(at)
    }

    fn types(&mut self) -> Read<()> {
        let mut types = Vec::new();
        while !self.words.is_empty() {
            types.push(read_type(self.plain()?)?);
        }
        types::write_types(&mut types, self.out);
        Ok(())
    }

    /// One string, in quotes or not.
    fn text(&mut self) -> Read<()> {
        let word = self.word()?.octets;
        let at = self.open_counted();
        unescape(word, |octet| self.out.push(octet))?;
        self.close_counted(at)
    }

    /// Strings to the end of the line; one that is too long becomes several.
    fn texts(&mut self) -> Read<()> {
        if self.words.is_empty() {
            return Err("no string");
        }
        while let Some(word) = self.words.next_octets() {
            let mut at = self.open_counted();
            unescape(word, |octet| {
                if self.out.len() - at > TEXT_MAX {
                    at = self.split_counted(at);
                }
                self.out.push(octet);
            })?;
            self.close_counted(at)?;
        }
        Ok(())
    }

    fn octets(&mut self) -> Read<()> {
        let word = self.word()?.octets;
        unescape(word, |octet| self.out.push(octet))
    }

    /// Two strings; one alone is parted at its first blank, more than two are joined.
    fn pair(&mut self) -> Read<()> {
        let mut strings = Vec::new();
        while let Some(word) = self.words.next_octets() {
            let mut string = Vec::new();
            unescape(word, |octet| string.push(octet))?;
            strings.push(string);
        }
        if let [alone] = &strings[..] {
            let parts = alone.split(u8::is_ascii_whitespace);
            let parts = parts.filter(|part| !part.is_empty()).map(<[u8]>::to_vec);
            let parts: Vec<_> = parts.collect();
            if parts.len() > 1 {
                strings = parts;
            }
        }
        let (first, rest) = strings.split_first().ok_or("no string")?;
        self.counted(first)?;
        self.counted(&rest.join(&b' '))
    }

    fn counted(&mut self, octets: &[u8]) -> Read<()> {
        let at = self.open_counted();
        self.out.extend_from_slice(octets);
        self.close_counted(at)
    }

    fn open_counted(&mut self) -> usize {
        self.out.push(0);
        self.out.len() - 1
    }

    fn close_counted(&mut self, at: usize) -> Read<()> {
        let length = u8::try_from(self.out.len() - at - 1);
        let length = length.map_err(|_| "string is longer than 255 octets")?;
        if let Some(octet) = self.out.get_mut(at) {
            *octet = length;
        }
        Ok(())
    }

    /// Ends the full string that was opened at `at` and opens the next.
    fn split_counted(&mut self, at: usize) -> usize {
        if let Some(octet) = self.out.get_mut(at) {
            *octet = u8::MAX;
        }
        self.open_counted()
    }
}

#[inline]
fn read_ipv4(text: &[u8]) -> Option<[u8; 4]> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse::<Ipv4Addr>()
        .ok()
        .map(|address| address.octets())
}

fn read_type(word: &[u8]) -> Read<RecordType> {
    let text = std::str::from_utf8(word).unwrap_or_default();
    text.parse().map_err(|_| "not a record type")
}

fn is_decimal(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|text| text.parse::<f64>().is_ok())
}

/// Calls `put` with the octets that `text` stands for.
pub(super) fn unescape(text: &[u8], mut put: impl FnMut(u8)) -> Read<()> {
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'\\' => put(crate::name::unescape(&mut rest).map_err(|error| error.what())?),
            plain => put(plain),
        }
    }
    Ok(())
}

/// The names of DNSSEC algorithms.
pub(super) const ALGORITHMS: &[(u8, &str)] = &[
    (1, "RSAMD5"),
    (2, "DH"),
    (3, "DSA"),
    (5, "RSASHA1"),
    (6, "DSA-NSEC3-SHA1"),
    (7, "RSASHA1-NSEC3-SHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECC-GOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
    (252, "INDIRECT"),
    (253, "PRIVATEDNS"),
    (254, "PRIVATEOID"),
];

/// The names of kinds of certificates.
pub(super) const CERT_TYPES: &[(u16, &str)] = &[
    (1, "PKIX"),
    (2, "SPKI"),
    (3, "PGP"),
    (4, "IPIX"),
    (5, "ISPKI"),
    (6, "IPGP"),
    (7, "ACPKIX"),
    (8, "IACPKIX"),
    (253, "URI"),
    (254, "OID"),
];
