//! Walking the records of a message in place, bounded and without allocation.

use crate::header::{HEADER_LEN, Header, read_u16, read_u32};
use crate::name::{NameError, skip_name};
use crate::rdata::{self, Field};
use crate::reply::RecordRef;
use crate::{Class, Name, NameBuf, RecordType};

/// The three sections that hold records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Answers the question.
    Answer,
    /// Names the authority.
    Authority,
    /// Helps with the other two.
    Additional,
}

impl Section {
    /// All three, in wire order.
    pub const ALL: [Section; 3] = [Section::Answer, Section::Authority, Section::Additional];

    /// The place of its count in [`Header::counts`].
    pub const fn index(self) -> usize {
        match self {
            Section::Answer => 1,
            Section::Authority => 2,
            Section::Additional => 3,
        }
    }
}

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The message ends inside a record.
    #[error("message is cut off")]
    Truncated,
    /// A name is broken.
    #[error("{0}")]
    Name(#[from] NameError),
    /// RDATA that its type does not allow.
    #[error("bad RDATA")]
    Rdata,
}

/// Where a record stands in its message, and its fixed fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordView {
    /// The section.
    pub section: Section,
    /// Offset of the owner name.
    pub start: usize,
    /// Offset of the RDATA; type, class, TTL and length are the ten octets before.
    pub rdata: usize,
    /// Offset after the RDATA.
    pub end: usize,
    /// The type.
    pub rtype: RecordType,
    /// The class.
    pub class: Class,
    /// The time to live in seconds.
    pub ttl: u32,
}

impl RecordView {
    /// Offset of the TTL field.
    pub fn ttl_at(&self) -> usize {
        self.rdata - 6
    }

    /// An owned copy with names in full.
    pub fn to_record(&self, message: &[u8]) -> Result<Record, MessageError> {
        let mut owner = NameBuf::new();
        owner.read(message, self.start)?;
        let mut rdata = Vec::with_capacity(self.end - self.rdata);
        expand_rdata(message, self, &mut rdata)?;
        Ok(Record {
            name: owner.view().to_name(),
            rtype: self.rtype,
            class: self.class,
            ttl: self.ttl,
            rdata: rdata.into(),
        })
    }
}

/// An owned record; names in its RDATA are uncompressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The owner name.
    pub name: Name,
    /// The type.
    pub rtype: RecordType,
    /// The class.
    pub class: Class,
    /// The time to live in seconds.
    pub ttl: u32,
    /// The data in wire form.
    pub rdata: Box<[u8]>,
}

impl From<RecordRef<'_>> for Record {
    fn from(record: RecordRef<'_>) -> Self {
        Record {
            name: record.name.to_name(),
            rtype: record.rtype,
            class: record.class,
            ttl: record.ttl,
            rdata: record.rdata.into(),
        }
    }
}

/// Iterator over the records of a message, up to what its counts promise.
///
/// Counts are not trusted: a message that ends early ends the iteration, as in CoreDNS.
#[derive(Clone)]
pub struct Records<'a> {
    message: &'a [u8],
    at: usize,
    left: [u16; 3],
}

impl<'a> Records<'a> {
    /// The records of `message`, which begin at `at`.
    pub fn new(message: &'a [u8], at: usize) -> Self {
        let counts = Header::read(message).unwrap_or_default().counts;
        Records {
            message,
            at,
            left: [counts[1], counts[2], counts[3]],
        }
    }

    /// Offset after the last record that was read.
    pub fn position(&self) -> usize {
        self.at
    }

    fn read(&mut self, section: Section) -> Result<RecordView, MessageError> {
        let start = self.at;
        let fixed = skip_name(self.message, start)?;
        let word = |at| read_u16(self.message, at).ok_or(MessageError::Truncated);
        let length = usize::from(word(fixed + 8)?);
        let rdata = fixed + 10;
        if self.message.len() < rdata + length {
            return Err(MessageError::Truncated);
        }
        self.at = rdata + length;
        Ok(RecordView {
            section,
            start,
            rdata,
            end: self.at,
            rtype: RecordType(word(fixed)?),
            class: Class(word(fixed + 2)?),
            ttl: read_u32(self.message, fixed + 4).ok_or(MessageError::Truncated)?,
        })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<RecordView, MessageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.message.len() {
            return None;
        }
        let (left, section) = self
            .left
            .iter_mut()
            .zip(Section::ALL)
            .find(|(left, _)| **left > 0)?;
        *left -= 1;
        let record = self.read(section);
        if record.is_err() {
            self.left = [0; 3];
        }
        Some(record)
    }
}

/// Offset after the one question of `message`, which may be compressed.
pub fn question_end(message: &[u8]) -> Result<usize, MessageError> {
    let end = skip_name(message, HEADER_LEN)? + 4;
    if end > message.len() {
        Err(MessageError::Truncated)
    } else {
        Ok(end)
    }
}

/// Appends the RDATA of `record` with all names in full, after checking it against its type.
pub fn expand_rdata(
    message: &[u8],
    record: &RecordView,
    out: &mut Vec<u8>,
) -> Result<(), MessageError> {
    if record.rdata == record.end {
        return Ok(());
    }
    let mut at = record.rdata;
    for field in rdata::layout(record.rtype) {
        at = expand_field(message, *field, at..record.end, out)?;
    }
    if at == record.end {
        Ok(())
    } else {
        Err(MessageError::Rdata)
    }
}

fn expand_field(
    message: &[u8],
    field: Field,
    range: std::ops::Range<usize>,
    out: &mut Vec<u8>,
) -> Result<usize, MessageError> {
    let at = range.start;
    let end = match field.width() {
        Some(width) => at + width,
        None => match field {
            Field::CompressedName | Field::Name => {
                let mut name = NameBuf::new();
                let end = name.read(message, at)?;
                if end > range.end {
                    return Err(MessageError::Rdata);
                }
                out.extend_from_slice(name.view().wire());
                return Ok(end);
            }
            _ if field.is_counted() => text_end(message, at, range.end)?,
            Field::Texts => {
                let mut end = text_end(message, at, range.end)?;
                while end < range.end {
                    end = text_end(message, end, range.end)?;
                }
                end
            }
            _ => range.end,
        },
    };
    if end > range.end {
        return Err(MessageError::Rdata);
    }
    out.extend_from_slice(message.get(at..end).ok_or(MessageError::Rdata)?);
    Ok(end)
}

fn text_end(message: &[u8], at: usize, limit: usize) -> Result<usize, MessageError> {
    let length = message.get(at).ok_or(MessageError::Rdata)?;
    let end = at + 1 + usize::from(*length);
    if end > limit {
        Err(MessageError::Rdata)
    } else {
        Ok(end)
    }
}
