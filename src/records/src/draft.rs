//! What a change sees and writes: the zone as it will be, with its rules.

use std::sync::Arc;

use catena_dns::{Name, NameRef, RecordType};
use catena_index::Zone;
use hashbrown::HashMap;

use crate::leases::Leases;
use crate::soa::{is_after, is_data_type, is_signing_type, serial_of};
use crate::{Edit, LeaseId, RecordSet, SetKey};

/// Records of a set at most.
pub const SET_MAX: usize = 1024;
/// Octets of the data of a set at most: it has to fit into one message.
pub const SET_OCTETS_MAX: usize = 60_000;

/// Why a change is not made; nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The name is not in the zone.
    #[error("{0} is not in the zone {1}")]
    OutOfZone(Name, Name),
    /// Records of the type cannot be written.
    #[error("records of type {0} cannot be written")]
    Type(RecordType),
    /// An alias cannot stand beside other records.
    #[error("{0} cannot have a CNAME record and others")]
    Alias(Name),
    /// The set must have just one record.
    #[error("{0} must have one {1} record")]
    Single(Name, RecordType),
    /// What the zone cannot do without, and what may stand at its apex.
    #[error("{0}")]
    Apex(&'static str),
    /// The set is too large.
    #[error("a set has {SET_MAX} records and {SET_OCTETS_MAX} octets at most")]
    SetTooLarge,
    /// The zone is full.
    #[error("the zone has {0} records at most")]
    ZoneFull(usize),
    /// There is no such lease.
    #[error("there is no lease {}", .0.0)]
    NoLease(LeaseId),
    /// A condition of the change does not hold; what it is, is the door's to say.
    #[error("{1}")]
    Condition(u16, String),
    /// The store cannot take it now.
    #[error("{0}")]
    Unavailable(String),
    /// The store does not take so much in one change.
    #[error("{0}")]
    TooLarge(String),
    /// Too many changes wait.
    #[error("too many changes are waiting")]
    Busy,
    /// There is no such zone here.
    #[error("{0} is not a zone of this server")]
    NoZone(Name),
}

pub(crate) type Sets = Vec<(RecordType, RecordSet)>;

/// A zone with changes that are not committed yet.
pub(crate) struct Pending {
    pub base: Arc<Zone>,
    pub changed: HashMap<Name, Sets>,
}

impl Pending {
    pub fn new(base: Arc<Zone>) -> Self {
        let changed = HashMap::new();
        Pending { base, changed }
    }

    fn sets(&self, name: NameRef<'_>, leases: &Leases) -> Sets {
        let changed = self.changed.get(&name.to_lower());
        changed
            .cloned()
            .unwrap_or_else(|| sets_of(&self.base, name, leases))
    }

    /// What differs from the base.
    pub fn edits(&self, leases: &Leases) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (name, after) in &self.changed {
            let before = sets_of(&self.base, name.view(), leases);
            for (rtype, set) in &before {
                let now = find(after, *rtype);
                if now != Some(set) {
                    let key = SetKey::new(name.view(), *rtype);
                    let (before, after) = (Some(set.clone()), now.cloned());
                    edits.push(Edit { key, before, after });
                }
            }
            for (rtype, set) in after {
                if find(&before, *rtype).is_none() {
                    let key = SetKey::new(name.view(), *rtype);
                    let (before, after) = (None, Some(set.clone()));
                    edits.push(Edit { key, before, after });
                }
            }
        }
        edits
    }
}

fn find(sets: &Sets, rtype: RecordType) -> Option<&RecordSet> {
    let mut sets = sets.iter();
    sets.find(|(own, _)| *own == rtype).map(|(_, set)| set)
}

/// All sets at `name`.
pub(crate) fn sets_of(zone: &Zone, name: NameRef<'_>, leases: &Leases) -> Sets {
    let mut sets = Sets::new();
    let name = name.to_lower();
    let Some(node) = zone.node(name.view()) else {
        return sets;
    };
    let soa = zone.soa().filter(|_| node.is(zone.apex()));
    for record in soa.into_iter().chain(node.records()) {
        let rtype = record.rtype();
        let data: Box<[u8]> = record.rdata().into();
        match sets.iter_mut().find(|(own, _)| *own == rtype) {
            Some((_, set)) => set.data.push(data),
            None => {
                let lease = leases.of(&SetKey::new(name.view(), rtype));
                let ttl = record.ttl();
                let data = vec![data];
                sets.push((rtype, RecordSet { ttl, data, lease }));
            }
        }
    }
    sets
}

/// The zone as a change sees it; what it writes counts only if the change is not refused.
pub struct Draft<'d> {
    pub(crate) pending: &'d Pending,
    pub(crate) own: HashMap<Name, Sets>,
    pub(crate) leases: &'d Leases,
    pub(crate) records_max: usize,
    pub(crate) records: usize,
    /// Whether the store itself makes the serials.
    pub(crate) is_serial_derived: bool,
}

