//! Adding records to a reply, and the compression of their names (RFC 1035 section 4.1.4).
//!
//! As CoreDNS does, names are written in full while a message is small: that costs fewer cycles
//! than the search for suffixes, and both fit one datagram. [`Reply::finish`] compresses what
//! would not.

use std::net::IpAddr;

use super::names::POINTER_MAX;
use super::{MESSAGE_MAX, RecordRef, Reply};
use crate::header::{HEADER_LEN, flag, read_u16, write_u16, write_u32};
use crate::rdata::{self, Field};
use crate::records::Section;
use crate::{AddressRdata, Class, Message, NameBuf, NameRef, RecordType};

/// Where the target stands in SRV RDATA.
const TARGET_AT: usize = 6;
/// Octets of a record before its RDATA, its owner a pointer.
const FIXED_LEN: usize = 12;

impl Reply {
    /// Appends a record to `section`; false if the message would be too long.
    ///
    /// Sections are filled in wire order: answer, authority, additional.
    pub fn push(&mut self, section: Section, record: RecordRef<'_>) -> bool {
        let before = self.parts.packet.len();
        self.push_name(record.name);
        self.parts
            .packet
            .extend_from_slice(&record.rtype.0.to_be_bytes());
        self.parts
            .packet
            .extend_from_slice(&record.class.0.to_be_bytes());
        self.parts
            .packet
            .extend_from_slice(&record.ttl.to_be_bytes());
        self.parts.packet.extend_from_slice(&[0, 0]);
        let rdata_at = self.parts.packet.len();
        self.push_rdata(&record);
        let length = u16::try_from(self.parts.packet.len() - rdata_at);
        match length {
            Ok(length) if self.parts.packet.len() <= MESSAGE_MAX => {
                write_u16(&mut self.parts.packet, rdata_at - 2, length);
                let at = 4 + 2 * section.index();
                let count = read_u16(&self.parts.packet, at).unwrap_or(0);
                write_u16(&mut self.parts.packet, at, count.saturating_add(1));
                true
            }
            _ => {
                self.parts.packet.truncate(before);
                self.parts.names.truncate(before);
                !self.parts.compressed && self.compress() && self.push(section, record)
            }
        }
    }

    /// As [`Reply::push`], for a record that a client must not miss: where it does not fit, TC
    /// says so.
    #[inline]
    pub fn push_or_tc(&mut self, section: Section, record: RecordRef<'_>) -> bool {
        let is_pushed = self.push(section, record);
        if !is_pushed {
            self.set_flag(flag::TC, true);
        }
        is_pushed
    }

