//! TSIG: messages signed with a secret that both sides share (RFC 8945).
//!
//! A query's signature is checked once, against all the [`Keys`] of its listener, and becomes a
//! [`Signed`]; a [`Seal`] made of that signs each message of the answer. [`Asking`] is the other
//! side: it signs a query of our own and checks what comes back.

mod asking;
mod key;
mod record;
mod seal;

pub use asking::{AnswerError, Asking};
pub use key::{Algorithm, Key, KeyError, Keys};
pub use seal::Seal;

use std::sync::Arc;

use crate::{MessageError, Name, NameRef, Rcode};

use record::{Before, Signature};

/// Seconds that the clocks of both sides may differ by, RFC 8945 section 10.
const FUDGE: u16 = 300;

/// A signature that is not the key's; the number means BADVERS where an OPT record says it.
pub const BADSIG: Rcode = Rcode(16);

/// The signature of a query, and what was found about it.
#[derive(Debug)]
pub struct Signed {
    signature: Signature,
    /// The key, if there is one that made the signature.
    key: Option<(Arc<Key>, Algorithm)>,
    error: Rcode,
}

impl Signed {
    /// Checks the TSIG record at `at`, the last of `message`; `now` counts seconds since 1970.
    ///
    /// An error means that the record cannot be read.
    pub fn check(message: &[u8], at: usize, keys: &Keys, now: u64) -> Result<Signed, MessageError> {
        let signature = Signature::read(message, at)?;
        let mut signed = Signed {
            signature,
            key: None,
            error: Rcode::BADKEY,
        };
        let Some(key) = keys.find(signed.signature.key.view()) else {
            return Ok(signed);
        };
        // CoreDNS calls an algorithm that it does not know a bad signature.
        signed.error = BADSIG;
        let Some(algorithm) = Algorithm::named(signed.signature.algorithm.view()) else {
            return Ok(signed);
        };
        let text = message.get(..at).unwrap_or(message);
        if !signed
            .signature
            .is_made_by((key, algorithm), text, Before::None)
        {
            return Ok(signed);
        }
        signed.error = match signed.signature.is_timely(now) {
            true => Rcode::NOERROR,
            false => Rcode::BADTIME,
        };
        signed.key = Some((Arc::clone(key), algorithm));
        Ok(signed)
    }

    /// The name of the key that the client has shown to hold; `None` after any error.
    pub fn signer(&self) -> Option<NameRef<'_>> {
        match (&self.key, self.error) {
            (Some((key, _)), Rcode::NOERROR) => Some(key.name()),
            _ => None,
        }
    }

    /// What is wrong with the signature: BADKEY, BADSIG or BADTIME.
    pub fn error(&self) -> Option<Rcode> {
        (self.error != Rcode::NOERROR).then_some(self.error)
    }

    /// The name of the key the client says it used, which proves nothing.
    pub fn claimed(&self) -> &Name {
        &self.signature.key
    }
}

#[cfg(test)]
mod tests;
