//! A name on the stack, and reading compressed names from messages.

use super::{LABEL_MAX, NAME_MAX, NameError, NameRef};

/// Pointers followed in one name; a legal name needs no more than its labels.
///
/// A pointer forward is followed too, as CoreDNS does: this bound alone makes reading end.
const HOPS_MAX: usize = 126;

/// A name of up to 255 octets without allocation.
#[derive(Clone)]
pub struct NameBuf {
    length: u8,
    octets: [u8; NAME_MAX],
}

impl NameBuf {
    /// The root name.
    pub const fn new() -> Self {
        NameBuf {
            length: 1,
            octets: [0; NAME_MAX],
        }
    }

    /// The name as a view.
    pub fn view(&self) -> NameRef<'_> {
        NameRef {
            wire: self.octets.get(..usize::from(self.length)).unwrap_or(&[0]),
        }
    }

    /// Copies `name` in lower case.
    pub fn lower(name: NameRef<'_>) -> Self {
        let mut buf = NameBuf::new();
        for (to, from) in buf.octets.iter_mut().zip(name.wire) {
            *to = from.to_ascii_lowercase();
        }
        buf.length = u8::try_from(name.wire.len()).unwrap_or(1);
        buf
    }

    /// Turns letters to lower case.
    pub fn make_lower(&mut self) {
        if let Some(octets) = self.octets.get_mut(..usize::from(self.length)) {
            octets.make_ascii_lowercase();
        }
    }

    /// Reads the possibly compressed name at `at`; returns where the next field begins.
    pub fn read(&mut self, message: &[u8], at: usize) -> Result<usize, NameError> {
        let (mut at, mut end, mut length, mut hops) = (at, None, 0usize, 0usize);
        loop {
            let first = *message.get(at).ok_or(NameError::Truncated)?;
            match first >> 6 {
                0 => {
                    let size = usize::from(first) + 1;
                    let label = message.get(at..at + size).ok_or(NameError::Truncated)?;
                    let room = self.octets.get_mut(length..length + size);
                    room.ok_or(NameError::TooLong)?.copy_from_slice(label);
                    length += size;
                    at += size;
                    if first == 0 {
                        self.length = u8::try_from(length).map_err(|_| NameError::TooLong)?;
                        return Ok(end.unwrap_or(at));
                    }
                }
                3 => {
                    let low = *message.get(at + 1).ok_or(NameError::Truncated)?;
                    let target = usize::from(first & 0x3f) << 8 | usize::from(low);
                    hops += 1;
                    if hops > HOPS_MAX {
                        return Err(NameError::BadPointer);
                    }
                    end = end.or(Some(at + 2));
                    at = target;
                }
                _ => return Err(NameError::BadLabel),
            }
        }
    }
}

impl Default for NameBuf {
    fn default() -> Self {
        NameBuf::new()
    }
}

/// Steps over the possibly compressed name at `at` without following pointers.
pub fn skip_name(message: &[u8], at: usize) -> Result<usize, NameError> {
    let start = at;
    let mut at = at;
    loop {
        let first = *message.get(at).ok_or(NameError::Truncated)?;
        match first >> 6 {
            0 if first == 0 => return Ok(at + 1),
            0 => at += usize::from(first) + 1,
            3 if at + 1 < message.len() => return Ok(at + 2),
            3 => return Err(NameError::Truncated),
            _ => return Err(NameError::BadLabel),
        }
        if at - start > NAME_MAX || usize::from(first) > LABEL_MAX {
            return Err(NameError::TooLong);
        }
    }
}
