//! Whether octets are RDATA of their type.

use std::net::Ipv6Addr;

use super::{Field, gateway, layout, prefixes, svcb, types};
use crate::{NameRef, RecordType};

/// Whether `rdata`, names uncompressed, is what `rtype` demands.
pub fn validate(rtype: RecordType, rdata: &[u8]) -> bool {
    let mut rest = rdata;
    layout(rtype)
        .iter()
        .all(|field| split_field(*field, &mut rest).is_some())
        && rest.is_empty()
}

/// Splits the octets of `field` off the front of `rest`; `None` if they are no such field.
pub(super) fn split_field<'a>(field: Field, rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = match field.width() {
        Some(width) => width,
        None => match field {
            Field::CompressedName | Field::Name => NameRef::split_from(rest).ok()?.0.wire().len(),
            _ if field.is_counted() => 1 + usize::from(*rest.first()?),
            _ => {
                check_rest(field, rest)?;
                rest.len()
            }
        },
    };
    let (octets, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(octets)
}

/// Checks a field that takes all that is left.
fn check_rest(field: Field, octets: &[u8]) -> Option<()> {
    let is_good = match field {
        Field::Texts => are_texts(octets),
        Field::Types => types::read_types(octets).is_some(),
        Field::Params => svcb::are_params(octets),
        Field::Prefixes => are_prefixes(octets),
        Field::Gateway => gateway::split_ipseckey(octets).is_some(),
        Field::Relay => gateway::split_amtrelay(octets).is_some(),
        Field::HostIdentity => gateway::split_hip(octets).is_some(),
        _ => true,
    };
    is_good.then_some(())
}

fn are_texts(mut octets: &[u8]) -> bool {
    if octets.is_empty() {
        return false;
    }
    while let Some((length, rest)) = octets.split_first() {
        match rest.split_at_checked(usize::from(*length)) {
            Some((_, rest)) => octets = rest,
            None => return false,
        }
    }
    true
}

fn are_prefixes(mut octets: &[u8]) -> bool {
    while !octets.is_empty() {
        match prefixes::split_prefix(octets) {
            Some((_, rest)) => octets = rest,
            None => return false,
        }
    }
    true
}

/// The IPv6 address that `octets` are.
pub(super) fn ipv6(octets: &[u8]) -> Ipv6Addr {
    Ipv6Addr::from(<[u8; 16]>::try_from(octets).unwrap_or_default())
}
