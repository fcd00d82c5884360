//! Signing the answer to a signed query, one message or many.

use std::sync::Arc;

use super::Signed;
use super::key::{Algorithm, Digest};
use super::record::{Before, Signature};
use crate::Rcode;
use crate::header::read_u16;

/// Signs the messages of the answer to one query, in order (RFC 8945 section 5.3).
#[derive(Debug)]
pub struct Seal {
    signed: Arc<Signed>,
    /// The signature of the message before; that of the query at first.
    last: Digest,
    is_first: bool,
}

impl Seal {
    /// A seal for the answer to the query that `signed` came with.
    pub fn new(signed: Arc<Signed>) -> Seal {
        Seal {
            last: signed.signature.digest.clone(),
            signed,
            is_first: true,
        }
    }

    /// Octets that it adds to a message.
    pub fn room(&self) -> usize {
        let algorithm = self.algorithm();
        let other = usize::from(self.signed.error == Rcode::BADTIME) * 6;
        self.record(0).length(algorithm) + other
    }

    /// Signs the message that begins at `start` of `out` and is whole but for this.
    ///
    /// The answer to a signature that is not good bears the reason, and no signature (RFC 8945
    /// section 5.3.2); the answer to one that is only late or early is signed.
    pub fn sign(&mut self, out: &mut Vec<u8>, start: usize, now: u64) {
        let mut record = self.record(now);
        record.error = self.signed.error.0;
        record.original_id = read_u16(out, start).unwrap_or(0);
        if self.signed.error == Rcode::BADTIME {
            record.time = self.signed.signature.time;
            let [_, _, time @ ..] = now.to_be_bytes();
            record.other = time.to_vec();
        }
        match (&self.signed.key, out.get(start..)) {
            (Some((key, algorithm)), Some(message)) => {
                let before = match self.is_first {
                    true => Before::Query(&self.last),
                    false => Before::Message(&self.last, &[]),
                };
                record.sign((key, *algorithm), message, before);
            }
            _ => record.time = 0,
        }
        record.append(out, start);
        self.last = record.digest;
        self.is_first = false;
    }

    fn algorithm(&self) -> Option<Algorithm> {
        self.signed.key.as_ref().map(|(_, algorithm)| *algorithm)
    }

    fn record(&self, now: u64) -> Signature {
        let query = &self.signed.signature;
        Signature::unsigned(query.key.view(), query.algorithm.view(), now)
    }
}
