//! The records of one name and type, and what names them.

use catena_dns::rdata::{lower_names, validate};
use catena_dns::{Name, NameRef, RecordType};

/// Names a lease; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(pub u64);

/// All records of a name with one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// The time to live in seconds, the same for all of them.
    pub ttl: u32,
    /// Their data in order, each once, names in lower case; one at least.
    pub data: Vec<Box<[u8]>>,
    /// The lease whose end is the end of the records too.
    pub lease: Option<LeaseId>,
}

impl RecordSet {
    /// A set of `data`; `None` if there is none, or if some of it is not of `rtype`.
    pub fn new(rtype: RecordType, ttl: u32, data: Vec<Box<[u8]>>) -> Option<RecordSet> {
        let mut data = data;
        for rdata in &mut data {
            if !validate(rtype, rdata) {
                return None;
            }
            lower_names(rtype, rdata);
        }
        data.sort_unstable();
        data.dedup();
        let is_empty = data.is_empty();
        let lease = None;
        (!is_empty).then_some(RecordSet { ttl, data, lease })
    }

    /// Adds one record if it is not there; the TTL becomes that of all.
    pub fn insert(&mut self, ttl: u32, rdata: Box<[u8]>) {
        self.ttl = ttl;
        if let Err(place) = self.data.binary_search(&rdata) {
            self.data.insert(place, rdata);
        }
    }

    /// Whether `rdata`, in lower case, is among them.
    pub fn has(&self, rdata: &[u8]) -> bool {
        self.data.binary_search_by(|own| (**own).cmp(rdata)).is_ok()
    }

    /// Octets it takes.
    pub fn size(&self) -> usize {
        let data = self.data.iter().map(|rdata| rdata.len() + 16);
        32 + data.sum::<usize>()
    }
}

/// Names a set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetKey {
    /// The owner, in lower case.
    pub name: Name,
    /// The type.
    pub rtype: RecordType,
}

impl SetKey {
    /// The set of `rtype` at `name`.
    pub fn new(name: NameRef<'_>, rtype: RecordType) -> SetKey {
        let name = name.to_lower();
        SetKey { name, rtype }
    }
}

/// One set that is replaced, made or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Which.
    pub key: SetKey,
    /// What was there.
    pub before: Option<RecordSet>,
    /// What is there now.
    pub after: Option<RecordSet>,
}
