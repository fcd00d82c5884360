//! Names as text: RFC 1035 section 5.1 escapes, printed as miekg/dns prints them.

use std::fmt::{self, Write};
use std::str::FromStr;

use smallvec::SmallVec;

use super::{LABEL_MAX, NAME_MAX, Name, NameRef};

/// Why a text is no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameTextError {
    /// Nothing between two dots.
    #[error("empty label")]
    EmptyLabel,
    /// More than 63 octets between two dots.
    #[error("label is longer than 63 octets")]
    LongLabel,
    /// More than 255 octets in all.
    #[error("name is longer than 255 octets")]
    TooLong,
    /// A backslash that is followed by nothing, or by a number above 255.
    #[error("bad escape")]
    BadEscape,
}

impl NameTextError {
    /// The words of the error.
    pub(crate) fn what(self) -> &'static str {
        match self {
            NameTextError::EmptyLabel => "a name with an empty label",
            NameTextError::LongLabel => "a name with a label longer than 63 octets",
            NameTextError::TooLong => "a name longer than 255 octets",
            NameTextError::BadEscape => "bad escape",
        }
    }
}

impl Name {
    /// Reads a name; one without a final dot is put below `origin`.
    pub fn parse(text: &str, origin: NameRef<'_>) -> Result<Name, NameTextError> {
        Self::parse_octets(text.as_bytes(), origin)
    }

    /// As [`Name::parse`], for text that need not be UTF-8.
    pub fn parse_octets(text: &[u8], origin: NameRef<'_>) -> Result<Name, NameTextError> {
        let mut wire = Vec::with_capacity(text.len() + 2 + origin.wire.len());
        append_name(text, origin, &mut wire)?;
        Ok(Name { wire: wire.into() })
    }
}

/// Appends the name that `text` says in wire form; one without a final dot is below `origin`.
pub(crate) fn append_name(
    text: &[u8],
    origin: NameRef<'_>,
    wire: &mut Vec<u8>,
) -> Result<(), NameTextError> {
    let first = wire.len();
    match text {
        b"." => {
            wire.push(0);
            return Ok(());
        }
        b"@" => {
            wire.extend_from_slice(origin.wire);
            return Ok(());
        }
        _ => {}
    }
    let (mut start, mut absolute, mut rest) = (first, false, text);
    wire.push(0);
    while let Some((&octet, after)) = rest.split_first() {
        absolute = false;
        rest = after;
        match octet {
            b'.' => {
                close_label(wire, start)?;
                start = wire.len();
                wire.push(0);
                absolute = true;
            }
            b'\\' => wire.push(unescape(&mut rest)?),
            plain => wire.push(plain),
        }
    }
    // A last dot has opened the root label.
    if !absolute {
        close_label(wire, start)?;
        wire.extend_from_slice(origin.wire);
    }
    if wire.len() - first > NAME_MAX {
        return Err(NameTextError::TooLong);
    }
    Ok(())
}

fn close_label(wire: &mut [u8], start: usize) -> Result<(), NameTextError> {
    let length = wire.len() - start - 1;
    if length == 0 {
        return Err(NameTextError::EmptyLabel);
    }
    if length > LABEL_MAX {
        return Err(NameTextError::LongLabel);
    }
    if let Some(octet) = wire.get_mut(start) {
        *octet = u8::try_from(length).map_err(|_| NameTextError::LongLabel)?;
    }
    Ok(())
}

/// Reads what follows a backslash: three digits, or the octet itself.
pub(crate) fn unescape(rest: &mut &[u8]) -> Result<u8, NameTextError> {
    match **rest {
        [a, b, c, ref tail @ ..]
            if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() =>
        {
            *rest = tail;
            let number = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
            u8::try_from(number).map_err(|_| NameTextError::BadEscape)
        }
        [octet, ref tail @ ..] => {
            *rest = tail;
            Ok(octet)
        }
        [] => Err(NameTextError::BadEscape),
    }
}

impl FromStr for Name {
    type Err = NameTextError;

    /// Reads a name; the final dot may be left out.
    fn from_str(text: &str) -> Result<Name, NameTextError> {
        Name::parse(text, NameRef::ROOT)
    }
}

impl fmt::Display for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_char('.');
        }
        for label in self.labels() {
            for &octet in label {
                write_octet(f, octet)?;
            }
            f.write_char('.')?;
        }
        Ok(())
    }
}

/// A name as text, on the stack unless its octets need many escapes.
#[derive(Clone, Debug, Default)]
pub struct NameText(SmallVec<[u8; NAME_MAX + 1]>);

impl NameRef<'_> {
    /// The name as it is printed.
    pub fn to_text(self) -> NameText {
        let mut text = NameText::default();
        let _never_fails = write!(text, "{self}");
        text
    }
}

impl std::ops::Deref for NameText {
    type Target = str;

    fn deref(&self) -> &str {
        // What is printed is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Write for NameText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn write_octet(f: &mut fmt::Formatter<'_>, octet: u8) -> fmt::Result {
    match octet {
        b'.' | b' ' | b'\'' | b'@' | b';' | b'(' | b')' | b'"' | b'\\' => {
            f.write_char('\\')?;
            f.write_char(char::from(octet))
        }
        b'!'..=b'~' => f.write_char(char::from(octet)),
        other => write!(f, "\\{other:03}"),
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
