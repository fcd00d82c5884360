//! PTR records of services and endpoints.

use catena_dns::{NameRef, RecordType, Reply, reverse_address};
use catena_plugin::Query;
use smallvec::SmallVec;

use super::writing::Octets;
use super::{Family, Found, Hosts, Names, Verdict, Zone};
use crate::object::Slice;
use crate::store::Owner;

impl Names {
    pub(super) fn reverse(&self, query: &Query<'_>, zone: &Zone) -> Verdict {
        let Some(address) = reverse_address(query.name()) else {
            return match self.find(query.name(), zone, Family::V4, &mut Hosts::new()) {
                Found::Missing => Verdict::Missing,
                _ => Verdict::Empty,
            };
        };
        self.cluster.store.owner(address, |owner| match owner {
            Some(owner) => self.name_owner(query, owner),
            None => Verdict::Missing,
        })
    }

    /// Names the service with the address; if there is none, every endpoint that has it.
    fn name_owner(&self, query: &Query<'_>, owner: &Owner) -> Verdict {
        let mut services = owner.services();
        if let Some(service) = services.find(|service| self.may_name(&service.key)) {
            let mut reply = Reply::authoritative(query);
            let mut target = Octets::from_slice(&service.key);
            self.end_target(&mut target);
            self.push_pointer(&mut reply, &target);
            return Verdict::Answer(reply);
        }
        let mut targets: SmallVec<[Octets; 1]> = SmallVec::new();
        for (slice, endpoint) in owner.endpoints() {
            if !self.may_name(&slice.key) {
                continue;
            }
            let mut label = Vec::with_capacity(64);
            endpoint.label(&mut label);
            let mut target = Octets::new();
            target.push(u8::try_from(label.len()).unwrap_or(0));
            target.extend_from_slice(&label);
            target.extend_from_slice(&slice.key);
            self.end_target(&mut target);
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        if targets.is_empty() {
            return Verdict::Missing;
        }
        let mut reply = Reply::authoritative(query);
        for target in &targets {
            self.push_pointer(&mut reply, target);
        }
        Verdict::Answer(reply)
    }

    /// Whether reverse answers may name something with this key.
    ///
    /// As in CoreDNS, `namespace_labels` does not matter here.
    fn may_name(&self, key: &[u8]) -> bool {
        self.rules.namespaces.is_empty() || self.is_exposed(Slice::namespace_of(key))
    }

    fn end_target(&self, target: &mut Octets) {
        target.extend_from_slice(b"\x03svc");
        target.extend_from_slice(self.rules.primary.wire());
    }

    fn push_pointer(&self, reply: &mut Reply, target: &[u8]) {
        // A name that would be too long is left out.
        if NameRef::from_wire(target).is_ok() {
            reply.push_asked((RecordType::PTR, self.rules.ttl), target);
        }
    }
}
