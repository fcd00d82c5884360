//! Sets as stores keep them: octets that are read in place, a million of them too.

use catena_dns::{NameRef, RecordType};

use crate::{Edit, LeaseId, RecordSet, SetKey};

/// Sets one behind the other; those of a name stand together, but for a zone's own.
#[derive(Clone, Debug, Default)]
pub struct StoredSets {
    /// Key and value of each, the length before each.
    octets: Vec<u8>,
    count: usize,
}

/// One set, read in place.
#[derive(Clone, Copy, Debug)]
pub struct StoredSet<'s> {
    /// The owner, in lower case.
    pub name: NameRef<'s>,
    /// The type.
    pub rtype: RecordType,
    /// The time to live in seconds.
    pub ttl: u32,
    /// The lease whose end is the end of the records too.
    pub lease: Option<LeaseId>,
    data: &'s [u8],
}

impl StoredSets {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = StoredSet<'_>> {
        let mut rest = self.octets.as_slice();
        std::iter::from_fn(move || {
            let key = take(&mut rest)?;
            // They made sense when they were added.
            StoredSet::split(key, take(&mut rest)?)
        })
    }

    /// Adds a set as it is stored.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        put(key, &mut self.octets);
        put(value, &mut self.octets);
        self.count += 1;
    }

    /// Adds a set of a zone's own name.
    pub(crate) fn push_of_apex(&mut self, key: &SetKey, set: &RecordSet) {
        self.push(&write_key(key), &write_set(set));
    }
}

impl FromIterator<(SetKey, RecordSet)> for StoredSets {
    fn from_iter<I: IntoIterator<Item = (SetKey, RecordSet)>>(sets: I) -> StoredSets {
        let sets = sets.into_iter();
        let mut sets: Vec<_> = sets.map(|(key, set)| (write_key(&key), set)).collect();
        sets.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut stored = StoredSets::default();
        for (key, set) in sets {
            stored.push(&key, &write_set(&set));
        }
        stored
    }
}

impl<'s> StoredSet<'s> {
    /// Reads a set; `None` if it makes no sense.
    pub(super) fn read(key: &'s [u8], value: &'s [u8]) -> Option<StoredSet<'s>> {
        let set = StoredSet::split(key, value)?;
        let octets: usize = set.records().map(|rdata| rdata.len() + 2).sum();
        (!set.data.is_empty() && octets == set.data.len()).then_some(set)
    }

    /// The parts of a set, its records not looked at.
    fn split(key: &'s [u8], value: &'s [u8]) -> Option<StoredSet<'s>> {
        let (name, rtype) = NameRef::split_from(key).ok()?;
        let rtype = rtype.try_into().ok().map(u16::from_be_bytes)?;
        let (ttl, rest) = value.split_first_chunk()?;
        let (lease, data) = rest.split_first_chunk()?;
        let lease = u64::from_be_bytes(*lease);
        Some(StoredSet {
            name,
            rtype: RecordType(rtype),
            ttl: u32::from_be_bytes(*ttl),
            lease: (lease != 0).then_some(LeaseId(lease)),
            data,
        })
    }

    /// The data of its records.
    pub fn records(self) -> impl Iterator<Item = &'s [u8]> {
        let mut rest = self.data;
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first_chunk()?;
            let (rdata, tail) = tail.split_at_checked(u16::from_be_bytes(*length).into())?;
            rest = tail;
            Some(rdata)
        })
    }

    /// What names it.
    pub fn key(self) -> SetKey {
        SetKey::new(self.name, self.rtype)
    }

    /// A copy.
    pub fn to_set(self) -> RecordSet {
        RecordSet {
            ttl: self.ttl,
            data: self.records().map(Box::from).collect(),
            lease: self.lease,
        }
    }
}

/// The owner in wire form, then the type.
pub(super) fn write_key(key: &SetKey) -> Vec<u8> {
    [key.name.wire(), &key.rtype.0.to_be_bytes()].concat()
}

/// TTL, lease or 0, then each record with its length before it.
pub(super) fn write_set(set: &RecordSet) -> Vec<u8> {
    let mut octets = Vec::with_capacity(set.size());
    octets.extend_from_slice(&set.ttl.to_be_bytes());
    octets.extend_from_slice(&set.lease.map_or(0, |lease| lease.0).to_be_bytes());
    for rdata in &set.data {
        // The data of a record is never longer.
        let length = u16::try_from(rdata.len()).unwrap_or(0);
        octets.extend_from_slice(&length.to_be_bytes());
        octets.extend_from_slice(rdata);
    }
    octets
}

/// Of each edit the key and both sides; a side that is not there is empty.
pub(super) fn write_edits(edits: &[Edit]) -> Vec<u8> {
    let mut octets = Vec::new();
    for edit in edits {
        put(&write_key(&edit.key), &mut octets);
        for side in [&edit.before, &edit.after] {
            let side = side.as_ref().map_or_else(Vec::new, write_set);
            put(&side, &mut octets);
        }
    }
    octets
}

/// Reads what [`write_edits`] wrote.
pub(super) fn read_edits(octets: &[u8]) -> Option<Vec<Edit>> {
    let (mut rest, mut edits) = (octets, Vec::new());
    while !rest.is_empty() {
        let (key, before, after) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
        let side = |value| StoredSet::read(key, value).map(StoredSet::to_set);
        let (name, rtype) = NameRef::split_from(key).ok()?;
        let rtype = rtype.try_into().ok().map(u16::from_be_bytes)?;
        edits.push(Edit {
            key: SetKey::new(name, RecordType(rtype)),
            before: side(before),
            after: side(after),
        });
    }
    Some(edits)
}

fn put(part: &[u8], octets: &mut Vec<u8>) {
    // A set has some 70,000 octets at most.
    let length = u32::try_from(part.len()).unwrap_or(0);
    octets.extend_from_slice(&length.to_be_bytes());
    octets.extend_from_slice(part);
}

fn take<'o>(rest: &mut &'o [u8]) -> Option<&'o [u8]> {
    let (length, tail) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (part, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    Some(part)
}
