//! Dynamic updates, RFC 2136: what a message asks for, and doing it to a draft.

use std::sync::Arc;

use catena_dns::{Class, NameRef, QueryMessage, Rcode, Record, RecordType, Section};
use catena_index::Zone;
use hashbrown::HashMap;

use crate::draft::{Draft, Pending, Refusal};
use crate::leases::Leases;
use crate::soa::{is_after, is_data_type, is_signing_type, serial_of};
use crate::{Edit, RecordSet, SetKey};

/// The longest TTL, RFC 2181 section 8.
const TTL_MAX: u32 = 0x7fff_ffff;

/// An update, as read from a message.
#[derive(Clone, Debug)]
pub struct Update {
    prerequisites: Vec<Record>,
    changes: Vec<Record>,
}

/// What one record of an update does to its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It adds a record.
    Adds,
    /// It removes a record, a set, or all sets of a name.
    Removes,
}

/// The update is refused with `rcode`.
fn refusal(rcode: Rcode, why: impl Into<String>) -> Refusal {
    Refusal::Condition(rcode.0, why.into())
}

impl Update {
    /// Reads an update, which was admitted with all its sections.
    pub fn read(message: &QueryMessage<'_>) -> Result<Update, Rcode> {
        // RFC 2136 section 3.1.1.
        if message.qtype() != RecordType::SOA {
            return Err(Rcode::FORMERR);
        }
        if message.qclass() != Class::IN {
            return Err(Rcode::NOTAUTH);
        }
        let mut update = Update {
            prerequisites: Vec::new(),
            changes: Vec::new(),
        };
        for record in message.records() {
            let record = record.map_err(|_| Rcode::FORMERR)?;
            let list = match record.section {
                Section::Answer => &mut update.prerequisites,
                Section::Authority => &mut update.changes,
                Section::Additional => continue,
            };
            let owned = record.to_record(message.packet());
            let mut owned = owned.map_err(|_| Rcode::FORMERR)?;
            catena_dns::rdata::lower_names(owned.rtype, &mut owned.rdata);
            list.push(owned);
        }
        Ok(update)
    }

    /// What the update would do, to be checked against what is allowed.
    pub fn effects(&self) -> impl Iterator<Item = (Effect, NameRef<'_>, RecordType)> {
        self.changes.iter().map(|record| {
            let effect = match record.class {
                Class::IN => Effect::Adds,
                _ => Effect::Removes,
            };
            (effect, record.name.view(), record.rtype)
        })
    }

    /// Checks that the prerequisites hold, RFC 2136 section 3.2.
    pub fn check_prerequisites(&self, draft: &Draft<'_>) -> Result<(), Refusal> {
        let mut exact: Vec<(SetKey, Vec<Box<[u8]>>)> = Vec::new();
        for record in &self.prerequisites {
            let (name, rtype) = (record.name.view(), record.rtype);
            if record.ttl != 0 {
                return Err(refusal(Rcode::FORMERR, "a prerequisite has a TTL"));
            }
            check_zone(draft, name)?;
            match record.class {
                Class::IN if is_data_type(rtype) => {
                    let key = SetKey::new(name, rtype);
                    match exact.iter_mut().find(|(own, _)| *own == key) {
                        Some((_, data)) => data.push(record.rdata.clone()),
                        None => exact.push((key, vec![record.rdata.clone()])),
                    }
                }
                Class::ANY | Class::NONE if record.rdata.is_empty() => {
                    check_existence(draft, record)?;
                }
                _ => return Err(refusal(Rcode::FORMERR, "a prerequisite makes no sense")),
            }
        }
        for (key, data) in exact {
            let wanted = RecordSet::new(key.rtype, 0, data);
            let known = draft.set(key.name.view(), key.rtype);
            if wanted.map(|set| set.data) != known.map(|set| set.data) {
                let why = format!("{} {} has other records", key.name, key.rtype);
                return Err(refusal(Rcode::NXRRSET, why));
            }
        }
        Ok(())
    }

    /// Checks that each change makes sense, RFC 2136 section 3.4.1.
    pub fn check_changes(&self, draft: &Draft<'_>) -> Result<(), Refusal> {
        for record in &self.changes {
            check_zone(draft, record.name.view())?;
            let (rtype, is_bare) = (record.rtype, record.rdata.is_empty());
            let is_data = is_data_type(rtype);
            let is_sound = match record.class {
                Class::IN => is_data && catena_dns::rdata::validate(rtype, &record.rdata),
                Class::ANY => record.ttl == 0 && is_bare && (is_data || rtype == RecordType::ANY),
                Class::NONE => record.ttl == 0 && is_data,
                _ => false,
            };
            if !is_sound {
                let why = format!("a change of {} {rtype} makes no sense", record.name);
                return Err(refusal(Rcode::FORMERR, why));
            }
            if record.class == Class::IN && is_signing_type(rtype) {
                return Err(refusal(Rcode::NOTIMP, "records of signers are not taken"));
            }
        }
        Ok(())
    }

