//! Writes protobuf messages, for tests.
#![expect(clippy::unwrap_used, reason = "tests")]

/// A field of octets.
pub(crate) fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut message = vec![];
    varint(u64::from(number) << 3 | 2, &mut message);
    varint(u64::try_from(value.len()).unwrap(), &mut message);
    message.extend_from_slice(value);
    message
}

/// A field of text.
pub(crate) fn text(number: u8, value: &str) -> Vec<u8> {
    field(number, value.as_bytes())
}

/// A field with a number.
pub(crate) fn number(number: u8, value: u64) -> Vec<u8> {
    let mut message = vec![];
    varint(u64::from(number) << 3, &mut message);
    varint(value, &mut message);
    message
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}