impl Draft<'_> {
    /// The name of the zone.
    pub fn origin(&self) -> NameRef<'_> {
        self.pending.base.origin()
    }

    /// All sets at `name`.
    pub fn sets(&self, name: NameRef<'_>) -> Vec<(RecordType, RecordSet)> {
        let own = self.own.get(&name.to_lower());
        own.cloned()
            .unwrap_or_else(|| self.pending.sets(name, self.leases))
    }

    /// All names with records.
    pub fn names(&self) -> Vec<Name> {
        let zone = &self.pending.base;
        let nodes = zone
            .nodes()
            .filter(|node| !node.is_empty() || node.is(zone.apex()));
        let mut names: Vec<Name> = nodes.map(|node| node.name().to_name()).collect();
        let known = |name: &Name| zone.node(name.view()).is_some_and(|node| !node.is_empty());
        let new = self.pending.changed.keys().filter(|name| !known(name));
        names.extend(new.cloned());
        names
    }

    /// Whether serials can be written, which a store may keep to itself.
    pub fn takes_serials(&self) -> bool {
        !self.is_serial_derived
    }

    /// The set of `rtype` at `name`.
    pub fn set(&self, name: NameRef<'_>, rtype: RecordType) -> Option<RecordSet> {
        let sets = self.sets(name).into_iter();
        let mut sets = sets.filter(|(own, _)| *own == rtype);
        sets.next().map(|(_, set)| set)
    }

    /// Removes the set of `rtype` at `name`.
    pub fn remove(&mut self, name: NameRef<'_>, rtype: RecordType) -> Result<(), Refusal> {
        self.check_name(name)?;
        if name == self.origin() {
            match rtype {
                RecordType::SOA => return Err(Refusal::Apex("a zone must have an SOA record")),
                RecordType::NS => return Err(Refusal::Apex("a zone must have an NS record")),
                _ => {}
            }
        }
        let mut sets = self.sets(name);
        if let Some(place) = sets.iter().position(|(own, _)| *own == rtype) {
            let (_, gone) = sets.remove(place);
            self.records -= gone.data.len().min(self.records);
            self.own.insert(name.to_lower(), sets);
        }
        Ok(())
    }

    /// Puts `set` in the place of the set of `rtype` at `name`.
    pub fn put(
        &mut self,
        name: NameRef<'_>,
        rtype: RecordType,
        set: RecordSet,
    ) -> Result<(), Refusal> {
        self.check_name(name)?;
        self.check_set(name, rtype, &set)?;
        let mut sets = self.sets(name);
        let is_alias = rtype == RecordType::CNAME;
        let clashes =
            |(own, _): &(RecordType, _)| *own != rtype && (is_alias || *own == RecordType::CNAME);
        if sets.iter().any(clashes) {
            return Err(Refusal::Alias(name.to_name()));
        }
        let before = find(&sets, rtype).map_or(0, |set| set.data.len());
        self.records = self.records + set.data.len() - before.min(self.records);
        if self.records > self.records_max && set.data.len() > before {
            return Err(Refusal::ZoneFull(self.records_max));
        }
        match sets.iter_mut().find(|(own, _)| *own == rtype) {
            Some((_, place)) => *place = set,
            None => sets.push((rtype, set)),
        }
        self.own.insert(name.to_lower(), sets);
        Ok(())
    }

    fn check_name(&self, name: NameRef<'_>) -> Result<(), Refusal> {
        match name.is_within(self.origin()) {
            true => Ok(()),
            false => {
                let zone = self.origin().to_name();
                Err(Refusal::OutOfZone(name.to_name(), zone))
            }
        }
    }

    fn check_set(
        &self,
        name: NameRef<'_>,
        rtype: RecordType,
        set: &RecordSet,
    ) -> Result<(), Refusal> {
        let is_apex = name == self.origin();
        if !is_data_type(rtype) || is_signing_type(rtype) {
            return Err(Refusal::Type(rtype));
        }
        let octets: usize = set.data.iter().map(|rdata| rdata.len() + 12).sum();
        if set.data.is_empty() || set.data.len() > SET_MAX || octets > SET_OCTETS_MAX {
            return Err(Refusal::SetTooLarge);
        }
        let is_single = matches!(
            rtype,
            RecordType::CNAME | RecordType::DNAME | RecordType::SOA
        );
        if is_single && set.data.len() > 1 {
            return Err(Refusal::Single(name.to_name(), rtype));
        }
        match rtype {
            RecordType::CNAME if is_apex => {
                return Err(Refusal::Apex("a zone's own name cannot be an alias"));
            }
            RecordType::SOA if !is_apex => {
                return Err(Refusal::Apex("only a zone's own name has an SOA record"));
            }
            RecordType::SOA => self.check_serial(name, set)?,
            _ => {}
        }
        match set.lease {
            Some(lease) if !self.leases.has(lease) => Err(Refusal::NoLease(lease)),
            Some(_) if is_apex => Err(Refusal::Apex("records of a zone's own name have no lease")),
            _ => Ok(()),
        }
    }

    fn check_serial(&self, name: NameRef<'_>, set: &RecordSet) -> Result<(), Refusal> {
        let serial = |set: &RecordSet| set.data.first().and_then(|rdata| serial_of(rdata));
        let (old, new) = (self.set(name, RecordType::SOA), serial(set));
        let old = old.as_ref().and_then(serial);
        match (old, new) {
            (Some(old), Some(new)) if new != old && !is_after(new, old) => {
                Err(Refusal::Apex("the serial of a zone can only rise"))
            }
            (Some(old), Some(new)) if self.is_serial_derived && new != old => {
                Err(Refusal::Apex("the store gives this zone its serials"))
            }
            (_, None) => Err(Refusal::Type(RecordType::SOA)),
            _ => Ok(()),
        }
    }
}
