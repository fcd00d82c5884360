//! Who may do what: credentials, and what is allowed to those who show them.

use std::fmt;
use std::net::IpAddr;

use catena_dns::{Name, NameRef, RecordType};
use catena_plugin::networks::Network;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Something to be done with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Read,
    Write,
    Delete,
}

impl Verb {
    /// As Corefiles say it.
    pub fn parse(text: &str) -> Option<&'static [Verb]> {
        Some(match text {
            "read" => &[Verb::Read],
            "write" => &[Verb::Write],
            "delete" => &[Verb::Delete],
            "all" => &[Verb::Read, Verb::Write, Verb::Delete],
            _ => return None,
        })
    }
}

/// Which names a permission is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// All.
    Any,
    /// One.
    Is(Name),
    /// All below one.
    Below(Name),
}

impl Pattern {
    /// Reads `*`, `www.example.org` or `*.example.org`.
    pub fn parse(text: &str) -> Option<Pattern> {
        if text == "*" {
            return Some(Pattern::Any);
        }
        match text.strip_prefix("*.") {
            Some(parent) => parent.parse().ok().map(Pattern::Below),
            None => text.parse().ok().map(Pattern::Is),
        }
    }

    fn covers(&self, name: NameRef<'_>) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Is(own) => own.view() == name,
            Pattern::Below(parent) => name != parent.view() && name.is_within(parent.view()),
        }
    }
}

/// Somebody, known by what he shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Who knows the token of this name.
    Token(String),
    /// Who has the certificate of this name.
    Certificate(String),
    /// Who signs with the TSIG key of this name.
    Key(Name),
    /// Who is in the network.
    Network(Network),
}

/// What somebody may do.
#[derive(Clone, Debug)]
pub(crate) struct Permission {
    pub who: Who,
    pub verbs: Vec<Verb>,
    /// All names if there are none.
    pub names: Vec<Pattern>,
    /// All types if there are none.
    pub types: Vec<RecordType>,
}

impl Permission {
    fn covers(&self, verb: Verb, name: NameRef<'_>, rtype: RecordType) -> bool {
        self.verbs.contains(&verb)
            && (self.names.is_empty() || self.names.iter().any(|pattern| pattern.covers(name)))
            && (self.types.is_empty() || self.types.contains(&rtype))
    }
}

/// A token, known by its digest only.
#[derive(Clone)]
pub(crate) struct Token {
    pub name: String,
    digest: [u8; 32],
}

impl Token {
    pub fn new(name: &str, secret: &str) -> Self {
        Token {
            name: name.to_owned(),
            digest: Sha256::digest(secret).into(),
        }
    }
}

/// Everybody who is known and what each may do.
#[derive(Clone, Default)]
pub(crate) struct Access {
    pub tokens: Vec<Token>,
    /// Names of certificates, and the host each is issued to.
    pub certificates: Vec<(String, String)>,
    pub permissions: Vec<Permission>,
}

/// Somebody who asks, and all that he is.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    who: Vec<Who>,
    address: IpAddr,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for who in &self.who {
            match who {
                Who::Token(name) => write!(f, "token:{name} ")?,
                Who::Certificate(name) => write!(f, "cert:{name} ")?,
                Who::Key(name) => write!(f, "key:{name} ")?,
                Who::Network(_) => {}
            }
        }
        write!(f, "{}", self.address)
    }
}

impl Access {
    /// The token that `secret` is, compared in constant time with all there are.
    pub fn token(&self, secret: &str) -> Option<Who> {
        let digest: [u8; 32] = Sha256::digest(secret).into();
        let mut found = None;
        for token in &self.tokens {
            if bool::from(token.digest.ct_eq(&digest)) {
                found = Some(Who::Token(token.name.clone()));
            }
        }
        found
    }

    /// Somebody at `address` who has shown himself to be each of `who`.
    pub fn caller(&self, address: IpAddr, who: Vec<Who>) -> Caller {
        let address = address.to_canonical();
        Caller { who, address }
    }

    /// Whether anything at all is allowed to `caller`.
    pub fn knows(&self, caller: &Caller) -> bool {
        self.permissions_of(caller).next().is_some()
    }

    /// Whether `caller` may do `verb` with the records of `rtype` at `name`.
    pub fn allows(
        &self,
        caller: &Caller,
        verb: Verb,
        (name, rtype): (NameRef<'_>, RecordType),
    ) -> bool {
        let mut permissions = self.permissions_of(caller);
        permissions.any(|permission| permission.covers(verb, name, rtype))
    }

    /// Whether anybody may write who can be known by a DNS message.
    pub fn takes_updates(&self) -> bool {
        self.permissions.iter().any(|permission| {
            let is_dns = matches!(permission.who, Who::Key(_) | Who::Network(_));
            is_dns && permission.verbs.iter().any(|verb| *verb != Verb::Read)
        })
    }

    /// Whether there is anything that `caller` may write.
    pub fn may_write(&self, caller: &Caller) -> bool {
        let mut permissions = self.permissions_of(caller);
        permissions.any(|permission| permission.verbs.contains(&Verb::Write))
    }

    /// Whether there is anything that `caller` may write or delete.
    pub fn may_change(&self, caller: &Caller) -> bool {
        let mut permissions = self.permissions_of(caller);
        permissions.any(|permission| permission.verbs.iter().any(|verb| *verb != Verb::Read))
    }

    fn permissions_of<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = &'a Permission> {
        self.permissions
            .iter()
            .filter(|permission| match &permission.who {
                Who::Network(network) => network.contains(caller.address),
                who => caller.who.contains(who),
            })
    }
}
