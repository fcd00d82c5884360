//! The TSIG record, and what of a message its signature covers (RFC 8945 section 4).

use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use super::FUDGE;
use super::key::{Algorithm, Digest, Key};
use crate::header::{HEADER_LEN, Header, read_u16, write_u16};
use crate::records::MessageError;
use crate::{Class, Name, NameBuf, NameRef, RecordType};

/// What a TSIG record says.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    /// In lower case.
    pub key: Name,
    /// In lower case.
    pub algorithm: Name,
    /// Seconds since 1970, 48 bits.
    pub time: u64,
    pub fudge: u16,
    pub digest: Digest,
    pub original_id: u16,
    pub error: u16,
    pub other: Vec<u8>,
}

/// What was signed right before a message, which its signature covers too.
#[derive(Clone, Copy)]
pub(super) enum Before<'a> {
    /// Nothing: the message is a query.
    None,
    /// The query; the message is the first of the answer.
    Query(&'a [u8]),
    /// An earlier message of the same answer, and messages without a signature since.
    Message(&'a [u8], &'a [u8]),
}

impl Signature {
    /// Reads the TSIG record at `at`.
    pub fn read(message: &[u8], at: usize) -> Result<Signature, MessageError> {
        let (mut key, mut algorithm) = (NameBuf::new(), NameBuf::new());
        let fixed = key.read(message, at)?;
        let mut rest = Rest(message, fixed + 10);
        let length = usize::from(read_u16(message, fixed + 8).ok_or(MessageError::Truncated)?);
        rest.1 = algorithm.read(message, rest.1)?;
        let time = rest.octets(6)?.iter();
        let time = time.fold(0, |time, octet| time << 8 | u64::from(*octet));
        let fudge = rest.word()?;
        let length_of_digest = rest.word()?;
        let digest = Digest::from_slice(rest.octets(usize::from(length_of_digest))?);
        let (original_id, error) = (rest.word()?, rest.word()?);
        let length_of_other = rest.word()?;
        let other = rest.octets(usize::from(length_of_other))?.to_vec();
        if rest.1 != fixed + 10 + length {
            return Err(MessageError::Rdata);
        }
        Ok(Signature {
            key: key.view().to_lower(),
            algorithm: algorithm.view().to_lower(),
            time,
            fudge,
            digest,
            original_id,
            error,
            other,
        })
    }

    /// The record to be, not signed yet.
    pub fn unsigned(key: NameRef<'_>, algorithm: NameRef<'_>, time: u64) -> Signature {
        Signature {
            key: key.to_lower(),
            algorithm: algorithm.to_lower(),
            time,
            fudge: FUDGE,
            digest: Digest::new(),
            original_id: 0,
            error: 0,
            other: Vec::new(),
        }
    }

    /// Octets of the record, signed with `algorithm` if there is one.
    pub fn length(&self, algorithm: Option<Algorithm>) -> usize {
        let names = self.key.wire().len() + self.algorithm.wire().len();
        names + 10 + 16 + algorithm.map_or(0, Algorithm::length) + self.other.len()
    }

    /// Whether the time of signing is near `now`.
    pub fn is_timely(&self, now: u64) -> bool {
        self.time.abs_diff(now) <= u64::from(self.fudge)
    }

    /// Whether the key made this signature of `text`, a message up to its TSIG record.
    pub fn is_made_by(
        &self,
        (key, algorithm): (&Arc<Key>, Algorithm),
        text: &[u8],
        before: Before<'_>,
    ) -> bool {
        let Some((header, rest)) = text.split_first_chunk::<HEADER_LEN>() else {
            return false;
        };
        // The record was not counted when the message was signed.
        let counted = Header::read(header).map_or(0, |header| header.counts[3]);
        let mut header = *header;
        write_u16(&mut header, 10, counted.saturating_sub(1));
        let made = self.digest_of((key, algorithm), (&mut header, rest), before);
        made.ct_eq(&self.digest).into()
    }

    /// Signs `message`, which has no TSIG record yet.
    pub fn sign(&mut self, key: (&Arc<Key>, Algorithm), message: &[u8], before: Before<'_>) {
        if let Some((header, rest)) = message.split_first_chunk::<HEADER_LEN>() {
            self.digest = self.digest_of(key, (&mut header.clone(), rest), before);
        }
    }

    fn digest_of(
        &self,
        (key, algorithm): (&Arc<Key>, Algorithm),
        (header, rest): (&mut [u8; HEADER_LEN], &[u8]),
        before: Before<'_>,
    ) -> Digest {
        write_u16(header, 0, self.original_id);
        let (digest, between) = match before {
            Before::None => (None, &[][..]),
            Before::Query(digest) => (Some(digest), &[][..]),
            Before::Message(digest, between) => (Some(digest), between),
        };
        let length = digest.map(|digest| u16::try_from(digest.len()).unwrap_or(0).to_be_bytes());
        let variables = match before {
            Before::Message(..) => self.timers().to_vec(),
            _ => self.variables(),
        };
        let parts: [&[u8]; 6] = [
            length.as_ref().map_or(&[], |length| length),
            digest.unwrap_or(&[]),
            between,
            header,
            rest,
            &variables,
        ];
        algorithm.sign(key.secret(), &parts)
    }

    /// The time and the fudge, RFC 8945 section 4.3.3.
    fn timers(&self) -> [u8; 8] {
        let [_, _, time @ ..] = self.time.to_be_bytes();
        let mut timers = [0; 8];
        let (first, second) = timers.split_at_mut(6);
        first.copy_from_slice(&time);
        second.copy_from_slice(&self.fudge.to_be_bytes());
        timers
    }

    fn variables(&self) -> Vec<u8> {
        let mut octets = self.key.wire().to_vec();
        octets.extend_from_slice(&Class::ANY.0.to_be_bytes());
        octets.extend_from_slice(&[0; 4]);
        octets.extend_from_slice(self.algorithm.wire());
        octets.extend_from_slice(&self.timers());
        octets.extend_from_slice(&self.error.to_be_bytes());
        push_counted(&self.other, &mut octets);
        octets
    }

    /// Appends the record to the message that begins at `start` of `out`.
    pub fn append(&self, out: &mut Vec<u8>, start: usize) {
        out.extend_from_slice(self.key.wire());
        out.extend_from_slice(&RecordType::TSIG.0.to_be_bytes());
        out.extend_from_slice(&Class::ANY.0.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        let at = out.len();
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(self.algorithm.wire());
        out.extend_from_slice(&self.timers());
        push_counted(&self.digest, out);
        out.extend_from_slice(&self.original_id.to_be_bytes());
        out.extend_from_slice(&self.error.to_be_bytes());
        push_counted(&self.other, out);
        let length = u16::try_from(out.len() - at - 2).unwrap_or(0);
        write_u16(out, at, length);
        let counted = read_u16(out, start + 10).unwrap_or(0);
        write_u16(out, start + 10, counted.saturating_add(1));
    }
}

fn push_counted(octets: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(octets.len()).unwrap_or(0);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(octets);
}

/// A message and how far it was read.
struct Rest<'a>(&'a [u8], usize);

impl<'a> Rest<'a> {
    fn octets(&mut self, count: usize) -> Result<&'a [u8], MessageError> {
        let range = self.1..self.1 + count;
        let octets = self.0.get(range).ok_or(MessageError::Truncated)?;
        self.1 += count;
        Ok(octets)
    }

    fn word(&mut self) -> Result<u16, MessageError> {
        let word = read_u16(self.0, self.1).ok_or(MessageError::Truncated)?;
        self.1 += 2;
        Ok(word)
    }
}
