//! Whose a name is, where addresses cannot say it: a TXT record beside them.
//!
//! So a controller that is started elsewhere knows what is its own. external-dns marks its names
//! likewise, in words of the same form; who is marked by another is left alone.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;

use super::Found;
use crate::entry::{Entries, Entry};

/// What the text of a mark begins with, whoever made it.
const HERITAGE: &str = "heritage=";
/// Octets of an owner at most: the text is one string.
const OWNER_MAX: usize = 200;

/// The mark of one owner.
#[derive(Clone, Debug)]
pub(crate) struct Mark(String);

impl Mark {
    /// That of `owner`; `None` if a mark cannot hold it.
    pub fn of(owner: &str) -> Option<Mark> {
        let is_plain = |octet: u8| octet.is_ascii_graphic() && !b"\"\\,".contains(&octet);
        let is_fit = (1..=OWNER_MAX).contains(&owner.len()) && owner.bytes().all(is_plain);
        is_fit.then(|| Mark(format!("{HERITAGE}catena,catena/owner={owner}")))
    }

    /// As a master file has it.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }

    /// The data of the record.
    pub fn rdata(&self) -> Box<[u8]> {
        // An owner leaves room.
        let length = u8::try_from(self.0.len()).unwrap_or(u8::MAX);
        [&[length], self.0.as_bytes()].concat().into()
    }
}

/// Addresses and marks, as they are read one by one.
pub(super) struct Seen<'m> {
    mark: &'m Mark,
    addresses: Entries,
    marked: BTreeSet<Box<str>>,
    taken: BTreeSet<Box<str>>,
}

impl Seen<'_> {
    pub fn new(mark: &Mark) -> Seen<'_> {
        Seen {
            mark,
            addresses: Entries::new(),
            marked: BTreeSet::new(),
            taken: BTreeSet::new(),
        }
    }

    /// An address of `name`.
    pub fn address(&mut self, zone: &Arc<Name>, name: Name, (address, ttl): (IpAddr, u32)) {
        let entry = self.entry(zone, name);
        let known = entry.addresses.iter().copied();
        let all: BTreeSet<IpAddr> = known.chain([address]).collect();
        (entry.addresses, entry.ttl) = (all.into_iter().collect(), ttl);
    }

    /// A text of `name`, its strings as one, without quotes.
    pub fn text(&mut self, zone: &Arc<Name>, name: Name, text: &[u8]) {
        let key = || name.to_string().into();
        if text == self.mark.0.as_bytes() {
            self.marked.insert(key());
            // It may be all that is left of it.
            self.entry(zone, name);
        } else if text.starts_with(HERITAGE.as_bytes()) {
            self.taken.insert(key());
        }
    }

    fn entry(&mut self, zone: &Arc<Name>, name: Name) -> &mut Entry {
        let text: Box<str> = name.to_string().into();
        self.addresses.entry(text).or_insert_with(|| Entry {
            name,
            zone: Arc::clone(zone),
            addresses: Arc::default(),
            ttl: 0,
        })
    }

    /// All that was seen. What two have marked is nobody's to change.
    pub fn found(self) -> Found {
        let mut found = Found {
            taken: self.taken,
            ..Found::default()
        };
        for (text, entry) in self.addresses {
            if found.taken.contains(&text) {
                continue;
            }
            let side = match self.marked.contains(&text) {
                true => &mut found.ours,
                false => &mut found.unmarked,
            };
            side.insert(text, entry);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use catena_dns::Name;

    use super::{Mark, Seen};

    #[test]
    fn names_are_ours_theirs_or_unmarked() {
        let mark = Mark::of("rpc-controller").unwrap();
        let (mut seen, zone) = (Seen::new(&mark), Arc::new(Name::root()));
        let name = |text: &str| text.parse::<Name>().unwrap();
        for text in ["both.", "theirs.", "ours.", "bare."] {
            let address = ("10.0.0.1".parse().unwrap(), 60);
            seen.address(&zone, name(text), address);
        }
        let theirs = b"heritage=external-dns,external-dns/owner=cluster-1";
        for text in ["ours.", "both.", "left."] {
            seen.text(&zone, name(text), &mark.rdata()[1..]);
        }
        for text in ["both.", "theirs."] {
            seen.text(&zone, name(text), theirs);
        }
        seen.text(&zone, name("bare."), b"v=spf1 -all");
        let found = seen.found();
        let ours: Vec<_> = found.ours.iter().collect();
        assert_eq!((&**ours[0].0, ours[0].1.addresses.len()), ("left.", 0));
        assert_eq!((&**ours[1].0, ours[1].1.addresses.len()), ("ours.", 1));
        assert_eq!(ours.len(), 2);
        assert!(found.unmarked.into_keys().eq(["bare.".into()]));
        assert!(
            found
                .taken
                .into_iter()
                .eq(["both.".into(), "theirs.".into()])
        );
    }

    #[test]
    fn an_owner_that_needs_quoting_is_none() {
        for owner in ["", "a b", "a,b", "a\"b", "a\\b", "ä", &"a".repeat(201)] {
            assert!(Mark::of(owner).is_none(), "{owner}");
        }
        let mark = Mark::of("a").unwrap();
        assert_eq!(mark.quoted(), "\"heritage=catena,catena/owner=a\"");
    }
}
