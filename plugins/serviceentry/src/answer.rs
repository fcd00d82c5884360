//! Writes replies about hosts.

use std::net::IpAddr;

use catena_dns::{AddressRdata, HEADER_LEN, NameRef, RecordRef, RecordType, Reply, Section, flag};
use catena_mesh::{Found, HostName, Port};
use catena_plugin::Query;
use rand::seq::SliceRandom;
use smallvec::SmallVec;

/// In what order addresses are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// That of the entry.
    #[default]
    Given,
    /// Another one each time.
    Random,
    /// By their number.
    Sorted,
}

/// How records are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub ttl: u32,
    pub order: Order,
}

/// The type that asks for an address of its family.
pub(crate) fn address_type(address: &IpAddr) -> RecordType {
    AddressRdata::from(*address).rtype()
}

impl Style {
    /// The addresses of a host of the type that is asked for, behind a CNAME record if it has
    /// another name than the one that was asked for.
    pub fn addresses(self, query: &Query<'_>, found: &Found<'_>) -> Reply {
        let mut reply = Reply::authoritative(query);
        let owner = match found.canonical {
            None => Some(HEADER_LEN),
            Some(name) => reply.push_asked((RecordType::CNAME, self.ttl), name.wire()),
        };
        let mut addresses = found.choice.addresses();
        addresses.retain(|address| address_type(address) == query.qtype());
        self.arrange(&mut addresses);
        for address in &addresses {
            let pushed = owner.and_then(|owner| self.push_address(&mut reply, owner, *address));
            if pushed.is_none() {
                reply.set_flag(flag::TC, true);
                break;
            }
        }
        reply
    }

    fn arrange(self, addresses: &mut SmallVec<[IpAddr; 4]>) {
        match self.order {
            Order::Given => {}
            Order::Random => addresses.shuffle(&mut rand::rng()),
            Order::Sorted => addresses.sort_unstable(),
        }
    }

    fn push_address(self, reply: &mut Reply, owner: usize, address: IpAddr) -> Option<usize> {
        let data = AddressRdata::from(address);
        reply.push_pointing(
            Section::Answer,
            owner,
            (data.rtype(), self.ttl),
            data.octets(),
        )
    }

    /// The ports of a host, those that `wanted` wants, with its addresses.
    pub fn ports(
        self,
        query: &Query<'_>,
        found: &Found<'_>,
        target: NameRef<'_>,
        wanted: impl Fn(&Port) -> bool,
    ) -> Reply {
        let mut reply = Reply::authoritative(query);
        let target = found.canonical.unwrap_or(target);
        let rows = found.choice.rows.iter();
        let ports = rows
            .flat_map(|row| row.ports.iter())
            .filter(|port| wanted(port));
        let mut numbers: SmallVec<[u16; 8]> = ports.map(|port| port.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in &numbers {
            let mut rdata = SmallVec::<[u8; 64]>::new();
            for field in [0, 100, *number] {
                rdata.extend_from_slice(&u16::to_be_bytes(field));
            }
            rdata.extend_from_slice(target.wire());
            let kind = (RecordType::SRV, self.ttl);
            let record = RecordRef::new(query.name_as_asked(), kind, &rdata);
            reply.push_or_tc(Section::Answer, record);
        }
        if numbers.is_empty() {
            return reply;
        }
        for address in found.choice.addresses() {
            let data = AddressRdata::from(address);
            let record = RecordRef::new(target, (data.rtype(), self.ttl), data.octets());
            // Addresses are a help; without them the client asks.
            reply.push(Section::Additional, record);
        }
        reply
    }

    /// The hosts at an address.
    pub fn hosts(self, query: &Query<'_>, hosts: &[std::sync::Arc<HostName>]) -> Reply {
        let mut reply = Reply::authoritative(query);
        for host in hosts {
            let kind = (RecordType::PTR, self.ttl);
            let record = RecordRef::new(query.name_as_asked(), kind, host.name().wire());
            if !reply.push_or_tc(Section::Answer, record) {
                break;
            }
        }
        reply
    }
}
