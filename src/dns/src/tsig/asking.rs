//! Signing a query of our own, and checking the answer.

use std::sync::Arc;

use super::BADSIG;
use super::key::{Algorithm, Digest, Key};
use super::record::{Before, Signature};
use crate::header::{HEADER_LEN, Header, read_u16};
use crate::records::{MessageError, Records, question_end};
use crate::{Rcode, RecordType};

/// Messages without a signature that one may follow, RFC 8945 section 5.3.1.
const UNSIGNED_MAX: usize = 99;
/// Octets of such messages.
const UNSIGNED_LEN_MAX: usize = 8 << 20;

/// A signed query that waits for its answer, which may be of several messages.
#[derive(Debug)]
pub struct Asking {
    key: Arc<Key>,
    algorithm: Algorithm,
    last: Digest,
    is_first: bool,
    unsigned: Vec<u8>,
    unsigned_count: usize,
}

/// Why an answer is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It cannot be read.
    #[error("{0}")]
    Message(#[from] MessageError),
    /// There is no signature where there must be one.
    #[error("the answer is not signed")]
    Unsigned,
    /// The other side did not accept ours.
    #[error("the other side says {}", error_text(*.0))]
    Refused(Rcode),
    /// The signature is not that of the key.
    #[error("the answer's signature is wrong")]
    BadSignature,
    /// The signature is too old or from the future.
    #[error("the answer's signature is of another time")]
    BadTime,
}

impl Asking {
    /// Signs `query`, which has no TSIG record yet.
    pub fn sign(query: &mut Vec<u8>, key: &Arc<Key>, algorithm: Algorithm, now: u64) -> Asking {
        let mut record = Signature::unsigned(key.name(), algorithm.name().view(), now);
        record.original_id = read_u16(query, 0).unwrap_or(0);
        record.sign((key, algorithm), query, Before::None);
        record.append(query, 0);
        Asking {
            key: Arc::clone(key),
            algorithm,
            last: record.digest,
            is_first: true,
            unsigned: Vec::new(),
            unsigned_count: 0,
        }
    }

    /// Checks the next message of the answer; its first and its last must be signed.
    pub fn check(&mut self, message: &[u8], now: u64) -> Result<(), AnswerError> {
        let Some(at) = signature_at(message)? else {
            self.unsigned_count += 1;
            self.unsigned.extend_from_slice(message);
            let is_too_much =
                self.unsigned_count > UNSIGNED_MAX || self.unsigned.len() > UNSIGNED_LEN_MAX;
            return match self.is_first || is_too_much {
                true => Err(AnswerError::Unsigned),
                false => Ok(()),
            };
        };
        let record = Signature::read(message, at)?;
        if record.error != 0 && record.digest.is_empty() {
            return Err(AnswerError::Refused(Rcode(record.error)));
        }
        let text = message.get(..at).unwrap_or(message);
        let before = match self.is_first {
            true => Before::Query(&self.last),
            false => Before::Message(&self.last, &self.unsigned),
        };
        let is_ours = record.key.view() == self.key.name();
        if !is_ours || !record.is_made_by((&self.key, self.algorithm), text, before) {
            return Err(AnswerError::BadSignature);
        }
        if record.error != 0 {
            return Err(AnswerError::Refused(Rcode(record.error)));
        }
        if !record.is_timely(now) {
            return Err(AnswerError::BadTime);
        }
        self.is_first = false;
        self.unsigned.clear();
        self.unsigned_count = 0;
        self.last = record.digest;
        Ok(())
    }

    /// Whether the message that was checked last was signed.
    pub fn is_settled(&self) -> bool {
        !self.is_first && self.unsigned_count == 0
    }
}

fn error_text(error: Rcode) -> String {
    match error {
        BADSIG => "BADSIG".to_owned(),
        other => other.to_string(),
    }
}

/// Where the TSIG record of `message` begins, if the last record is one.
fn signature_at(message: &[u8]) -> Result<Option<usize>, MessageError> {
    let header = Header::read(message).ok_or(MessageError::Truncated)?;
    let start = match header.counts[0] {
        0 => HEADER_LEN,
        _ => question_end(message)?,
    };
    let mut last = None;
    for record in Records::new(message, start) {
        last = Some(record?);
    }
    let last = last.filter(|record| record.rtype == RecordType::TSIG);
    Ok(last.map(|record| record.start))
}
