//! Writes replies about hosts.

use std::net::IpAddr;

use catena_dns::{Class, HEADER_LEN, NameRef, RecordRef, RecordType, Reply, Section, flag};
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
    match address {
        IpAddr::V4(_) => RecordType::A,
        IpAddr::V6(_) => RecordType::AAAA,
    }
}

/// An empty authoritative reply.
pub(crate) fn reply(query: &Query<'_>) -> Reply {
    let mut reply = Reply::to(query);
    reply.set_flag(flag::AA, true);
    reply
}

impl Style {
    /// The addresses of a host of the type that is asked for, behind a CNAME record if it has
    /// another name than the one that was asked for.
    pub fn addresses(self, query: &Query<'_>, found: &Found<'_>) -> Reply {
        let mut reply = reply(query);
        let owner = match found.canonical {
            None => Some(HEADER_LEN),
            Some(name) => {
                let alias = (RecordType::CNAME, self.ttl);
                reply.push_pointing(Section::Answer, HEADER_LEN, alias, name.wire())
            }
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
        match address {
            IpAddr::V4(v4) => {
                let kind = (RecordType::A, self.ttl);
                reply.push_pointing(Section::Answer, owner, kind, &v4.octets())
            }
            IpAddr::V6(v6) => {
                let kind = (RecordType::AAAA, self.ttl);
                reply.push_pointing(Section::Answer, owner, kind, &v6.octets())
            }
        }
    }

    /// The ports of a host, those that `wanted` wants, with its addresses.
    pub fn ports(
        self,
        query: &Query<'_>,
        found: &Found<'_>,
        target: NameRef<'_>,
        wanted: impl Fn(&Port) -> bool,
    ) -> Reply {
        let mut reply = reply(query);
        let target = found.canonical.unwrap_or(target);
        let rows = found.choice.rows.iter();
        let ports = rows
            .flat_map(|row| row.ports.iter())
            .filter(|port| wanted(port));
        let mut numbers: SmallVec<[u16; 8]> = ports.map(|port| port.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut is_whole = true;
        for number in &numbers {
            let mut rdata = SmallVec::<[u8; 64]>::new();
            for field in [0, 100, *number] {
                rdata.extend_from_slice(&u16::to_be_bytes(field));
            }
            rdata.extend_from_slice(target.wire());
            let owner = query.name_as_asked();
            is_whole &= self.push(
                &mut reply,
                Section::Answer,
                (owner, RecordType::SRV),
                &rdata,
            );
        }
        if numbers.is_empty() {
            return reply;
        }
        for address in found.choice.addresses() {
            let kind = (target, address_type(&address));
            // Addresses are a help; without them the client asks.
            let _helped = match address {
                IpAddr::V4(v4) => self.push(&mut reply, Section::Additional, kind, &v4.octets()),
                IpAddr::V6(v6) => self.push(&mut reply, Section::Additional, kind, &v6.octets()),
            };
        }
        reply.set_flag(flag::TC, !is_whole);
        reply
    }

    /// The hosts at an address.
    pub fn hosts(self, query: &Query<'_>, hosts: &[std::sync::Arc<HostName>]) -> Reply {
        let mut reply = reply(query);
        for host in hosts {
            let kind = (query.name_as_asked(), RecordType::PTR);
            if !self.push(&mut reply, Section::Answer, kind, host.name().wire()) {
                reply.set_flag(flag::TC, true);
                break;
            }
        }
        reply
    }

    fn push(
        self,
        reply: &mut Reply,
        section: Section,
        (name, rtype): (NameRef<'_>, RecordType),
        rdata: &[u8],
    ) -> bool {
        reply.push(
            section,
            RecordRef {
                name,
                rtype,
                class: Class::IN,
                ttl: self.ttl,
                rdata,
            },
        )
    }
}
