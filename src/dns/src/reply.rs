//! Replies: a packet that is built once and edited in place, without decoding.
//!
//! A reply's packet never holds an OPT record. What a plugin or an upstream wants there stands
//! beside it ([`ReplyEdns`]) and is written when the reply leaves ([`Reply::finish`]).

mod compress;
mod copy;
mod finish;
mod names;
mod pool;

use crate::edns::{Edns, ReplyEdns};
use crate::header::{HEADER_LEN, Header, flag, write_u16, write_u32};
use crate::records::{MessageError, RecordView, Records, Section, question_end};
use crate::{Class, Message, NameRef, Opcode, QueryMessage, Rcode, Record, RecordType};

use pool::Pooled;

/// The longest message, RFC 1035 section 4.2.2.
pub const MESSAGE_MAX: usize = 65_535;

/// The record to be added to a reply: everything but its section.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    /// The owner name.
    pub name: NameRef<'a>,
    /// The type.
    pub rtype: RecordType,
    /// The class.
    pub class: Class,
    /// The time to live in seconds.
    pub ttl: u32,
    /// The data; names in it uncompressed.
    pub rdata: &'a [u8],
}

impl<'a> RecordRef<'a> {
    /// A record of the Internet class; `ttl` in seconds.
    #[inline]
    pub fn new(name: NameRef<'a>, (rtype, ttl): (RecordType, u32), rdata: &'a [u8]) -> Self {
        RecordRef {
            name,
            rtype,
            class: Class::IN,
            ttl,
            rdata,
        }
    }
}

impl<'a> From<&'a Record> for RecordRef<'a> {
    fn from(record: &'a Record) -> Self {
        RecordRef {
            name: record.name.view(),
            rtype: record.rtype,
            class: record.class,
            ttl: record.ttl,
            rdata: &record.rdata,
        }
    }
}

/// An answer in wire form, in a pooled buffer.
#[derive(Debug)]
pub struct Reply {
    parts: Pooled,
}

impl Reply {
    /// An empty NOERROR answer to `query`: its id, opcode and question, and RD and CD of a QUERY.
    pub fn to(query: &QueryMessage<'_>) -> Reply {
        let asked = query.header();
        let kept = match asked.opcode() {
            Opcode::QUERY => flag::RD | flag::CD,
            _ => flag::OPCODE,
        };
        let header = Header {
            id: asked.id,
            flags: flag::QR | asked.flags & kept,
            counts: [1, 0, 0, 0],
        };
        let mut reply = Reply {
            parts: pool::take(),
        };
        reply.parts.packet.extend_from_slice(&header.to_octets());
        reply.parts.packet.extend_from_slice(query.question());
        reply.parts.records_at = reply.parts.packet.len();
        reply
    }

    /// As [`Reply::to`], but authoritative: it has AA.
    #[inline]
    pub fn authoritative(query: &QueryMessage<'_>) -> Reply {
        let mut reply = Reply::to(query);
        reply.set_flag(flag::AA, true);
        reply
    }

    /// An answer to `query` that says `rcode` and nothing else.
    pub fn error(query: &QueryMessage<'_>, rcode: Rcode) -> Reply {
        let mut reply = Reply::to(query);
        reply.set_rcode(rcode);
        reply
    }

    /// A copy of `packet`, which must hold one question and no OPT record.
    ///
    /// For packets that were a reply before, such as a cache's: nothing is checked.
    pub fn copy_of(packet: &[u8]) -> Reply {
        let mut reply = Reply {
            parts: pool::take(),
        };
        reply.parts.packet.extend_from_slice(packet);
        reply.parts.records_at = question_end(packet).unwrap_or(HEADER_LEN).min(packet.len());
        reply
    }

