//! A share of a zone's names with their records: what an edit replaces as a whole.

use std::hash::BuildHasher;

use catena_dns::{Name, RecordRef, RecordType};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::AddError;
use crate::arena::{Arena, At, NONE, flag};
use crate::table::{Entry, Table, entry};

/// The names of one share; the first one's apex node stands at 0, that of others is never found.
#[derive(Default)]
pub(crate) struct Part {
    pub arena: Arena,
    pub names: Table,
    pub soa: Option<At>,
    pub records: usize,
    /// Names with NS records, the apex left out, or DNAME records.
    pub cuts: usize,
    /// Owner names of records that must keep their letter case.
    pub spellings: HashMap<At, Name, RandomState>,
}

/// The hash of a name, in lower case: the upper half finds it in a part, the lower half the part.
pub(crate) fn hash(hasher: &RandomState, name: &[u8]) -> (u32, usize) {
    let [a, b, c, d, part @ ..] = hasher.hash_one(name).to_be_bytes();
    let part = usize::try_from(u32::from_be_bytes(part)).unwrap_or(0);
    (u32::from_be_bytes([a, b, c, d]), part)
}

/// The flag that a record of `rtype` sets at its name.
pub(crate) fn flag_of(rtype: RecordType, is_apex: bool) -> u8 {
    match rtype {
        RecordType::NS if !is_apex => flag::NS,
        RecordType::DNAME => flag::DNAME,
        RecordType::CNAME => flag::CNAME,
        RecordType::NSEC => flag::NSEC,
        _ => 0,
    }
}

impl Part {
    /// The node with `hash` whose name is `name`, in lower case.
    #[inline]
    pub fn lookup(&self, hash: u32, name: &[u8]) -> Option<At> {
        let mut candidates = self.names.candidates(hash);
        candidates.find(|node| self.arena.is_named(*node, name))
    }
}

/// A part that is being written, name by name.
pub(crate) struct PartWriter {
    part: Part,
    entries: Vec<Entry>,
    node: At,
}

impl PartWriter {
    /// Begins a part; `apex` is the zone's name in the first one, and empty in others.
    pub fn new(apex: &[u8]) -> Self {
        let mut part = Part::default();
        let node = part.arena.add_node(apex).unwrap_or(NONE);
        let entries = Vec::new();
        PartWriter {
            part,
            entries,
            node,
        }
    }

    /// Goes on with `name`, in lower case; `hash` is that of the name.
    pub fn name(&mut self, name: &[u8], hash: u32) -> Result<(), AddError> {
        let node = self.part.arena.add_node(name);
        self.node = node.ok_or(AddError::TooLarge)?;
        self.entries.push(entry(hash, self.node));
        Ok(())
    }

    /// Goes on with the apex.
    pub fn apex(&mut self) {
        self.node = NONE;
    }

    /// Adds a record of the name.
    pub fn record(&mut self, record: RecordRef<'_>) -> Result<(), AddError> {
        let arena = &mut self.part.arena;
        let at = arena.add_record(record.rtype, record.ttl, record.rdata);
        let at = at.ok_or(AddError::TooLarge)?;
        self.part.records += 1;
        if record.rtype == RecordType::SOA {
            self.part.soa = Some(at);
            return Ok(());
        }
        arena.link(self.node, at, flag_of(record.rtype, self.node == NONE));
        Ok(())
    }

    /// The part, which never changes again.
    pub fn finish(mut self) -> Part {
        self.entries.sort_unstable();
        self.part.names = Table::new(&self.entries);
        self.part.arena.shrink();
        let cut = flag::NS | flag::DNAME;
        let nodes = self.part.names.nodes().chain([NONE]);
        let cuts = nodes.filter(|node| self.part.arena.flags(*node) & cut != 0);
        self.part.cuts = cuts.count();
        self.part
    }
}
