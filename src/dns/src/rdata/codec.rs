//! Octets as text: base 64, base 32 and hexadecimal digits.

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";

/// Reads digits of `BITS` bits each, given in any number of pieces.
struct Digits<const BITS: u32> {
    pending: u32,
    pending_bits: u32,
    digits: usize,
}

impl<const BITS: u32> Digits<BITS> {
    fn new() -> Self {
        Digits {
            pending: 0,
            pending_bits: 0,
            digits: 0,
        }
    }

    fn push(&mut self, digit: u32, out: &mut Vec<u8>) {
        self.pending = self.pending << BITS | digit;
        self.pending_bits += BITS;
        self.digits += 1;
        if self.pending_bits >= 8 {
            self.pending_bits -= 8;
            let [.., octet] = (self.pending >> self.pending_bits).to_be_bytes();
            out.push(octet);
            self.pending &= (1 << self.pending_bits) - 1;
        }
    }
}

fn base64_digit(octet: u8) -> Option<u32> {
    Some(u32::from(match octet {
        b'A'..=b'Z' => octet - b'A',
        b'a'..=b'z' => octet - b'a' + 26,
        b'0'..=b'9' => octet - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// Appends what `pieces` say in base 64 with padding; false if they do not.
pub(crate) fn read_base64<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    out: &mut Vec<u8>,
) -> bool {
    let (mut digits, mut padding) = (Digits::<6>::new(), 0usize);
    for octet in pieces.into_iter().flatten() {
        match base64_digit(*octet) {
            Some(digit) if padding == 0 => digits.push(digit, out),
            None if *octet == b'=' => padding += 1,
            _ => return false,
        }
    }
    let is_whole = (digits.digits + padding).is_multiple_of(4);
    is_whole && padding <= 2 && digits.digits % 4 != 1
}

/// Appends what `pieces` say in hexadecimal digits; false if they do not.
pub(super) fn read_hex<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, out: &mut Vec<u8>) -> bool {
    let mut digits = Digits::<4>::new();
    for octet in pieces.into_iter().flatten() {
        let Some(digit) = char::from(*octet).to_digit(16) else {
            return false;
        };
        digits.push(digit, out);
    }
    digits.digits.is_multiple_of(2)
}

/// Appends what `text` says in base 32 with extended hexadecimal digits; false if it does not.
pub(super) fn read_base32(text: &[u8], out: &mut Vec<u8>) -> bool {
    let mut digits = Digits::<5>::new();
    for octet in text {
        let Some(digit) = char::from(*octet).to_digit(32) else {
            return false;
        };
        digits.push(digit, out);
    }
    // What is left over must be too short for a digit of its own.
    digits.pending_bits < 5
}

/// Calls `put` with the digits of `octets`, `bits` each.
fn write_digits(octets: &[u8], bits: u32, mut put: impl FnMut(u32)) {
    let (mut pending, mut pending_bits) = (0u32, 0);
    for octet in octets {
        pending = pending << 8 | u32::from(*octet);
        pending_bits += 8;
        while pending_bits >= bits {
            pending_bits -= bits;
            put(pending >> pending_bits & ((1 << bits) - 1));
        }
        pending &= (1 << pending_bits) - 1;
    }
    if pending_bits > 0 {
        put(pending << (bits - pending_bits) & ((1 << bits) - 1));
    }
}

fn digit_of(alphabet: &[u8], digit: u32) -> char {
    let at = usize::try_from(digit).unwrap_or(usize::MAX);
    char::from(alphabet.get(at).copied().unwrap_or(b'?'))
}

/// `octets` in base 64 with padding.
pub(super) fn base64(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    write_digits(octets, 6, |digit| text.push(digit_of(BASE64, digit)));
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// `octets` in base 32 with extended hexadecimal digits, without padding.
pub(super) fn base32(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(5) * 8);
    write_digits(octets, 5, |digit| text.push(digit_of(BASE32, digit)));
    text
}

/// `octets` in hexadecimal digits, small letters.
pub(super) fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    write_digits(octets, 4, |digit| {
        text.push(char::from_digit(digit, 16).unwrap_or('?'));
    });
    text
}
