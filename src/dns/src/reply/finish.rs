//! The last step of a reply: its OPT record and its size.

use super::{MESSAGE_MAX, Reply};
use crate::edns::{self, DO, ReplyEdns, echo_options};
use crate::header::{flag, write_u16};
use crate::records::{Records, Section};
use crate::{Edns, QueryMessage, RecordType};

/// Octets of an OPT record without options.
const OPT_LEN: usize = 11;
/// The longest datagram that is sent uncompressed: no longer one passes every link of IPv6 whole.
const FRAGMENT_MAX: usize = 1220;
/// The flags of a client's OPT that are given back: DO and the upper reserved bits.
const ECHOED_FLAGS: u16 = 0xff00;

impl Reply {
    /// Makes the packet ready to leave: adds the OPT record and cuts it to `limit` octets.
    ///
    /// The OPT record gives back the client's size, DO and reserved bits (as CoreDNS does), with
    /// the options of the reply if it has its own, else those of the query that may be echoed.
    /// Records are dropped from the end until the rest fits, and then TC is set.
    pub fn finish(&mut self, query: &QueryMessage<'_>, limit: usize) {
        let mut limit = limit.min(MESSAGE_MAX);
        let mut client = query.edns().copied();
        if let Some((size, length)) = self.parts.size_cap {
            limit = limit.min(usize::from(length));
            if let Some(client) = &mut client {
                client.udp_size = client.udp_size.min(size);
            }
        }
        let opt_len = match (&self.parts.edns, &client) {
            (None, None) => 0,
            (Some(own), _) => OPT_LEN + own.options.len(),
            (None, Some(client)) => OPT_LEN + echoed_len(client),
        };
        if self.parts.packet.len() + opt_len > limit {
            self.truncate(limit.saturating_sub(opt_len));
        } else if limit < MESSAGE_MAX {
            self.fits(FRAGMENT_MAX);
        }
        match (self.parts.edns.take(), &client) {
            (None, None) => {}
            (None, Some(client)) => self.push_echoed_opt(client),
            (Some(own), client) => self.push_own_opt(&own, client.as_ref()),
        }
    }

    /// Makes [`Reply::finish`] give back no larger size than `udp_size` and cut to `limit` too.
    pub fn lower_size(&mut self, udp_size: u16, limit: usize) {
        self.parts.size_cap = Some((udp_size, u16::try_from(limit).unwrap_or(u16::MAX)));
    }

    /// Appends the OPT record as the reply itself wants it, whatever the client sent.
    pub fn append_own_opt(&mut self) {
        if let Some(own) = self.parts.edns.take() {
            self.push_own_opt(&own, None);
        }
    }

    fn push_echoed_opt(&mut self, client: &Edns<'_>) {
        let at = self.open_opt(client.udp_size, 0, client.flags & ECHOED_FLAGS);
        if !client.options.is_empty() {
            echo_options(client.options, &mut self.parts.packet);
            self.close_opt(at);
        }
    }

    fn push_own_opt(&mut self, own: &ReplyEdns, client: Option<&Edns<'_>>) {
        let (size, flags) = match client {
            Some(client) => (
                client.udp_size,
                own.flags & ECHOED_FLAGS | client.flags & DO,
            ),
            None => (own.udp_size, own.flags),
        };
        let at = self.open_opt(size, own.extended_rcode, flags);
        self.parts.packet.extend_from_slice(&own.options);
        self.close_opt(at);
    }

    /// Appends an OPT record without options; returns where its length stands.
    fn open_opt(&mut self, udp_size: u16, extended_rcode: u8, flags: u16) -> usize {
        let [type_high, type_low] = RecordType::OPT.0.to_be_bytes();
        let [size_high, size_low] = udp_size.to_be_bytes();
        let [flags_high, flags_low] = flags.to_be_bytes();
        let octets = [
            0,
            type_high,
            type_low,
            size_high,
            size_low,
            extended_rcode,
            0,
            flags_high,
            flags_low,
            0,
            0,
        ];
        self.parts.packet.extend_from_slice(&octets);
        let count = self.count(Section::Additional).saturating_add(1);
        write_u16(&mut self.parts.packet, 10, count);
        self.parts.packet.len() - 2
    }

    fn close_opt(&mut self, at: usize) {
        let length = u16::try_from(self.parts.packet.len() - at - 2).unwrap_or(0);
        write_u16(&mut self.parts.packet, at, length);
    }

    /// Drops records from the end until the message has at most `limit` octets.
    fn truncate(&mut self, limit: usize) {
        // Names of an upstream's message may not be compressed as well as they could be.
        self.compress();
        if self.parts.packet.len() <= limit {
            return;
        }
        let mut end = self.parts.records_at;
        let mut counts = [0u16; 4];
        let mut records = Records::new(&self.parts.packet, end);
        while let Some(Ok(record)) = records.next() {
            if record.end > limit {
                break;
            }
            counts[record.section.index()] += 1;
            end = record.end;
        }
        self.parts.packet.truncate(end);
        for section in Section::ALL {
            let place = section.index();
            write_u16(&mut self.parts.packet, 4 + 2 * place, counts[place]);
        }
        self.set_flag(flag::TC, true);
    }
}

fn echoed_len(client: &Edns<'_>) -> usize {
    if client.options.is_empty() {
        return 0;
    }
    let mut options = Vec::new();
    edns::echo_options(client.options, &mut options);
    options.len()
}
