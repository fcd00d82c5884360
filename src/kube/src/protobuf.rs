//! Reads protobuf messages field by field, in place; unknown fields are passed over.

use std::net::IpAddr;

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number.
    Varint(u64),
    /// Text, octets or a message.
    Bytes(&'a [u8]),
    /// A fixed-width number, which nothing here uses.
    Fixed,
}

impl<'a> Value<'a> {
    /// The octets; empty for a number.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Value::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// The text; empty for what is no UTF-8.
    pub fn text(self) -> &'a str {
        std::str::from_utf8(self.bytes()).unwrap_or("")
    }

    /// The number; 0 for octets.
    pub fn number(self) -> u64 {
        match self {
            Value::Varint(number) => number,
            _ => 0,
        }
    }

    /// The number as the 32-bit one it was; negative ones come as 64 bits.
    pub fn int32(self) -> i32 {
        let [a, b, c, d, ..] = self.number().to_le_bytes();
        i32::from_le_bytes([a, b, c, d])
    }

    /// Whether it is a number other than 0.
    pub fn is_true(self) -> bool {
        self.number() != 0
    }

    /// The address that it is as text; one that is IPv4 in IPv6 form counts as IPv4.
    pub fn address(self) -> Option<IpAddr> {
        address(self.text())
    }

    /// The first field `number` of the message that it is.
    pub fn field(self, number: u64) -> Option<Value<'a>> {
        Fields::new(self.bytes()).find_value(number)
    }
}

/// The fields of a message, as numbers with values.
///
/// It ends at the first octet that makes no sense; [`Fields::is_whole`] tells whether it did.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    broken: bool,
}

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub fn new(message: &'a [u8]) -> Self {
        Fields {
            rest: message,
            broken: false,
        }
    }

    /// Whether all that was read so far made sense.
    pub fn is_whole(&self) -> bool {
        !self.broken
    }

    /// The value of the first field `number` among those left.
    pub fn find_value(&mut self, number: u64) -> Option<Value<'a>> {
        self.find(|(found, _)| *found == number)
            .map(|(_, value)| value)
    }

    fn read(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Fixed
            }
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Value::Fixed
            }
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for place in 0..10 {
            let (octet, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(octet & 0x7f) << (7 * place);
            if octet & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() || self.broken {
            return None;
        }
        let field = self.read();
        self.broken = field.is_none();
        field
    }
}

/// An address; one that is IPv4 in IPv6 form counts as IPv4.
pub fn address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    Some(address.to_canonical())
}

/// Key and value of an entry of a map from text to text.
pub fn entry(message: &[u8]) -> (&str, &str) {
    let (mut key, mut value) = ("", "");
    for (number, field) in Fields::new(message) {
        match number {
            1 => key = field.text(),
            2 => value = field.text(),
            _ => {}
        }
    }
    (key, value)
}

#[cfg(test)]
mod tests;
