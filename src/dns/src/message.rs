//! A reply taken apart: for the edits that octets do not allow.

use std::cell::Cell;

use crate::edns::ReplyEdns;
use crate::header::{HEADER_LEN, Header, flag, read_u16};
use crate::records::{MessageError, Record, Records, Section};
use crate::reply::{RecordRef, Reply};
use crate::{Class, Name, NameBuf, NameRef, Opcode, QueryMessage, Rcode, RecordType};

thread_local! {
    static DECODES: Cell<u64> = const { Cell::new(0) };
}

/// How many messages this thread has taken apart; tests assert that the hot path adds none.
pub fn decodes() -> u64 {
    DECODES.get()
}

/// A message with owned records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The message id.
    pub id: u16,
    /// The flag bits, see [`flag`]; the response code is among them.
    pub flags: u16,
    /// The name asked for.
    pub qname: Name,
    /// The type asked for.
    pub qtype: RecordType,
    /// The class asked for.
    pub qclass: Class,
    /// The answer section.
    pub answers: Vec<Record>,
    /// The authority section.
    pub authorities: Vec<Record>,
    /// The additional section without OPT.
    pub additionals: Vec<Record>,
    /// What the OPT record is to hold.
    pub edns: Option<ReplyEdns>,
}

impl Message {
    /// Takes `packet` apart; OPT records are left out.
    pub fn decode(packet: &[u8]) -> Result<Message, MessageError> {
        DECODES.set(DECODES.get() + 1);
        let header = Header::read(packet).ok_or(MessageError::Truncated)?;
        let mut name = NameBuf::new();
        let at = name.read(packet, HEADER_LEN)?;
        let word = |at| read_u16(packet, at).ok_or(MessageError::Truncated);
        let mut message = Message {
            id: header.id,
            flags: header.flags,
            qname: name.view().to_name(),
            qtype: RecordType(word(at)?),
            qclass: Class(word(at + 2)?),
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
            edns: None,
        };
        for record in Records::new(packet, at + 4) {
            let record = record?;
            if record.rtype != RecordType::OPT {
                message
                    .section_mut(record.section)
                    .push(record.to_record(packet)?);
            }
        }
        Ok(message)
    }

    /// A query for `name`, with RD set and no EDNS.
    pub fn query(name: NameRef<'_>, qtype: RecordType) -> Message {
        Message {
            id: 0,
            flags: flag::RD,
            qname: name.to_name(),
            qtype,
            qclass: Class::IN,
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
            edns: None,
        }
    }

    /// A query that asks as `query` does, OPT included, to be changed and asked again.
    ///
    /// Its signature is left out: it would be wrong after any change.
    pub fn from_query(query: &QueryMessage<'_>) -> Message {
        let mut message = Message::query(query.name_as_asked(), query.qtype());
        message.id = query.header().id;
        message.flags = query.header().flags;
        message.qclass = query.qclass();
        for record in query.records().map_while(Result::ok) {
            if !matches!(record.rtype, RecordType::OPT | RecordType::TSIG)
                && let Ok(owned) = record.to_record(query.packet())
            {
                message.section_mut(record.section).push(owned);
            }
        }
        message.edns = query.edns().map(|edns| ReplyEdns {
            options: smallvec::SmallVec::from_slice(edns.options),
            extended_rcode: edns.extended_rcode,
            udp_size: edns.udp_size,
            flags: edns.flags,
        });
        message
    }

    /// The records of `section`.
    pub fn section(&self, section: Section) -> &[Record] {
        match section {
            Section::Answer => &self.answers,
            Section::Authority => &self.authorities,
            Section::Additional => &self.additionals,
        }
    }

    /// The records of `section`, to change them.
    pub fn section_mut(&mut self, section: Section) -> &mut Vec<Record> {
        match section {
            Section::Answer => &mut self.answers,
            Section::Authority => &mut self.authorities,
            Section::Additional => &mut self.additionals,
        }
    }

    /// The operation code.
    pub fn opcode(&self) -> Opcode {
        self.header().opcode()
    }

    /// The response code without the extended bits.
    pub fn rcode(&self) -> Rcode {
        self.header().rcode()
    }

    fn header(&self) -> Header {
        Header {
            id: self.id,
            flags: self.flags,
            counts: [1, 0, 0, 0],
        }
    }

    /// Puts the message together again; records beyond 64 KiB set TC.
    pub fn to_reply(&self) -> Reply {
        self.pushed_to(self.empty_reply())
    }

    /// As [`Message::to_reply`], with names compressed.
    pub(crate) fn to_compressed_reply(&self) -> Reply {
        self.pushed_to(self.empty_reply().compressing())
    }

    fn empty_reply(&self) -> Reply {
        let mut start = [0; HEADER_LEN + crate::name::NAME_MAX + 4];
        let length = self.write_start(&mut start);
        Reply::copy_of(start.get(..length).unwrap_or(&start))
    }

    fn pushed_to(&self, mut reply: Reply) -> Reply {
        for section in Section::ALL {
            for record in self.section(section) {
                reply.push_or_tc(section, RecordRef::from(record));
            }
        }
        if let Some(edns) = &self.edns {
            *reply.edns_mut() = edns.clone();
        }
        reply
    }

    /// The message as octets to send, its OPT record as [`Message::edns`] says.
    pub fn to_packet(&self) -> Vec<u8> {
        let mut reply = self.to_reply();
        reply.append_own_opt();
        reply.packet().to_vec()
    }

    fn write_start(&self, start: &mut [u8]) -> usize {
        let parts: [&[u8]; 4] = [
            &self.header().to_octets(),
            self.qname.wire(),
            &self.qtype.0.to_be_bytes(),
            &self.qclass.0.to_be_bytes(),
        ];
        let mut at = 0;
        for part in parts {
            if let Some(octets) = start.get_mut(at..at + part.len()) {
                octets.copy_from_slice(part);
            }
            at += part.len();
        }
        at
    }
}
