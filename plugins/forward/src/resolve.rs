//! Looks up the host names among the TO words, once, when the Corefile is read.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use catena_dns::{HEADER_LEN, Message, Name, RecordType, Reply, Section};

/// How long one question to one resolver may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Datagrams that are not the answer and yet are read while it is awaited.
const STRANGERS_MAX: usize = 32;

/// The addresses of `name`, asked of `resolvers`, or of the system if there are none.
pub(crate) fn addresses(name: &str, resolvers: &[SocketAddr]) -> Result<Vec<IpAddr>, String> {
    let found = if resolvers.is_empty() {
        system(name)
    } else {
        ask_each(name, resolvers)
    };
    found.map_err(|error| format!("failed to resolve {name:?}: {error}"))
}

fn system(name: &str) -> Result<Vec<IpAddr>, String> {
    if is_old_address(name) {
        return Err(format!("lookup {name}: no such host"));
    }
    let found = (name, 0).to_socket_addrs();
    let found = found.map_err(|error| format!("lookup {name}: no such host ({error})"))?;
    Ok(found.map(|address| address.ip()).collect())
}

/// Whether `name` ends in a number, as no host name does (RFC 1123 section 2.1).
///
/// The system would take `127.1`, `65536` and `0x7f000001` for addresses.
fn is_old_address(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|octet| octet.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|octet| octet.is_ascii_digit()),
    }
}

fn ask_each(name: &str, resolvers: &[SocketAddr]) -> Result<Vec<IpAddr>, String> {
    let owner: Name = name
        .parse()
        .map_err(|_| format!("{name:?} is not a domain name"))?;
    let mut cause = String::new();
    for resolver in resolvers {
        let mut found = Vec::new();
        for qtype in [RecordType::A, RecordType::AAAA] {
            match ask(&owner, qtype, *resolver) {
                Ok(addresses) => found.extend(addresses),
                Err(error) => {
                    cause = format!(": {resolver}: {error}");
                    break;
                }
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(format!("no addresses found for {name:?}{cause}"))
}

fn ask(name: &Name, qtype: RecordType, resolver: SocketAddr) -> io::Result<Vec<IpAddr>> {
    let mut query = Message::query(name.view(), qtype);
    query.id = rand::random();
    let query = query.to_packet();
    let any: IpAddr = if resolver.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(resolver)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(&query)?;
    let mut buffer = [0; 4096];
    for _ in 0..STRANGERS_MAX {
        let length = socket.recv(&mut buffer)?;
        if let Some(reply) = buffer
            .get(..length)
            .and_then(|packet| reply_to(&query, packet))
        {
            return Ok(addresses_in(&reply));
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Takes `packet` if it answers `query`: same id and question, and it is a reply.
fn reply_to(query: &[u8], packet: &[u8]) -> Option<Reply> {
    let question = packet.get(HEADER_LEN..query.len())?;
    let is_reply = packet.get(..2)? == query.get(..2)? && packet.get(2)? & 0x80 != 0;
    if !is_reply || !question.eq_ignore_ascii_case(query.get(HEADER_LEN..)?) {
        return None;
    }
    Reply::from_packet(packet).ok()
}

fn addresses_in(reply: &Reply) -> Vec<IpAddr> {
    let answers = reply
        .records()
        .filter(|record| record.section == Section::Answer);
    let address = |record: catena_dns::RecordView| {
        let octets = reply.packet().get(record.rdata..record.end)?;
        match record.rtype {
            RecordType::A => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
            RecordType::AAAA => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
            _ => None,
        }
    };
    answers.filter_map(address).collect()
}
