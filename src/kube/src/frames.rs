//! Cuts the body of a watch into events.

use crate::Encoding;

/// The longest event; servers keep objects below 3 MiB.
const FRAME_MAX: usize = 16 << 20;

/// What arrived and is not read yet.
#[derive(Debug)]
pub(crate) struct Frames {
    encoding: Encoding,
    buffer: Vec<u8>,
    /// Where the next frame begins.
    at: usize,
    /// Up to where no line ends.
    searched: usize,
}

/// A frame is longer than any object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Frames {
    pub(crate) fn new(encoding: Encoding) -> Frames {
        Frames {
            encoding,
            buffer: Vec::new(),
            at: 0,
            searched: 0,
        }
    }

    /// Adds what arrived.
    pub(crate) fn push(&mut self, octets: &[u8]) {
        self.buffer.drain(..self.at);
        self.searched -= self.at;
        self.at = 0;
        self.buffer.extend_from_slice(octets);
    }

    /// The next whole frame.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let rest = self.buffer.get(self.at..).unwrap_or(&[]);
        let (start, end) = match self.encoding {
            Encoding::Json => {
                let unread = self.buffer.get(self.searched..).unwrap_or(&[]);
                match unread.iter().position(|octet| *octet == b'\n') {
                    Some(place) => (self.at, self.searched + place + 1),
                    None => {
                        self.searched = self.buffer.len();
                        return too_long(rest.len());
                    }
                }
            }
            Encoding::Protobuf => {
                let Some(length) = rest.first_chunk::<4>() else {
                    return Ok(None);
                };
                let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                if length > FRAME_MAX {
                    return Err(TooLong);
                }
                if rest.len() < 4 + length {
                    return Ok(None);
                }
                (self.at + 4, self.at + 4 + length)
            }
        };
        self.at = end;
        self.searched = end;
        Ok(self.buffer.get(start..end))
    }
}

fn too_long<'a>(length: usize) -> Result<Option<&'a [u8]>, TooLong> {
    if length > FRAME_MAX {
        Err(TooLong)
    } else {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::{Frames, TooLong};
    use crate::Encoding;

    #[test]
    fn frames_may_come_in_pieces() {
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let (stream, expected): (&[u8], [&[u8]; 2]) = match encoding {
                Encoding::Json => (b"{}\n[1]\n", [b"{}\n", b"[1]\n"]),
                Encoding::Protobuf => (b"\0\0\0\x02ab\0\0\0\x03abc", [b"ab", b"abc"]),
            };
            for size in 1..=stream.len() {
                let mut frames = Frames::new(encoding);
                let mut seen: Vec<Vec<u8>> = Vec::new();
                for piece in stream.chunks(size) {
                    frames.push(piece);
                    while let Ok(Some(frame)) = frames.next() {
                        seen.push(frame.to_vec());
                    }
                }
                assert_eq!(seen, expected);
            }
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused() {
        let mut frames = Frames::new(Encoding::Protobuf);
        frames.push(&[0xff; 8]);
        assert_eq!(frames.next(), Err(TooLong));
        let mut frames = Frames::new(Encoding::Json);
        frames.push(&vec![b' '; (16 << 20) + 1]);
        assert_eq!(frames.next(), Err(TooLong));
    }
}
