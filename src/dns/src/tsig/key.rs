//! Shared secrets and the algorithms they sign with.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use smallvec::SmallVec;

use crate::rdata::codec;
use crate::{Name, NameRef};

/// The octets of a signature.
pub(super) type Digest = SmallVec<[u8; 64]>;

/// An HMAC over one of the SHA family, RFC 8945 section 6.
///
/// HMAC-MD5 is left out, as in CoreDNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `hmac-sha1`
    Sha1,
    /// `hmac-sha224`
    Sha224,
    /// `hmac-sha256`
    Sha256,
    /// `hmac-sha384`
    Sha384,
    /// `hmac-sha512`
    Sha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 5] = [
        Algorithm::Sha1,
        Algorithm::Sha224,
        Algorithm::Sha256,
        Algorithm::Sha384,
        Algorithm::Sha512,
    ];

    /// The algorithm that `name` stands for on the wire.
    pub fn named(name: NameRef<'_>) -> Option<Algorithm> {
        let mut all = Algorithm::ALL.into_iter();
        all.find(|algorithm| algorithm.name().view() == name)
    }

    /// The algorithm written `text`, such as `hmac-sha256`.
    pub fn parse(text: &str) -> Option<Algorithm> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let mut all = Algorithm::ALL.into_iter();
        all.find(|algorithm| algorithm.text().eq_ignore_ascii_case(text))
    }

    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "hmac-sha1",
            Algorithm::Sha224 => "hmac-sha224",
            Algorithm::Sha256 => "hmac-sha256",
            Algorithm::Sha384 => "hmac-sha384",
            Algorithm::Sha512 => "hmac-sha512",
        }
    }

    /// Its name on the wire.
    pub fn name(self) -> Name {
        Name::from_labels([self.text().as_bytes()], NameRef::ROOT).unwrap_or_else(|_| Name::root())
    }

    /// Octets of a signature.
    pub(super) fn length(self) -> usize {
        match self {
            Algorithm::Sha1 => 20,
            Algorithm::Sha224 => 28,
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }

    /// Signs `parts`, one after the other, with `secret`.
    pub(super) fn sign(self, secret: &[u8], parts: &[&[u8]]) -> Digest {
        match self {
            Algorithm::Sha1 => digest::<Hmac<Sha1>>(secret, parts),
            Algorithm::Sha224 => digest::<Hmac<Sha224>>(secret, parts),
            Algorithm::Sha256 => digest::<Hmac<Sha256>>(secret, parts),
            Algorithm::Sha384 => digest::<Hmac<Sha384>>(secret, parts),
            Algorithm::Sha512 => digest::<Hmac<Sha512>>(secret, parts),
        }
    }
}

fn digest<H: Mac + KeyInit>(secret: &[u8], parts: &[&[u8]]) -> Digest {
    // HMAC takes a secret of any length, so there is always a state to begin with.
    let Ok(mut state) = <H as KeyInit>::new_from_slice(secret) else {
        return Digest::new();
    };
    for part in parts {
        state.update(part);
    }
    Digest::from_slice(&state.finalize().into_bytes())
}

/// A named secret.
pub struct Key {
    name: Name,
    secret: Box<[u8]>,
}

/// A secret that is not written in base 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("secret is not base 64")]
pub struct KeyError;

impl Key {
    /// The key `name` with the secret written in base 64 as `text`.
    pub fn parse(name: NameRef<'_>, text: &str) -> Result<Key, KeyError> {
        let mut secret = Vec::new();
        if !codec::read_base64([text.as_bytes()], &mut secret) {
            return Err(KeyError);
        }
        let (name, secret) = (name.to_lower(), secret.into());
        Ok(Key { name, secret })
    }

    /// Its name, in lower case.
    pub fn name(&self) -> NameRef<'_> {
        self.name.view()
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.name.view())
    }
}

/// The keys that a listener knows.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Arc<Key>>);

impl Keys {
    /// Adds `key`; false if there is one of that name, which stays.
    pub fn add(&mut self, key: Key) -> bool {
        if self.find(key.name()).is_some() {
            return false;
        }
        self.0.push(Arc::new(key));
        true
    }

    /// Adds the keys of `others`; of two with one name the newer one stays, as in CoreDNS.
    pub fn extend(&mut self, others: &Keys) {
        for key in &others.0 {
            self.0.retain(|known| known.name() != key.name());
            self.0.push(Arc::clone(key));
        }
    }

    /// The key called `name`.
    pub fn find(&self, name: NameRef<'_>) -> Option<&Arc<Key>> {
        self.0.iter().find(|key| key.name() == name)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
