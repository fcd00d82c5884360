//! PTR records of services and endpoints.

use std::net::IpAddr;

use catena_dns::{NameRef, RecordType, Reply, reverse_address};
use catena_plugin::Query;
use smallvec::SmallVec;

use super::writing::Octets;
use super::{Family, Found, Hosts, Names, Verdict, Zone};
use crate::object::Slice;

impl Names {
    pub(super) fn reverse(&self, query: &Query<'_>, zone: &Zone) -> Verdict {
        let Some(address) = reverse_address(query.name()) else {
            return match self.find(query.name(), zone, Family::V4, &mut Hosts::new()) {
                Found::Missing => Verdict::Missing,
                _ => Verdict::Empty,
            };
        };
        // The service with the address; if there is none, every endpoint that has it.
        let may_name = |key: &[u8]| self.may_name(key);
        let store = &self.cluster.store;
        store.service_at(address, may_name, |key| match key {
            Some(key) => self.name_service(query, key),
            None => self.name_endpoints(query, address),
        })
    }

    fn name_service(&self, query: &Query<'_>, key: &[u8]) -> Verdict {
        let mut reply = Reply::authoritative(query);
        let mut target = Octets::from_slice(key);
        self.end_target(&mut target);
        self.push_pointer(&mut reply, &target);
        Verdict::Answer(reply)
    }

    fn name_endpoints(&self, query: &Query<'_>, address: IpAddr) -> Verdict {
        let mut targets: SmallVec<[Octets; 1]> = SmallVec::new();
        self.cluster.store.endpoints_at(address, |slice, endpoint| {
            if !self.may_name(&slice.key) {
                return;
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
        });
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
