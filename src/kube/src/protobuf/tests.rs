//! Fields of good and of broken messages.

use super::{Fields, Value, entry};

#[test]
fn fields_are_read_in_order() {
    let message = [
        0x0a, 3, b'a', b'b', b'c', // 1: text
        0x10, 0x96, 0x01, // 2: 150
        0x1d, 0, 0, 0, 0, // 3: fixed, 32 bits
        0x21, 0, 0, 0, 0, 0, 0, 0, 0, // 4: fixed, 64 bits
    ];
    let mut fields = Fields::new(&message);
    assert_eq!(fields.next(), Some((1, Value::Bytes(b"abc"))));
    assert_eq!(fields.next(), Some((2, Value::Varint(150))));
    assert_eq!(fields.next(), Some((3, Value::Fixed)));
    assert_eq!(fields.next(), Some((4, Value::Fixed)));
    assert_eq!(fields.next(), None);
    assert!(fields.is_whole());
}

#[test]
fn negative_numbers_keep_their_sign() {
    let message = [
        0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
    ];
    let value = Fields::new(&message).find_value(1);
    assert_eq!(value.map(Value::int32), Some(-1));
}

#[test]
fn broken_messages_end_early_and_say_so() {
    let endless = [0x80; 32];
    let cut_off = [0x0a, 9, b'a'];
    let unknown_kind = [0x0b, 1];
    for message in [&endless[..], &cut_off, &unknown_kind] {
        let mut fields = Fields::new(message);
        assert_eq!(fields.by_ref().count(), 0);
        assert!(!fields.is_whole());
    }
}

#[test]
fn entries_of_maps_may_lack_their_value() {
    assert_eq!(entry(&[0x0a, 1, b'k', 0x12, 1, b'v']), ("k", "v"));
    assert_eq!(entry(&[0x0a, 1, b'k']), ("k", ""));
}
