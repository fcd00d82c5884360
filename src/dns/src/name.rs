//! Domain names in wire form: borrowed, owned, and on the stack.

mod buf;
mod text;

pub use buf::{NameBuf, skip_name};
pub use text::{NameText, NameTextError};
pub(crate) use text::{append_name, unescape};

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// The longest name in wire form, RFC 1035 section 2.3.4.
pub const NAME_MAX: usize = 255;
/// The longest label, RFC 1035 section 2.3.4.
pub const LABEL_MAX: usize = 63;

/// Why octets are no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The octets end inside the name.
    #[error("name is cut off")]
    Truncated,
    /// More than 255 octets.
    #[error("name is longer than 255 octets")]
    TooLong,
    /// A label type other than 00 and 11 (RFC 6891 section 5 retired 01).
    #[error("unknown label type")]
    BadLabel,
    /// A chain of pointers without end.
    #[error("too many compression pointers")]
    BadPointer,
}

/// A borrowed, uncompressed domain name: labels and the root label, valid by construction.
///
/// Equality, order and hash ignore the case of ASCII letters (RFC 4343).
#[derive(Clone, Copy)]
pub struct NameRef<'a> {
    wire: &'a [u8],
}

impl<'a> NameRef<'a> {
    /// The root name.
    pub const ROOT: NameRef<'static> = NameRef { wire: &[0] };

    /// Takes `wire` as a name if all of it is exactly one uncompressed name.
    pub fn from_wire(wire: &'a [u8]) -> Result<Self, NameError> {
        let (name, rest) = Self::split_from(wire)?;
        if rest.is_empty() {
            Ok(name)
        } else {
            Err(NameError::TooLong)
        }
    }

    /// Splits one uncompressed name off the front of `wire`.
    pub fn split_from(wire: &'a [u8]) -> Result<(Self, &'a [u8]), NameError> {
        let mut at = 0;
        loop {
            let length = usize::from(*wire.get(at).ok_or(NameError::Truncated)?);
            if length > LABEL_MAX {
                return Err(NameError::BadLabel);
            }
            at += 1 + length;
            if at > NAME_MAX {
                return Err(NameError::TooLong);
            }
            if length == 0 {
                let (name, rest) = wire.split_at_checked(at).ok_or(NameError::Truncated)?;
                return Ok((NameRef { wire: name }, rest));
            }
        }
    }

    /// The octets, root label included.
    pub fn wire(self) -> &'a [u8] {
        self.wire
    }

    /// Whether this is the root.
    pub fn is_root(self) -> bool {
        self.wire.len() == 1
    }

    /// The labels from the left, without the root label.
    pub fn labels(self) -> Labels<'a> {
        Labels { rest: self.wire }
    }

    /// How many labels there are, the root label not counted.
    pub fn label_count(self) -> usize {
        self.labels().count()
    }

    /// The name without its first label; `None` for the root.
    pub fn parent(self) -> Option<NameRef<'a>> {
        let length = usize::from(*self.wire.first()?);
        if length == 0 {
            return None;
        }
        self.wire.get(1 + length..).map(|wire| NameRef { wire })
    }

    /// This name, its parent, and so on to the root.
    pub fn ancestors(self) -> impl Iterator<Item = NameRef<'a>> {
        std::iter::successors(Some(self), |name| name.parent())
    }

    /// Whether this name is `zone` or below it.
    pub fn is_within(self, zone: NameRef<'_>) -> bool {
        let Some(skip) = self.wire.len().checked_sub(zone.wire.len()) else {
            return false;
        };
        let Some(tail) = self.wire.get(skip..) else {
            return false;
        };
        if !tail.eq_ignore_ascii_case(zone.wire) {
            return false;
        }
        // The tail must begin at a label, not inside one.
        let mut at = 0;
        while at < skip {
            at += 1 + usize::from(self.wire.get(at).copied().unwrap_or(0));
        }
        at == skip
    }

    /// Whether both are the same octets, letter case included.
    pub fn eq_exact(self, other: NameRef<'_>) -> bool {
        self.wire == other.wire
    }

    /// An owned copy.
    pub fn to_name(self) -> Name {
        Name {
            wire: self.wire.into(),
        }
    }

    /// An owned copy in lower case.
    pub fn to_lower(self) -> Name {
        Name {
            wire: self.wire.to_ascii_lowercase().into(),
        }
    }

    /// Order by RFC 4034 section 6.1: labels from the right.
    pub fn cmp_canonical(self, other: NameRef<'_>) -> Ordering {
        let left: smallvec::SmallVec<[&[u8]; 16]> = self.labels().collect();
        let right: smallvec::SmallVec<[&[u8]; 16]> = other.labels().collect();
        for (a, b) in left.iter().rev().zip(right.iter().rev()) {
            let (a, b) = (a.iter(), b.iter().map(u8::to_ascii_lowercase));
            match a.map(u8::to_ascii_lowercase).cmp(b) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        left.len().cmp(&right.len())
    }
}

impl PartialEq for NameRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.wire.eq_ignore_ascii_case(other.wire)
    }
}
impl Eq for NameRef<'_> {}

impl Hash for NameRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for octet in self.wire {
            state.write_u8(octet.to_ascii_lowercase());
        }
    }
}

/// Iterator over the labels of a name.
#[derive(Clone)]
pub struct Labels<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first()?;
        let (label, rest) = rest.split_at_checked(usize::from(*length))?;
        self.rest = rest;
        (!label.is_empty()).then_some(label)
    }
}

/// An owned domain name in wire form; the case of letters is kept but does not count.
#[derive(Clone)]
pub struct Name {
    wire: Box<[u8]>,
}

impl Name {
    /// The root name.
    pub fn root() -> Name {
        NameRef::ROOT.to_name()
    }

    /// The name as a view.
    pub fn view(&self) -> NameRef<'_> {
        NameRef { wire: &self.wire }
    }

    /// The octets, root label included.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// `labels` in front of `suffix`.
    pub fn from_labels<'l>(
        labels: impl IntoIterator<Item = &'l [u8]>,
        suffix: NameRef<'_>,
    ) -> Result<Name, NameError> {
        let mut wire = Vec::with_capacity(32);
        for label in labels {
            let length = u8::try_from(label.len()).map_err(|_| NameError::BadLabel)?;
            if length == 0 || label.len() > LABEL_MAX {
                return Err(NameError::BadLabel);
            }
            wire.push(length);
            wire.extend_from_slice(label);
        }
        wire.extend_from_slice(suffix.wire);
        if wire.len() > NAME_MAX {
            return Err(NameError::TooLong);
        }
        Ok(Name { wire: wire.into() })
    }
}

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        &self.wire
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}
impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.view().hash(state);
    }
}

#[cfg(test)]
mod tests;
