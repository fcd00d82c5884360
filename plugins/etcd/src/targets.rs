//! Answers that point to other names: SRV, MX and NS, with the addresses of their targets.

use std::collections::{HashMap, HashSet};

use catena_dns::{Name, NameRef, Record, RecordType};
use catena_etcd::skydns::Host;

use crate::answer::{Answering, record};
use crate::service::{Service, Trouble, services};

/// The weight of a service that gives none.
const WEIGHT: i64 = 100;

impl Answering<'_> {
    /// SRV records of `name`.
    pub(crate) fn servers(&mut self, name: NameRef<'_>) -> Result<(), Trouble> {
        let found = self.facts.below(name)?;
        let services = services(&found, self.qtype)?;
        let mut sums: HashMap<i64, i64> = HashMap::new();
        for service in &services {
            let sum = sums.entry(service.priority).or_default();
            *sum = sum.saturating_add(weight(service));
        }
        let mut seen = Seen::default();
        // CoreDNS: a service without ports.
        for service in services.iter().filter(|service| service.port != -1) {
            let Some(target) = service.target(self.facts.prefix()) else {
                continue;
            };
            let sum = sums.get(&service.priority).copied().unwrap_or(WEIGHT);
            let port = low_half(service.port);
            let mut rdata = Vec::with_capacity(6 + target.wire().len());
            for number in [
                low_half(service.priority),
                share(weight(service), sum),
                port,
            ] {
                rdata.extend_from_slice(&number.to_be_bytes());
            }
            rdata.extend_from_slice(target.wire());
            let server = record(name, RecordType::SRV, service.ttl, rdata);
            self.point(server, service, target, u32::from(port), &mut seen);
        }
        Ok(())
    }

    /// MX records of `name`.
    pub(crate) fn mail(&mut self, name: NameRef<'_>) -> Result<(), Trouble> {
        let found = self.facts.below(name)?;
        let mut seen = Seen::default();
        for service in services(&found, self.qtype)?.iter().filter(|s| s.mail) {
            let Some(target) = service.target(self.facts.prefix()) else {
                continue;
            };
            let preference = low_half(service.priority);
            let mut rdata = preference.to_be_bytes().to_vec();
            rdata.extend_from_slice(target.wire());
            let exchange = record(name, RecordType::MX, service.ttl, rdata);
            self.point(exchange, service, target, u32::from(preference), &mut seen);
        }
        Ok(())
    }

    /// Adds a record that points to `target`, and what is known of the target.
    fn point(
        &mut self,
        pointer: Record,
        service: &Service<'_>,
        target: Name,
        number: u32,
        seen: &mut Seen,
    ) {
        let Host::Address(_) = service.host_kind() else {
            if service.host_kind() == Host::Name {
                self.answers.push(pointer);
                if seen.names.insert(target.clone()) {
                    self.add_addresses_of(&target);
                }
            }
            return;
        };
        if seen.pointers.insert((target.clone(), number)) {
            self.answers.push(pointer);
        }
        if seen
            .addresses
            .insert((target.clone(), service.host.clone()))
        {
            self.add_own_address(target.view(), service);
        }
    }

    /// What is known of the addresses of a name that is a target.
    fn add_addresses_of(&mut self, target: &Name) {
        if target.view().is_within(self.zone) {
            let addresses = self.follow(target.view(), RecordType::A, &mut Vec::new());
            self.additionals.extend(addresses.unwrap_or_default());
            return;
        }
        if let Some(v4) = self.facts.resolved(target, RecordType::A) {
            self.additionals.extend(v4.answers.iter().cloned());
        }
        if let Some(v6) = self.facts.resolved(target, RecordType::AAAA) {
            // Aliases came with the IPv4 addresses.
            let answers = v6.answers.iter();
            let addresses = answers.filter(|record| record.rtype != RecordType::CNAME);
            self.additionals.extend(addresses.cloned());
        }
    }

    fn add_own_address(&mut self, target: NameRef<'_>, service: &Service<'_>) {
        let Host::Address(address) = service.host_kind() else {
            return;
        };
        self.additionals.push(match address {
            std::net::IpAddr::V4(v4) => record(target, RecordType::A, service.ttl, v4.octets()),
            std::net::IpAddr::V6(v6) => record(target, RecordType::AAAA, service.ttl, v6.octets()),
        });
    }

    /// NS records of the zone `name`, which stand below `ns.dns`.
    pub(crate) fn name_servers(&mut self, name: NameRef<'_>) -> Result<(), Trouble> {
        let place = Name::from_labels([&b"ns"[..], b"dns"], self.zone);
        let place = place.map_err(|_| Trouble::NoSuchName)?;
        let found = self.facts.below(place.view())?;
        let mut seen = HashSet::new();
        for service in services(&found, self.qtype)? {
            match service.host_kind() {
                Host::Name => {
                    let host = &service.host;
                    let message = format!("NS record must be an IP address: {host}");
                    return Err(Trouble::Failed(message));
                }
                Host::Text => continue,
                Host::Address(_) => {}
            }
            let Some(target) = service.target(self.facts.prefix()) else {
                continue;
            };
            self.add_own_address(target.view(), &service);
            if seen.insert(target.clone()) {
                let server = record(name, RecordType::NS, service.ttl, target.wire());
                self.answers.push(server);
            }
        }
        Ok(())
    }
}

/// What an answer has already.
#[derive(Default)]
struct Seen {
    /// Targets that are names.
    names: HashSet<Name>,
    /// Targets with their port or preference.
    pointers: HashSet<(Name, u32)>,
    /// Targets with their address.
    addresses: HashSet<(Name, String)>,
}

fn weight(service: &Service<'_>) -> i64 {
    match service.weight {
        0 => WEIGHT,
        weight => weight,
    }
}

/// The share of `weight` in `sum`, in parts of a hundred, at least 1.
fn share(weight: i64, sum: i64) -> u16 {
    let share = i128::from(weight) * 100 / i128::from(sum).max(1);
    u16::try_from(share.max(1)).unwrap_or(u16::MAX)
}

/// The lower 16 bits of a number, as CoreDNS takes it.
fn low_half(number: i64) -> u16 {
    u16::try_from(number & 0xffff).unwrap_or(0)
}
