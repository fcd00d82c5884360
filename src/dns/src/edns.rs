//! EDNS(0), RFC 6891: the OPT record of a query and of a reply.

use smallvec::SmallVec;

use crate::header::read_u16;
use crate::records::RecordView;

/// The DO bit (RFC 3225) in the flags of an OPT record.
pub const DO: u16 = 0x8000;

/// Option codes that are given back to the client, as CoreDNS does:
/// NSID, cookie, keepalive, padding.
const ECHOED: [u16; 4] = [3, 10, 11, 12];

/// The OPT record of a query.
#[derive(Clone, Copy, Debug)]
pub struct Edns<'a> {
    /// The UDP payload size the client says it takes, as sent.
    pub udp_size: u16,
    /// The upper eight bits of the extended rcode.
    pub extended_rcode: u8,
    /// The version, 0 for EDNS(0).
    pub version: u8,
    /// DO and the reserved bits.
    pub flags: u16,
    /// The options in wire form.
    pub options: &'a [u8],
}

impl<'a> Edns<'a> {
    /// Reads the OPT record at `record`.
    pub fn new(message: &'a [u8], record: &RecordView) -> Self {
        let [extended_rcode, version, high, low] = record.ttl.to_be_bytes();
        Edns {
            udp_size: record.class.0,
            extended_rcode,
            version,
            flags: u16::from_be_bytes([high, low]),
            options: message.get(record.rdata..record.end).unwrap_or(&[]),
        }
    }

    /// Whether the client wants DNSSEC records.
    pub fn dnssec_ok(&self) -> bool {
        self.flags & DO != 0
    }

    /// The options as (code, data); broken ones end the iteration.
    pub fn options(&self) -> Options<'a> {
        Options { rest: self.options }
    }
}

/// Iterator over EDNS options.
#[derive(Clone)]
pub struct Options<'a> {
    rest: &'a [u8],
}

impl<'a> Options<'a> {
    /// The options in `octets`.
    pub fn new(octets: &'a [u8]) -> Self {
        Options { rest: octets }
    }

    /// Whether all are whole, and of the form their codes ask for.
    pub(crate) fn are_valid(mut self) -> bool {
        self.by_ref().all(|(code, data)| is_valid(code, data)) && self.rest.is_empty()
    }
}

/// Whether `data` has the form that option `code` asks for; unknown codes take anything.
fn is_valid(code: u16, data: &[u8]) -> bool {
    match code {
        // Long-lived queries, RFC 8764 section 3.2.
        1 => data.len() >= 18,
        // Update lease, RFC 9664 section 4.
        2 => matches!(data.len(), 4 | 8),
        // Client subnet, RFC 7871 section 6.
        8 => match *data {
            [0, 0, source, _, ..] => source == 0,
            [0, 1, source, scope, ..] => source <= 32 && scope <= 32,
            [0, 2, source, scope, ..] => source <= 128 && scope <= 128,
            _ => false,
        },
        // Zone expiry, RFC 7314 section 2; CoreDNS takes more octets too.
        9 => data.is_empty() || data.len() >= 4,
        // Keepalive, RFC 7828 section 3.1.
        11 => matches!(data.len(), 0 | 2),
        // Extended error, RFC 8914 section 2.
        15 => data.len() >= 2,
        // Report channel, RFC 9567 section 5.
        18 => crate::NameRef::from_wire(data).is_ok(),
        _ => true,
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let code = read_u16(self.rest, 0)?;
        let length = usize::from(read_u16(self.rest, 2)?);
        let data = self.rest.get(4..4 + length)?;
        self.rest = self.rest.get(4 + length..)?;
        Some((code, data))
    }
}

/// What a plugin or an upstream wants in the OPT record of the reply.
///
/// Size and flags of the OPT that leaves are the client's own; see [`crate::Reply::finish`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyEdns {
    /// Options in wire form.
    pub options: SmallVec<[u8; 32]>,
    /// The upper eight bits of the extended rcode.
    pub extended_rcode: u8,
    /// The UDP size to send to a client that sent no OPT.
    pub udp_size: u16,
    /// Flags to send to a client that sent no OPT.
    pub flags: u16,
}

impl ReplyEdns {
    /// Appends an option; one that does not fit 16 bits of length is left out.
    pub fn push(&mut self, code: u16, data: &[u8]) {
        if let Ok(length) = u16::try_from(data.len()) {
            self.options.extend_from_slice(&code.to_be_bytes());
            self.options.extend_from_slice(&length.to_be_bytes());
            self.options.extend_from_slice(data);
        }
    }
}

/// Appends the options of a query that an answer gives back.
pub(crate) fn echo_options(options: &[u8], out: &mut Vec<u8>) {
    for (code, data) in Options::new(options).filter(|(code, _)| ECHOED.contains(code)) {
        let length = u16::try_from(data.len()).unwrap_or(0);
        out.extend_from_slice(&code.to_be_bytes());
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(data);
    }
}
