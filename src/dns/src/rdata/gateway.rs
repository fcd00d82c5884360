//! IPSECKEY, AMTRELAY and HIP: types whose fields say how long others are.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use super::codec;
use super::read::{Read, Reader};
use super::validate::ipv6;
use crate::NameRef;

/// The gateway of IPSECKEY (RFC 4025 section 2.5) or the relay of AMTRELAY (RFC 8777).
enum Gateway<'a> {
    None,
    Address(IpAddr),
    Name(NameRef<'a>),
}

/// Splits a gateway of the given kind off the front of `wire`.
fn split_gateway(kind: u8, wire: &[u8]) -> Option<(Gateway<'_>, &[u8])> {
    Some(match kind {
        0 => (Gateway::None, wire),
        1 => {
            let (octets, rest) = wire.split_first_chunk::<4>()?;
            (Gateway::Address(Ipv4Addr::from(*octets).into()), rest)
        }
        2 => {
            let (octets, rest) = wire.split_at_checked(16)?;
            (Gateway::Address(ipv6(octets).into()), rest)
        }
        3 => {
            let (name, rest) = NameRef::split_from(wire).ok()?;
            (Gateway::Name(name), rest)
        }
        _ => return None,
    })
}

/// Appends the gateway of the given kind.
fn read_gateway(kind: u8, reader: &mut Reader<'_, '_>) -> Read<()> {
    match kind {
        0 if reader.plain()? == b"." => Ok(()),
        0 => Err("a gateway where its type says there is none"),
        1 | 2 => {
            let text = std::str::from_utf8(reader.plain()?).unwrap_or_default();
            match text.parse() {
                Ok(IpAddr::V4(address)) if kind == 1 => {
                    reader.out.extend_from_slice(&address.octets());
                }
                Ok(IpAddr::V6(address)) if kind == 2 => {
                    reader.out.extend_from_slice(&address.octets());
                }
                _ => return Err("not an address of the family that its type says"),
            }
            Ok(())
        }
        3 => reader.name(),
        _ => Err("unknown type of gateway"),
    }
}

impl fmt::Display for Gateway<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gateway::None => f.write_char('.'),
            Gateway::Address(address) => write!(f, "{address}"),
            Gateway::Name(name) => write!(f, "{name}"),
        }
    }
}

pub(super) fn read_ipseckey(reader: &mut Reader<'_, '_>) -> Read<()> {
    let head = [reader.u8()?, reader.u8()?, reader.u8()?];
    reader.out.extend_from_slice(&head);
    read_gateway(head[1], reader)?;
    let read = codec::read_base64(reader.pieces()?, reader.out);
    read.then_some(()).ok_or("not base 64")
}

pub(super) struct IpsecKey<'a> {
    head: [u8; 3],
    gateway: Gateway<'a>,
    key: &'a [u8],
}

pub(super) fn split_ipseckey(wire: &[u8]) -> Option<IpsecKey<'_>> {
    let (head, rest) = wire.split_first_chunk::<3>()?;
    let (gateway, key) = split_gateway(head[1], rest)?;
    Some(IpsecKey {
        head: *head,
        gateway,
        key,
    })
}

impl fmt::Display for IpsecKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [precedence, kind, algorithm] = self.head;
        let key = codec::base64(self.key);
        write!(f, "{precedence} {kind} {algorithm} {} {key}", self.gateway)
    }
}

pub(super) fn read_amtrelay(reader: &mut Reader<'_, '_>) -> Read<()> {
    let precedence = reader.u8()?;
    let discovery = match reader.plain()? {
        b"0" => 0,
        b"1" => 0x80,
        _ => return Err("not 0 or 1"),
    };
    let kind = reader.u8()?;
    reader
        .out
        .extend_from_slice(&[precedence, discovery | kind]);
    read_gateway(kind, reader)
}

pub(super) struct Relay<'a> {
    precedence: u8,
    kind: u8,
    gateway: Gateway<'a>,
}

pub(super) fn split_amtrelay(wire: &[u8]) -> Option<Relay<'_>> {
    let (&[precedence, kind], rest) = wire.split_first_chunk::<2>()?;
    let (gateway, rest) = split_gateway(kind & 0x7f, rest)?;
    rest.is_empty().then_some(Relay {
        precedence,
        kind,
        gateway,
    })
}

impl fmt::Display for Relay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (discovery, kind) = (self.kind >> 7, self.kind & 0x7f);
        write!(f, "{} {discovery} {kind} {}", self.precedence, self.gateway)
    }
}

pub(super) fn read_hip(reader: &mut Reader<'_, '_>) -> Read<()> {
    let algorithm = reader.u8()?;
    let (mut tag, mut key) = (Vec::new(), Vec::new());
    if !codec::read_hex([reader.plain()?], &mut tag) {
        return Err("not a host identity tag in hexadecimal digits");
    }
    if !codec::read_base64([reader.plain()?], &mut key) {
        return Err("not base 64");
    }
    let tag_length = u8::try_from(tag.len()).map_err(|_| "the tag is too long")?;
    let key_length = u16::try_from(key.len()).map_err(|_| "the key is too long")?;
    reader.out.extend_from_slice(&[tag_length, algorithm]);
    reader.out.extend_from_slice(&key_length.to_be_bytes());
    reader.out.extend_from_slice(&tag);
    reader.out.extend_from_slice(&key);
    while !reader.words.is_empty() {
        reader.name()?;
    }
    Ok(())
}

pub(super) struct HostIdentity<'a> {
    algorithm: u8,
    tag: &'a [u8],
    key: &'a [u8],
    servers: Vec<NameRef<'a>>,
}

pub(super) fn split_hip(wire: &[u8]) -> Option<HostIdentity<'_>> {
    let (&[tag_length, algorithm, high, low], rest) = wire.split_first_chunk::<4>()?;
    let (tag, rest) = rest.split_at_checked(usize::from(tag_length))?;
    let key_length = usize::from(u16::from_be_bytes([high, low]));
    let (key, mut rest) = rest.split_at_checked(key_length)?;
    let mut servers = Vec::new();
    while !rest.is_empty() {
        let (server, tail) = NameRef::split_from(rest).ok()?;
        servers.push(server);
        rest = tail;
    }
    Some(HostIdentity {
        algorithm,
        tag,
        key,
        servers,
    })
}

impl fmt::Display for HostIdentity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tag, key) = (codec::hex(self.tag), codec::base64(self.key));
        write!(f, "{} {tag} {key}", self.algorithm)?;
        self.servers
            .iter()
            .try_for_each(|server| write!(f, " {server}"))
    }
}