    /// Makes the changes, one after the other, RFC 2136 section 3.4.2.
    pub fn apply(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        for record in &self.changes {
            let name = record.name.view();
            let is_apex = name == draft.origin();
            let is_guarded = |rtype| is_apex && matches!(rtype, RecordType::SOA | RecordType::NS);
            match record.class {
                Class::IN => add(draft, record, is_apex)?,
                Class::ANY if record.rtype == RecordType::ANY => {
                    for (rtype, _) in draft.sets(name) {
                        if !is_guarded(rtype) {
                            draft.remove(name, rtype)?;
                        }
                    }
                }
                Class::ANY if is_guarded(record.rtype) => {}
                Class::ANY => draft.remove(name, record.rtype)?,
                _ => remove_one(draft, record, is_apex)?,
            }
        }
        Ok(())
    }
}

impl Update {
    /// What the update would do to `zone`: all that RFC 2136 section 3 says, but permissions.
    pub fn edits(&self, zone: &Arc<Zone>) -> Result<Vec<Edit>, Refusal> {
        let (pending, leases) = (Pending::new(Arc::clone(zone)), Leases::default());
        let mut draft = Draft {
            records: zone.record_count(),
            pending: &pending,
            own: HashMap::new(),
            leases: &leases,
            records_max: usize::MAX,
            is_serial_derived: false,
        };
        self.check_prerequisites(&draft)?;
        self.check_changes(&draft)?;
        self.apply(&mut draft)?;
        let changed = draft.own;
        let base = Arc::clone(zone);
        Ok(Pending { base, changed }.edits(&leases))
    }
}

fn check_zone(draft: &Draft<'_>, name: NameRef<'_>) -> Result<(), Refusal> {
    match name.is_within(draft.origin()) {
        true => Ok(()),
        false => Err(refusal(
            Rcode::NOTZONE,
            format!("{name} is not in the zone"),
        )),
    }
}

/// Whether something is there, or is not, RFC 2136 sections 2.4.1 and 2.4.3 to 2.4.5.
fn check_existence(draft: &Draft<'_>, record: &Record) -> Result<(), Refusal> {
    let (name, rtype) = (record.name.view(), record.rtype);
    let sets = draft.sets(name);
    let (is_there, none, some) = match rtype {
        RecordType::ANY => (!sets.is_empty(), Rcode::NXDOMAIN, Rcode::YXDOMAIN),
        _ => {
            let is_there = sets.iter().any(|(own, _)| *own == rtype);
            (is_there, Rcode::NXRRSET, Rcode::YXRRSET)
        }
    };
    match (record.class, is_there) {
        (Class::ANY, false) => Err(refusal(none, format!("{name} {rtype} is not there"))),
        (Class::NONE, true) => Err(refusal(some, format!("{name} {rtype} is there"))),
        _ => Ok(()),
    }
}

/// Adds a record; what cannot stand beside others is left out without a word.
fn add(draft: &mut Draft<'_>, record: &Record, is_apex: bool) -> Result<(), Refusal> {
    let (name, rtype) = (record.name.view(), record.rtype);
    let sets = draft.sets(name);
    let is_alias = rtype == RecordType::CNAME;
    let clashes = |own: RecordType| own != rtype && (is_alias || own == RecordType::CNAME);
    if sets.iter().any(|(own, _)| clashes(*own)) || is_alias && is_apex {
        return Ok(());
    }
    let ttl = record.ttl.min(TTL_MAX);
    let known = sets.into_iter().find(|(own, _)| *own == rtype);
    let set = match (known, rtype) {
        (known, RecordType::SOA) => {
            let known = known.and_then(|(_, set)| serial_of(set.data.first()?));
            let new = serial_of(&record.rdata);
            let rises = known.zip(new).is_some_and(|(old, new)| is_after(new, old));
            if !rises || !is_apex || !draft.takes_serials() {
                return Ok(());
            }
            RecordSet::new(rtype, ttl, vec![record.rdata.clone()])
        }
        (Some((_, mut set)), rtype) if !is_alias && rtype != RecordType::DNAME => {
            set.insert(ttl, record.rdata.clone());
            Some(set)
        }
        (known, _) => {
            let set = RecordSet::new(rtype, ttl, vec![record.rdata.clone()]);
            let lease = known.and_then(|(_, set)| set.lease);
            set.map(|set| RecordSet { lease, ..set })
        }
    };
    match set {
        Some(set) => draft.put(name, rtype, set),
        None => Ok(()),
    }
}

/// Removes one record; the last name server of the zone stays.
fn remove_one(draft: &mut Draft<'_>, record: &Record, is_apex: bool) -> Result<(), Refusal> {
    let (name, rtype) = (record.name.view(), record.rtype);
    let Some(mut set) = draft.set(name, rtype) else {
        return Ok(());
    };
    let is_last = set.data.len() == 1;
    if rtype == RecordType::SOA || !set.has(&record.rdata) {
        return Ok(());
    }
    if is_last && is_apex && rtype == RecordType::NS {
        return Ok(());
    }
    if is_last {
        return draft.remove(name, rtype);
    }
    set.data.retain(|rdata| *rdata != record.rdata);
    draft.put(name, rtype, set)
}
