//! Names and records of a zone, as views.

use catena_dns::{Class, NameRef, RecordRef, RecordType};

use crate::arena::{At, NONE, RDATA_AT, WIRE_AT, flag};
use crate::part::Part;

/// A name of a zone.
#[derive(Clone, Copy)]
pub struct Node<'z> {
    part: &'z Part,
    at: At,
}

impl<'z> Node<'z> {
    pub(crate) fn new(part: &'z Part, at: At) -> Self {
        Node { part, at }
    }

    /// The name, in lower case.
    pub fn name(self) -> NameRef<'z> {
        self.part.arena.name(self.at)
    }

    pub(crate) fn flags(self) -> u8 {
        self.part.arena.flags(self.at)
    }

    /// Whether the name has no records: an empty non-terminal.
    pub fn is_empty(self) -> bool {
        self.part.arena.first_record(self.at) == NONE
    }

    /// Whether the name has CNAME records.
    pub fn has_alias(self) -> bool {
        self.flags() & flag::CNAME != 0
    }

    /// All records, in the order they were added; the SOA record is not among them.
    pub fn records(self) -> RecordsOf<'z> {
        RecordsOf {
            part: self.part,
            next: self.part.arena.first_record(self.at),
        }
    }

    /// The records of one type, in the order they were added.
    pub fn records_of(self, rtype: RecordType) -> impl Iterator<Item = Record<'z>> + Clone {
        self.records().filter(move |record| record.rtype() == rtype)
    }

    /// The first record of one type.
    pub fn first(self, rtype: RecordType) -> Option<Record<'z>> {
        self.records_of(rtype).next()
    }

    /// The signatures of the records of one type.
    pub fn signatures_of(self, rtype: RecordType) -> impl Iterator<Item = Record<'z>> + Clone {
        self.records_of(RecordType::RRSIG)
            .filter(move |record| record.rdata().first_chunk() == Some(&rtype.0.to_be_bytes()))
    }

    /// Whether both are the same name of the same zone.
    pub fn is(self, other: Node<'_>) -> bool {
        self.at == other.at && std::ptr::eq(self.part, other.part)
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.is(*other)
    }
}
impl Eq for Node<'_> {}

/// The records of a name.
#[derive(Clone)]
pub struct RecordsOf<'z> {
    part: &'z Part,
    next: At,
}

impl<'z> Iterator for RecordsOf<'z> {
    type Item = Record<'z>;

    #[inline]
    fn next(&mut self) -> Option<Record<'z>> {
        if self.next == NONE {
            return None;
        }
        let record = Record::new(self.part, self.next);
        self.next = self.part.arena.next_record(self.next);
        Some(record)
    }
}

/// A record of a zone.
#[derive(Clone, Copy)]
pub struct Record<'z> {
    part: &'z Part,
    at: At,
    /// Type, class, TTL, length and data, as on the wire.
    wire: &'z [u8],
}

impl<'z> Record<'z> {
    #[inline]
    pub(crate) fn new(part: &'z Part, at: At) -> Self {
        let tail = part.arena.tail(at, WIRE_AT);
        let length = match tail {
            [_, _, _, _, _, _, _, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
            _ => 0,
        };
        let length = RDATA_AT - WIRE_AT + usize::from(length);
        let wire = tail.get(..length).unwrap_or_default();
        Record { part, at, wire }
    }

    /// The type.
    #[inline]
    pub fn rtype(self) -> RecordType {
        let octets = self.wire.first_chunk().copied().unwrap_or_default();
        RecordType(u16::from_be_bytes(octets))
    }

    /// The time to live in seconds.
    pub fn ttl(self) -> u32 {
        match self.wire {
            [_, _, _, _, a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]),
            _ => 0,
        }
    }

    /// The data; names in it are not compressed.
    pub fn rdata(self) -> &'z [u8] {
        self.wire.get(RDATA_AT - WIRE_AT..).unwrap_or_default()
    }

    /// All that follows the owner name on the wire.
    #[inline]
    pub fn wire(self) -> &'z [u8] {
        self.wire
    }

    /// The owner name, if answers must not give it in lower case.
    pub fn spelling(self) -> Option<NameRef<'z>> {
        if self.part.spellings.is_empty() {
            return None;
        }
        self.part.spellings.get(&self.at).map(|name| name.view())
    }

    /// The record with `name` as its owner, unless it has a spelling of its own.
    pub fn owned_by<'a>(self, name: NameRef<'a>) -> RecordRef<'a>
    where
        'z: 'a,
    {
        RecordRef {
            name: self.spelling().unwrap_or(name),
            rtype: self.rtype(),
            class: Class::IN,
            ttl: self.ttl(),
            rdata: self.rdata(),
        }
    }
}
