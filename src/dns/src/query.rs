//! The admission gate: what a packet must be before anything else looks at it.
//!
//! Every transport passes every packet through [`QueryMessage::admit`]. The rules are those of
//! CoreDNS: opcode and counts first, from the header alone; then one question; then the few
//! records a query may hold, each checked against its type.

use crate::edns::{self, Edns};
use crate::header::{HEADER_LEN, Header, flag, read_u16};
use crate::name::NAME_MAX;
use crate::records::{RecordView, Records, Section, expand_rdata};
use crate::{Class, NameBuf, NameRef, Opcode, Rcode, RecordType};

/// A query for the address of the root.
const ROOT_QUERY: [u8; 17] = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1];

/// An admitted query: a view of its packet.
#[derive(Clone)]
pub struct QueryMessage<'a> {
    packet: &'a [u8],
    header: Header,
    name: NameBuf,
    question_end: usize,
    qtype: RecordType,
    qclass: Class,
    edns: Option<Edns<'a>>,
    /// Offset of the TSIG record; 0 if there is none.
    tsig_at: usize,
}

/// What to do with a packet that is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// Say nothing: the packet is a response, or has no whole header.
    Ignore,
    /// Send an error with nothing but a header.
    Header(Rcode),
    /// Send an error that repeats the question.
    Question(Rcode),
}

impl<'a> QueryMessage<'a> {
    /// Admits `packet`, or says how to reject it.
    ///
    /// The rare packet whose question is compressed, or ends early, is first copied to
    /// `scratch` in its plain form, so that all else may rely on it.
    pub fn admit(packet: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<Self, Reject> {
        let header = Header::read(packet).ok_or(Reject::Ignore)?;
        check_header(header)?;
        Self::read(packet, header, scratch)
    }

    /// As [`QueryMessage::admit`], and lets dynamic updates in too (RFC 2136).
    ///
    /// All sections of an update are checked: as many records as are counted, each as its type
    /// says. [`QueryMessage::records`] gives its prerequisites as answers, and the changes as
    /// authorities.
    pub fn admit_with_updates(packet: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<Self, Reject> {
        let header = Header::read(packet).ok_or(Reject::Ignore)?;
        if header.has(flag::QR) || header.opcode() != Opcode::UPDATE {
            return Self::admit(packet, scratch);
        }
        if header.counts[0] != 1 {
            return Err(Reject::Header(Rcode::FORMERR));
        }
        let update = Self::read(packet, header, scratch)?;
        // Its records were counted by hand: none may be missing, and no octet may be left over.
        let is_whole = std::ptr::eq(update.packet, packet) && update.holds_all_records();
        is_whole
            .then_some(update)
            .ok_or(Reject::Question(Rcode::FORMERR))
    }

    fn read(packet: &'a [u8], header: Header, scratch: &'a mut Vec<u8>) -> Result<Self, Reject> {
        if packet.len() == HEADER_LEN {
            return Err(Reject::Header(Rcode::SERVFAIL));
        }
        let formerr = Reject::Header(Rcode::FORMERR);
        let mut name = NameBuf::new();
        let name_end = name.read(packet, HEADER_LEN).map_err(|_| formerr)?;
        let length = name.view().wire().len();
        let is_plain = name_end == HEADER_LEN + length && packet.len() >= name_end + 4;
        let packet = if is_plain {
            packet
        } else {
            rewrite_plainly(packet, name.view(), name_end, scratch).ok_or(formerr)?
        };
        let question_end = HEADER_LEN + length + 4;
        let word = |at| read_u16(packet, at).ok_or(formerr);
        name.make_lower();
        let mut query = QueryMessage {
            packet,
            header,
            name,
            question_end,
            qtype: RecordType(word(question_end - 4)?),
            qclass: Class(word(question_end - 2)?),
            edns: None,
            tsig_at: 0,
        };
        if packet.len() > question_end {
            query
                .read_records()
                .ok_or(Reject::Question(Rcode::FORMERR))?;
        }
        Ok(query)
    }

    /// Reads again a packet that was admitted before, such as a kept copy.
    ///
    /// Of a packet that was not, a query for the root is made.
    pub fn readmit(packet: &'a [u8], scratch: &'a mut Vec<u8>) -> Self {
        Self::admit_with_updates(packet, scratch).unwrap_or(QueryMessage {
            packet: &ROOT_QUERY,
            header: Header {
                id: 0,
                flags: 0,
                counts: [1, 0, 0, 0],
            },
            name: NameBuf::new(),
            question_end: ROOT_QUERY.len(),
            qtype: RecordType::A,
            qclass: Class::IN,
            edns: None,
            tsig_at: 0,
        })
    }

    /// Checks the records that follow the question and finds the last OPT, RFC 6891 section 6.1.1,
    /// and the TSIG, which must be the very last, RFC 8945 section 5.1.
    fn read_records(&mut self) -> Option<()> {
        let mut expanded = Vec::new();
        for record in Records::new(self.packet, self.question_end) {
            let record = record.ok()?;
            if self.tsig_at != 0 || !self.has_readable_owner(&record) {
                return None;
            }
            if record.section == Section::Additional && record.rtype == RecordType::TSIG {
                self.tsig_at = record.start;
            } else if record.rtype == RecordType::OPT {
                let edns = Edns::new(self.packet, &record);
                if !edns.options().are_valid() {
                    return None;
                }
                if record.section == Section::Additional {
                    self.edns = Some(edns);
                }
            } else {
                expanded.clear();
                expand_rdata(self.packet, &record, &mut expanded).ok()?;
            }
        }
        Some(())
    }

    /// Whether the owner name of `record` is whole; the root, as of OPT, is seen at once.
    fn has_readable_owner(&self, record: &RecordView) -> bool {
        self.packet.get(record.start) == Some(&0)
            || NameBuf::new().read(self.packet, record.start).is_ok()
    }

    /// Whether there are as many records as the header says, and nothing behind them.
    fn holds_all_records(&self) -> bool {
        let mut records = self.records();
        let found = records.by_ref().filter(Result::is_ok).count();
        let [_, counted @ ..] = self.header.counts;
        let counted: usize = counted.into_iter().map(usize::from).sum();
        found == counted && records.position() == self.packet.len()
    }

    /// The whole message.
    pub fn packet(&self) -> &'a [u8] {
        self.packet
    }

    /// The operation code.
    pub fn opcode(&self) -> Opcode {
        self.header.opcode()
    }

    /// Where the TSIG record begins, if the message is signed.
    pub fn tsig_at(&self) -> Option<usize> {
        (self.tsig_at != 0).then_some(self.tsig_at)
    }

    /// The message as it was before it was signed; `None` if it is not signed.
    pub fn without_tsig(&self) -> Option<Vec<u8>> {
        let mut packet = self.packet.get(..self.tsig_at()?)?.to_vec();
        let counted = self.header.counts[3].saturating_sub(1);
        crate::header::write_u16(&mut packet, 10, counted);
        Some(packet)
    }

    /// The header.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The name asked for, in lower case.
    pub fn name(&self) -> NameRef<'_> {
        self.name.view()
    }

