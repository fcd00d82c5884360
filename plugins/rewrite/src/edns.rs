//! Rules for EDNS options of the query: NSID, client subnet, and any other by its number.

use std::net::IpAddr;

use catena_dns::{ReplyEdns, edns};
use catena_plugin::Query;

use crate::draft::Draft;

/// The option that asks for the server's name, RFC 5001.
pub(crate) const NSID: u16 = 3;
/// The option that tells the client's network, RFC 7871.
pub(crate) const SUBNET: u16 = 8;
/// Options that a server gives back unless it has something to say: NSID, EXPIRE, COOKIE,
/// keepalive and padding.
const ECHOED: [u16; 5] = [NSID, 9, 10, 11, 12];
/// The UDP size told to upstreams for a client that tells none.
const UDP_SIZE: u16 = 4096;

/// Changes one option.
#[derive(Debug)]
pub(crate) struct EdnsRule {
    pub code: u16,
    pub action: Action,
    pub data: Data,
    /// Whether the reply shows nothing of it.
    pub reverts: bool,
}

/// What is done to an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Set,
    Append,
    Replace,
    Unset,
}

/// What an option is to hold.
#[derive(Debug)]
pub(crate) enum Data {
    Octets(Vec<u8>),
    Variable(Variable),
    /// The client's address, cut to so many bits of IPv4 or IPv6.
    Subnet(u8, u8),
}

/// Something of the query.
#[derive(Debug)]
pub(crate) enum Variable {
    QueryName,
    QueryType,
    ClientIp,
    ClientPort,
    Protocol,
    ServerIp,
    ServerPort,
    Metadata(String),
}

/// The OPT record of a query while it is changed.
#[derive(Debug)]
pub(crate) struct Opt {
    pub udp_size: u16,
    pub flags: u16,
    pub options: Vec<(u16, Vec<u8>)>,
}

/// What a rule did, to be undone in the reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// Nothing.
    Ignored,
    /// Something the reply may show.
    Changed,
    Added,
    Replaced(Vec<u8>),
}

impl Opt {
    /// That of `query`, or a new one.
    pub(crate) fn of(query: &Query<'_>) -> Opt {
        match query.edns() {
            Some(edns) => Opt {
                udp_size: edns.udp_size,
                flags: edns.flags,
                options: read(edns.options),
            },
            None => Opt {
                udp_size: UDP_SIZE,
                flags: 0,
                options: Vec::new(),
            },
        }
    }

    /// The record as a query carries it.
    pub(crate) fn to_edns(&self) -> ReplyEdns {
        let mut own = ReplyEdns {
            udp_size: self.udp_size,
            flags: self.flags,
            ..ReplyEdns::default()
        };
        for (code, data) in &self.options {
            own.push(*code, data);
        }
        own
    }

    /// The record as a server gives it back that has nothing to say itself.
    pub(crate) fn echo(&self, known: impl Fn(u16) -> bool) -> ReplyEdns {
        let mut own = ReplyEdns {
            udp_size: self.udp_size,
            flags: self.flags & edns::DO,
            ..ReplyEdns::default()
        };
        let options = self.options.iter();
        for (code, data) in options.filter(|(code, _)| ECHOED.contains(code) || known(*code)) {
            own.push(*code, data);
        }
        own
    }
}

/// The options in `octets`.
pub(crate) fn read(octets: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let options = edns::Options::new(octets);
    options.map(|(code, data)| (code, data.to_vec())).collect()
}

impl EdnsRule {
    /// Changes the option; the OPT record is made even if the option is not.
    pub(crate) fn apply(&self, query: &Query<'_>, draft: &mut Draft) -> Done {
        let data = match self.action {
            Action::Unset => Vec::new(),
            _ => match self.data.octets(query, draft) {
                Some(data) => data,
                None => return Done::Ignored,
            },
        };
        let options = &mut draft.opt(query).options;
        let known = options.iter_mut().find(|(code, _)| *code == self.code);
        match (self.action, known) {
            (Action::Unset, _) => {
                options.retain(|(code, _)| *code != self.code);
                Done::Changed
            }
            (Action::Set | Action::Replace, Some((_, old))) => {
                let old = std::mem::replace(old, data);
                match self.reverts {
                    true => Done::Replaced(old),
                    false => Done::Changed,
                }
            }
            (Action::Replace, None) => Done::Ignored,
            // As in CoreDNS: what does not depend on the query is added once more.
            (Action::Append, Some(_)) if !matches!(self.data, Data::Octets(_)) => Done::Ignored,
            (Action::Append | Action::Set, _) => {
                options.push((self.code, data));
                match self.reverts {
                    true => Done::Added,
                    false => Done::Changed,
                }
            }
        }
    }
}

impl Data {
    fn octets(&self, query: &Query<'_>, draft: &Draft) -> Option<Vec<u8>> {
        match self {
            Data::Octets(octets) => Some(octets.clone()),
            Data::Variable(variable) => variable.octets(query, draft),
            Data::Subnet(v4, v6) => Some(match query.client().ip().to_canonical() {
                IpAddr::V4(address) => subnet(1, *v4, &address.octets()),
                IpAddr::V6(address) => subnet(2, *v6, &address.octets()),
            }),
        }
    }
}

/// The option of RFC 7871 section 6: family, prefix, scope 0, the octets of the prefix.
fn subnet(family: u8, bits: u8, address: &[u8]) -> Vec<u8> {
    let (whole, rest) = (usize::from(bits / 8), bits % 8);
    let mut data = vec![0, family, bits, 0];
    data.extend(address.iter().take(whole));
    if let Some(octet) = address.get(whole).filter(|_| rest > 0) {
        data.push(octet & (0xff << (8 - rest)));
    }
    data
}

impl Variable {
    /// A variable as rules write it, without its braces.
    pub(crate) fn named(name: &str) -> Option<Variable> {
        Some(match name {
            "qname" => Variable::QueryName,
            "qtype" => Variable::QueryType,
            "client_ip" => Variable::ClientIp,
            "client_port" => Variable::ClientPort,
            "protocol" => Variable::Protocol,
            "server_ip" => Variable::ServerIp,
            "server_port" => Variable::ServerPort,
            label => {
                let (plugin, rest) = label.split_once('/')?;
                if plugin.is_empty() || rest.is_empty() {
                    return None;
                }
                Variable::Metadata(label.to_owned())
            }
        })
    }

    fn octets(&self, query: &Query<'_>, draft: &Draft) -> Option<Vec<u8>> {
        let client = query.client().ip().to_canonical();
        Some(match self {
            Variable::QueryName => match &draft.name {
                Some(name) => name.to_string().into_bytes(),
                None => query.name_as_asked().to_string().into_bytes(),
            },
            Variable::QueryType => draft.qtype.0.to_be_bytes().to_vec(),
            Variable::ClientIp => octets_of(client),
            Variable::ClientPort => query.client().port().to_be_bytes().to_vec(),
            Variable::Protocol => query.context().transport.name().into(),
            Variable::ServerIp => match (client, query.local_ip()) {
                (IpAddr::V4(_), IpAddr::V6(_)) => return None,
                (IpAddr::V6(_), IpAddr::V4(own)) => own.to_ipv6_mapped().octets().into(),
                (_, own) => octets_of(own),
            },
            Variable::ServerPort => query.context().local.port().to_be_bytes().to_vec(),
            Variable::Metadata(label) => {
                let value = query.metadata(label)?;
                (!value.is_empty()).then(|| value.into_bytes())?
            }
        })
    }
}

fn octets_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}
