//! The SOA record: its serial, and how serials rise (RFC 1982).

use std::time::{SystemTime, UNIX_EPOCH};

use catena_dns::{Name, NameRef, RecordType};

use crate::RecordSet;

/// Octets of an SOA record after its two names.
const NUMBERS: usize = 20;

/// What the SOA record of a new zone says.
#[derive(Clone, Debug)]
pub struct Soa {
    /// The primary name server.
    pub mname: Name,
    /// The mailbox of who is responsible.
    pub rname: Name,
    /// Refresh, retry, expire and minimum, in seconds.
    pub timers: [u32; 4],
    /// The TTL of the record.
    pub ttl: u32,
}

impl Soa {
    /// The set with `serial`.
    pub fn set(&self, serial: u32) -> RecordSet {
        let mut rdata = self.mname.view().to_lower().wire().to_vec();
        rdata.extend_from_slice(self.rname.view().to_lower().wire());
        for number in [serial].iter().chain(&self.timers) {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        RecordSet {
            ttl: self.ttl,
            data: vec![rdata.into()],
            lease: None,
        }
    }
}

/// The serial in the data of an SOA record.
pub fn serial_of(rdata: &[u8]) -> Option<u32> {
    let (_, rest) = NameRef::split_from(rdata).ok()?;
    let (_, rest) = NameRef::split_from(rest).ok()?;
    (rest.len() == NUMBERS).then_some(())?;
    rest.first_chunk().copied().map(u32::from_be_bytes)
}

/// The set with another serial; as it is if it is no SOA record.
pub fn with_serial(soa: &RecordSet, serial: u32) -> RecordSet {
    let mut soa = soa.clone();
    if let Some(rdata) = soa.data.first_mut()
        && let Some(at) = rdata.len().checked_sub(NUMBERS)
        && let Some(place) = rdata.get_mut(at..at + 4)
    {
        place.copy_from_slice(&serial.to_be_bytes());
    }
    soa
}

/// Whether `new` comes after `old`, RFC 1982 section 3.2.
pub fn is_after(new: u32, old: u32) -> bool {
    let ahead = new.wrapping_sub(old);
    ahead != 0 && ahead < 1 << 31
}

/// The serial after `serial`; 0 is left out, RFC 2136 section 4.6.
pub fn next_serial(serial: u32) -> u32 {
    serial.wrapping_add(1).max(1)
}

/// The serial of a new zone: greater than that of an older zone of the name, most likely.
pub(crate) fn first_serial() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(1, |since| since.as_secs());
    u32::try_from(seconds & 0xffff_ffff).unwrap_or(1).max(1)
}

/// Whether records of `rtype` belong to a zone's signer, so that nobody else writes them.
pub fn is_signing_type(rtype: RecordType) -> bool {
    matches!(
        rtype,
        RecordType::RRSIG
            | RecordType::NSEC
            | RecordType::NSEC3
            | RecordType::NSEC3PARAM
            | RecordType::DNSKEY
            | RecordType::SIG
            | RecordType::KEY
            | RecordType::NXT
    )
}

/// Whether `rtype` names records that a zone can hold, rather than a question or an envelope.
pub fn is_data_type(rtype: RecordType) -> bool {
    !matches!(rtype.0, 0 | 41 | 128..=255)
}