    /// The name asked for, in the client's letter case.
    pub fn name_as_asked(&self) -> NameRef<'a> {
        let octets = self
            .packet
            .get(HEADER_LEN..self.question_end - 4)
            .unwrap_or(&[0]);
        NameRef::from_wire(octets).unwrap_or(NameRef::ROOT)
    }

    /// The question section in wire form.
    pub fn question(&self) -> &'a [u8] {
        self.packet
            .get(HEADER_LEN..self.question_end)
            .unwrap_or(&[])
    }

    /// The records after the question.
    pub fn records(&self) -> Records<'a> {
        Records::new(self.packet, self.question_end)
    }

    /// The type asked for.
    pub fn qtype(&self) -> RecordType {
        self.qtype
    }

    /// The class asked for.
    pub fn qclass(&self) -> Class {
        self.qclass
    }

    /// The client's OPT record, if it sent one.
    pub fn edns(&self) -> Option<&Edns<'a>> {
        self.edns.as_ref()
    }

    /// Whether the client wants DNSSEC records (the DO bit).
    pub fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.flags & edns::DO != 0)
    }

    /// The most octets a UDP answer may have: what the client says, 512 at least.
    pub fn udp_limit(&self) -> usize {
        self.edns
            .map_or(512, |edns| usize::from(edns.udp_size).max(512))
    }
}

fn check_header(header: Header) -> Result<(), Reject> {
    if header.has(flag::QR) {
        return Err(Reject::Ignore);
    }
    if header.opcode() != Opcode::QUERY && header.opcode() != Opcode::NOTIFY {
        return Err(Reject::Header(Rcode::NOTIMP));
    }
    let [questions, answers, authorities, additionals] = header.counts;
    if questions != 1 || answers > 1 || authorities > 1 || additionals > 2 {
        return Err(Reject::Header(Rcode::FORMERR));
    }
    Ok(())
}

/// Copies `packet` with its question name in full; a type or class that is missing counts as 0.
fn rewrite_plainly<'a>(
    packet: &[u8],
    name: NameRef<'_>,
    name_end: usize,
    scratch: &'a mut Vec<u8>,
) -> Option<&'a [u8]> {
    let rest = packet.get(name_end..)?;
    let (fields, records) = match rest.len() {
        0 | 2 => (rest, &[][..]),
        1 | 3 => return None,
        _ => rest.split_at_checked(4)?,
    };
    scratch.clear();
    scratch.reserve(HEADER_LEN + NAME_MAX + 4 + records.len());
    scratch.extend_from_slice(packet.get(..HEADER_LEN)?);
    scratch.extend_from_slice(name.wire());
    scratch.extend_from_slice(fields);
    scratch.resize(HEADER_LEN + name.wire().len() + 4, 0);
    scratch.extend_from_slice(records);
    Some(scratch)
}

/// The flags of a rejected packet that its answer repeats, as CoreDNS does.
const KEPT_FLAGS: u16 = flag::TC | flag::RD | flag::RA | flag::AD | flag::CD;

/// The answer to a packet that was not admitted; `None` when silence is the answer.
pub fn rejection(packet: &[u8], reject: Reject) -> Option<Vec<u8>> {
    let header = Header::read(packet)?;
    let (rcode, question) = match reject {
        Reject::Ignore => return None,
        Reject::Header(rcode) => (rcode, None),
        Reject::Question(rcode) => (
            rcode,
            packet.get(HEADER_LEN..crate::records::question_end(packet).ok()?),
        ),
    };
    let opcode = if rcode == Rcode::NOTIMP {
        header.flags & flag::OPCODE
    } else {
        0
    };
    let answer = Header {
        id: header.id,
        flags: flag::QR | opcode | header.flags & KEPT_FLAGS | rcode.0,
        counts: [u16::from(question.is_some()), 0, 0, 0],
    };
    let mut octets = answer.to_octets().to_vec();
    octets.extend_from_slice(question.unwrap_or(&[]));
    Some(octets)
}

#[cfg(test)]
mod tests;
