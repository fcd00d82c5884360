//! The message header, RFC 1035 section 4.1.1: read and patched in place.

use crate::{Opcode, Rcode};

/// Octets of a header.
pub const HEADER_LEN: usize = 12;

/// The flag bits of the second 16-bit word.
pub mod flag {
    /// Response.
    pub const QR: u16 = 0x8000;
    /// Authoritative answer.
    pub const AA: u16 = 0x0400;
    /// Truncated.
    pub const TC: u16 = 0x0200;
    /// Recursion desired.
    pub const RD: u16 = 0x0100;
    /// Recursion available.
    pub const RA: u16 = 0x0080;
    /// Reserved.
    pub const Z: u16 = 0x0040;
    /// Authentic data, RFC 4035 section 3.2.3.
    pub const AD: u16 = 0x0020;
    /// Checking disabled, RFC 4035 section 3.2.2.
    pub const CD: u16 = 0x0010;
    /// The bits of the opcode.
    pub const OPCODE: u16 = 0x7800;
    /// The bits of the response code.
    pub const RCODE: u16 = 0x000f;
}

/// The header of a message, by value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Chosen by the asker, returned by the answerer.
    pub id: u16,
    /// See [`flag`].
    pub flags: u16,
    /// Entries of the question, answer, authority and additional sections.
    pub counts: [u16; 4],
}

impl Header {
    /// Reads the header; `None` if `message` is shorter.
    pub fn read(message: &[u8]) -> Option<Header> {
        let octets: &[u8; HEADER_LEN] = message.first_chunk()?;
        let word = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
        Some(Header {
            id: word(0),
            flags: word(2),
            counts: [word(4), word(6), word(8), word(10)],
        })
    }

    /// The header as octets.
    pub fn to_octets(self) -> [u8; HEADER_LEN] {
        let mut octets = [0; HEADER_LEN];
        let words = [
            self.id,
            self.flags,
            self.counts[0],
            self.counts[1],
            self.counts[2],
            self.counts[3],
        ];
        for (to, word) in octets.chunks_exact_mut(2).zip(words) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        octets
    }

    /// Whether `bit` of [`flag`] is set.
    pub fn has(self, bit: u16) -> bool {
        self.flags & bit != 0
    }

    /// The operation code.
    pub fn opcode(self) -> Opcode {
        Opcode((self.flags >> 11 & 0x0f) as u8)
    }

    /// The response code without the extended bits.
    pub fn rcode(self) -> Rcode {
        Rcode(self.flags & flag::RCODE)
    }
}

/// Reads the 16-bit number at `at`.
pub fn read_u16(message: &[u8], at: usize) -> Option<u16> {
    message
        .get(at..)?
        .first_chunk()
        .map(|octets| u16::from_be_bytes(*octets))
}

/// Reads the 32-bit number at `at`.
pub fn read_u32(message: &[u8], at: usize) -> Option<u32> {
    message
        .get(at..)?
        .first_chunk()
        .map(|octets| u32::from_be_bytes(*octets))
}

/// Writes a 16-bit number at `at`, which must be inside `message`; else nothing is done.
pub fn write_u16(message: &mut [u8], at: usize, value: u16) {
    if let Some(octets) = message
        .get_mut(at..)
        .and_then(|tail| tail.first_chunk_mut())
    {
        *octets = value.to_be_bytes();
    }
}

/// Writes a 32-bit number at `at`, which must be inside `message`; else nothing is done.
pub fn write_u32(message: &mut [u8], at: usize, value: u32) {
    if let Some(octets) = message
        .get_mut(at..)
        .and_then(|tail| tail.first_chunk_mut())
    {
        *octets = value.to_be_bytes();
    }
}