    /// Takes a packet from the network: checks all of it and sets its OPT record apart.
    pub fn from_packet(packet: &[u8]) -> Result<Reply, MessageError> {
        let header = Header::read(packet).ok_or(MessageError::Truncated)?;
        let start = match header.counts[0] {
            1 => question_end(packet)?,
            _ => return Err(MessageError::Truncated),
        };
        let (mut opt, mut last) = (None, start);
        let mut counted = [1u16, 0, 0, 0];
        for record in Records::new(packet, start) {
            let record = record?;
            if record.rtype == RecordType::OPT && record.section == Section::Additional {
                opt = Some(record);
                continue;
            }
            counted[record.section.index()] += 1;
            last = record.end;
        }
        let edns = opt.as_ref().map(|record| reply_edns(packet, record));
        if opt.is_some_and(|record| record.start < last) {
            // Something follows the OPT: taking octets out of the middle would break pointers.
            let mut message = Message::decode(packet)?;
            message.edns = edns;
            return Ok(message.to_reply());
        }
        let mut reply = Reply {
            parts: pool::take(),
        };
        let kept = packet.get(..last).ok_or(MessageError::Truncated)?;
        check_names(kept, start, &mut reply.parts.packet)?;
        reply.parts.packet.clear();
        reply.parts.packet.extend_from_slice(kept);
        reply.parts.records_at = start;
        reply.parts.compressed = true;
        reply.parts.edns = edns.map(Box::new);
        // Counts may promise more than there is; the answer says what it has.
        for (place, count) in counted.into_iter().enumerate() {
            write_u16(&mut reply.parts.packet, 4 + 2 * place, count);
        }
        Ok(reply)
    }

    /// The message without OPT.
    pub fn packet(&self) -> &[u8] {
        &self.parts.packet
    }

    /// The message without OPT, to patch octets in place; its length cannot change.
    pub fn packet_mut(&mut self) -> &mut [u8] {
        &mut self.parts.packet
    }

    /// The header.
    pub fn header(&self) -> Header {
        Header::read(&self.parts.packet).unwrap_or_default()
    }