    /// Appends an A or AAAA record of the Internet class; where it does not fit, TC says so.
    #[inline]
    pub fn push_address(
        &mut self,
        section: Section,
        (name, ttl): (NameRef<'_>, u32),
        address: IpAddr,
    ) -> bool {
        let data = AddressRdata::from(address);
        self.push_or_tc(
            section,
            RecordRef::new(name, (data.rtype(), ttl), data.octets()),
        )
    }

    /// Appends an answer for the name asked for, `rdata` as it is; where it does not fit, TC says
    /// so.
    ///
    /// Returns the offset of its RDATA. Costs less than [`Reply::push`].
    #[inline]
    pub fn push_asked(&mut self, kind: (RecordType, u32), rdata: &[u8]) -> Option<usize> {
        let at = self.push_pointing(Section::Answer, HEADER_LEN, kind, rdata);
        if at.is_none() {
            self.set_flag(flag::TC, true);
        }
        at
    }

    /// Appends a record whose owner stands at `owner` in the packet already, with `rdata` as it is.
    ///
    /// Returns the offset of its RDATA; `None` if it does not fit or no pointer reaches so far.
    /// Costs less than [`Reply::push`]; `rdata` may hold pointers.
    pub fn push_pointing(
        &mut self,
        section: Section,
        owner: usize,
        (rtype, ttl): (RecordType, u32),
        rdata: &[u8],
    ) -> Option<usize> {
        let owner = u16::try_from(owner)
            .ok()
            .filter(|at| usize::from(*at) <= POINTER_MAX)?;
        let length = u16::try_from(rdata.len()).ok()?;
        let packet = &mut self.parts.packet;
        if packet.len() + FIXED_LEN + rdata.len() > MESSAGE_MAX {
            return None;
        }
        let mut fixed = [0; FIXED_LEN];
        for (place, field) in [0xc000 | owner, rtype.0, Class::IN.0]
            .into_iter()
            .enumerate()
        {
            write_u16(&mut fixed, 2 * place, field);
        }
        write_u32(&mut fixed, 6, ttl);
        write_u16(&mut fixed, 10, length);
        packet.extend_from_slice(&fixed);
        let rdata_at = packet.len();
        packet.extend_from_slice(rdata);
        let count_at = 4 + 2 * section.index();
        let count = read_u16(packet, count_at).unwrap_or(0);
        write_u16(packet, count_at, count.saturating_add(1));
        self.parts.compressed = true;
        Some(rdata_at)
    }

    /// This reply, to which compressed names will be added.
    #[must_use]
    pub fn compressing(mut self) -> Reply {
        self.parts.compressed = true;
        self
    }

    /// Whether the message has at most `limit` octets, its names compressed if need be.
    pub fn fits(&mut self, limit: usize) -> bool {
        if self.parts.packet.len() > limit && !self.parts.compressed {
            self.compress();
        }
        self.parts.packet.len() <= limit
    }

    /// Writes all names anew, compressed, as those of records to come will be; false if it cannot.
    pub(super) fn compress(&mut self) -> bool {
        let Ok(message) = Message::decode(&self.parts.packet) else {
            return false;
        };
        let mut compressed = message.to_compressed_reply();
        compressed.parts.edns = self.parts.edns.take();
        compressed.parts.size_cap = self.parts.size_cap;
        *self = compressed;
        true
    }

    fn push_rdata(&mut self, record: &RecordRef<'_>) {
        let layout = rdata::layout(record.rtype);
        if self.parts.compressed && record.rtype == RecordType::SRV {
            self.remember_target(record.rdata);
        }
        if !self.parts.compressed || !layout.contains(&Field::CompressedName) {
            self.parts.packet.extend_from_slice(record.rdata);
            return;
        }
        let mut rest = record.rdata;
        for field in layout {
            match field {
                Field::CompressedName => {
                    let Ok((name, tail)) = NameRef::split_from(rest) else {
                        break;
                    };
                    self.push_name(name);
                    rest = tail;
                }
                other => {
                    let width = other.width().unwrap_or(rest.len());
                    let Some((octets, tail)) = rest.split_at_checked(width) else {
                        break;
                    };
                    self.parts.packet.extend_from_slice(octets);
                    rest = tail;
                }
            }
        }
        self.parts.packet.extend_from_slice(rest);
    }

    /// Appends `name`; if names are compressed, ending in a pointer to its longest suffix that was
    /// written before.
    fn push_name(&mut self, name: NameRef<'_>) {
        if !self.parts.compressed || name.is_root() {
            self.parts.packet.extend_from_slice(name.wire());
            return;
        }
        if self.parts.names.is_empty() {
            self.remember_question();
        }
        let parts = &mut *self.parts;
        parts.names.index(&parts.packet);
        for suffix in name.ancestors() {
            if suffix.is_root() {
                parts.packet.push(0);
                return;
            }
            if let Some(at) = parts.names.find(&parts.packet, suffix) {
                parts.packet.extend_from_slice(&(0xc000 | at).to_be_bytes());
                return;
            }
            parts.names.add(parts.packet.len(), suffix);
            let label = suffix.wire();
            let length = 1 + usize::from(label.first().copied().unwrap_or(0));
            parts
                .packet
                .extend_from_slice(label.get(..length).unwrap_or(&[]));
        }
    }

    /// Notes the names in SRV RDATA that is about to be written: addresses can point to them.
    fn remember_target(&mut self, rdata: &[u8]) {
        let target = rdata.get(TARGET_AT..).map(NameRef::from_wire);
        let Some(Ok(target)) = target else { return };
        let parts = &mut *self.parts;
        let mut at = parts.packet.len() + TARGET_AT;
        for suffix in target.ancestors() {
            if suffix.is_root() || parts.names.find(&parts.packet, suffix).is_some() {
                return;
            }
            parts.names.add(at, suffix);
            at += 1 + usize::from(suffix.wire().first().copied().unwrap_or(0));
        }
    }

    fn remember_question(&mut self) {
        let mut name = NameBuf::new();
        if name.read(&self.parts.packet, HEADER_LEN).is_err() {
            return;
        }
        let mut at = HEADER_LEN;
        for suffix in name.view().ancestors().filter(|name| !name.is_root()) {
            self.parts.names.add(at, suffix);
            at += 1 + suffix.wire().first().copied().map_or(0, usize::from);
        }
    }
}