    /// The records, in wire order.
    pub fn records(&self) -> impl Iterator<Item = RecordView> + '_ {
        // What was built or checked here reads without error.
        Records::new(&self.parts.packet, self.parts.records_at).map_while(Result::ok)
    }

    /// Offset after the question.
    pub fn records_at(&self) -> usize {
        self.parts.records_at
    }

    /// How many records `section` holds.
    pub fn count(&self, section: Section) -> u16 {
        self.header().counts[section.index()]
    }

    /// The response code, extended bits included.
    pub fn rcode(&self) -> Rcode {
        let upper = self
            .parts
            .edns
            .as_ref()
            .map_or(0, |edns| u16::from(edns.extended_rcode));
        Rcode(upper << 4 | self.header().rcode().0)
    }

    /// Sets the response code; one above 15 needs an OPT record and gets it.
    pub fn set_rcode(&mut self, rcode: Rcode) {
        let flags = self.header().flags & !flag::RCODE | rcode.0 & flag::RCODE;
        write_u16(&mut self.parts.packet, 2, flags);
        let upper = u8::try_from(rcode.0 >> 4).unwrap_or(0);
        if upper != 0 || self.parts.edns.is_some() {
            self.edns_mut().extended_rcode = upper;
        }
    }

    /// Sets or clears the bits of [`flag`] in `bits`.
    pub fn set_flag(&mut self, bits: u16, on: bool) {
        let flags = self.header().flags;
        let flags = if on { flags | bits } else { flags & !bits };
        write_u16(&mut self.parts.packet, 2, flags);
    }

    /// Sets the message id.
    pub fn set_id(&mut self, id: u16) {
        write_u16(&mut self.parts.packet, 0, id);
    }

    /// Drops the authority and additional sections.
    pub fn keep_answers(&mut self) {
        let answers = self
            .records()
            .filter(|record| record.section == Section::Answer);
        let end = answers
            .last()
            .map_or(self.parts.records_at, |record| record.end);
        self.parts.packet.truncate(end);
        self.parts.names.truncate(end);
        for section in [Section::Authority, Section::Additional] {
            write_u16(&mut self.parts.packet, 4 + 2 * section.index(), 0);
        }
    }

    /// Makes this the answer to `query`: its id and its question, letter case included.
    ///
    /// Nothing is done to a question of another length: the caller has compared the names.
    pub fn readdress(&mut self, query: &QueryMessage<'_>) {
        self.set_id(query.header().id);
        let question = query.question();
        let range = HEADER_LEN..HEADER_LEN + question.len();
        if range.end == self.parts.records_at
            && let Some(octets) = self.parts.packet.get_mut(range)
        {
            octets.copy_from_slice(question);
        }
    }

    /// Gives every record the TTL that `change` makes of its own.
    pub fn map_ttls(&mut self, mut change: impl FnMut(&RecordView) -> u32) {
        let mut records = Records::new(&self.parts.packet, self.parts.records_at);
        let mut patches = smallvec::SmallVec::<[(usize, u32); 16]>::new();
        while let Some(Ok(record)) = records.next() {
            patches.push((record.ttl_at(), change(&record)));
        }
        for (at, ttl) in patches {
            write_u32(&mut self.parts.packet, at, ttl);
        }
    }

    /// What the OPT record is to hold, if a plugin or an upstream said so.
    pub fn edns(&self) -> Option<&ReplyEdns> {
        self.parts.edns.as_deref()
    }

    /// What the OPT record is to hold, to change it.
    pub fn edns_mut(&mut self) -> &mut ReplyEdns {
        self.parts.edns.get_or_insert_default()
    }

    /// Takes away what the OPT record was to hold.
    pub fn clear_edns(&mut self) {
        self.parts.edns = None;
    }

    /// Octets of the message if no name were compressed, its OPT not counted.
    ///
    /// CoreDNS logs and counts sizes in this measure.
    pub fn uncompressed_len(&self) -> usize {
        let mut scratch = Vec::new();
        let mut name = crate::NameBuf::new();
        let records = self.records().map(|record| {
            scratch.clear();
            let owner = name.read(&self.parts.packet, record.start);
            let owner = owner.map_or(1, |_| name.view().wire().len());
            let plain = matches!(record.rtype, RecordType::A | RecordType::AAAA);
            if plain || crate::expand_rdata(&self.parts.packet, &record, &mut scratch).is_err() {
                return owner + 10 + (record.end - record.rdata);
            }
            owner + 10 + scratch.len()
        });
        self.parts.records_at + records.sum::<usize>()
    }

    /// Takes the whole reply apart, for changes that octets do not allow.
    pub fn edit(self) -> Result<Message, MessageError> {
        let mut message = Message::decode(&self.parts.packet)?;
        message.edns = self.parts.edns.as_deref().cloned();
        Ok(message)
    }
}

/// Checks every name and all RDATA of `packet`, on a copy made in `scratch`.
///
/// Ids, flags, counts and TTLs change later, so a name that points at them is an error: 0x80,
/// which opens no label, stands for them in the copy.
fn check_names(packet: &[u8], start: usize, scratch: &mut Vec<u8>) -> Result<(), MessageError> {
    scratch.extend_from_slice(packet);
    scratch.iter_mut().take(HEADER_LEN).for_each(blank);
    for record in Records::new(packet, start) {
        let at = record?.ttl_at();
        scratch.iter_mut().skip(at).take(4).for_each(blank);
    }
    let (mut name, mut expanded) = (crate::NameBuf::new(), Vec::new());
    name.read(scratch, HEADER_LEN)?;
    for record in Records::new(packet, start) {
        let record = record?;
        name.read(scratch, record.start)?;
        expanded.clear();
        crate::expand_rdata(scratch, &record, &mut expanded)?;
    }
    Ok(())
}

fn blank(octet: &mut u8) {
    *octet = 0x80;
}

fn reply_edns(packet: &[u8], record: &RecordView) -> ReplyEdns {
    let edns = Edns::new(packet, record);
    ReplyEdns {
        options: smallvec::SmallVec::from_slice(edns.options),
        extended_rcode: edns.extended_rcode,
        udp_size: edns.udp_size,
        flags: edns.flags,
    }
}

impl Clone for Reply {
    fn clone(&self) -> Self {
        let mut reply = Reply {
            parts: pool::take(),
        };
        reply.parts.copy_from(&self.parts);
        reply
    }
}

#[cfg(test)]
mod tests;
