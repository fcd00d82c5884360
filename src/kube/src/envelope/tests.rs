//! Events and lists in both encodings.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{Event, Status, event, page};
use crate::Encoding;

/// A field of a protobuf message with octets as its value.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut message = vec![number << 3 | 2, u8::try_from(value.len()).unwrap()];
    message.extend_from_slice(value);
    message
}

fn wrapped(object: &[u8]) -> Vec<u8> {
    [b"k8s\0".to_vec(), field(2, object)].concat()
}

fn watch_event(kind: &str, object: &[u8]) -> Vec<u8> {
    let raw = field(1, &wrapped(object));
    [field(1, kind.as_bytes()), field(2, &raw)].concat()
}

#[test]
fn events_are_read_in_both_encodings() {
    let json = br#"{"type":"ADDED","object":{"metadata":{"resourceVersion":"7"}}}"#;
    let metadata = field(6, b"7");
    let protobuf = watch_event("ADDED", &field(1, &metadata));
    for (frame, encoding) in [(&json[..], Encoding::Json), (&protobuf, Encoding::Protobuf)] {
        let Some(Event::Applied(object)) = event(frame, encoding) else {
            unreachable!("no event in {encoding:?}");
        };
        let mut version = String::new();
        object.version(&mut version);
        assert_eq!(version, "7");
    }
}

#[test]
fn the_bookmark_that_ends_a_list_is_told_from_others() {
    let mark = [field(1, b"k8s.io/initial-events-end"), field(2, b"true")].concat();
    let last = [field(6, b"9"), field(12, &mark)].concat();
    for (metadata, expected) in [(last, true), (field(6, b"9"), false)] {
        let frame = watch_event("BOOKMARK", &field(1, &metadata));
        let Some(Event::Bookmark { version, ends_list }) = event(&frame, Encoding::Protobuf) else {
            unreachable!("no bookmark");
        };
        assert_eq!((version.as_str(), ends_list), ("9", expected));
    }
    let json = br#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9",
        "annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
    let Some(Event::Bookmark { ends_list, .. }) = event(json, Encoding::Json) else {
        unreachable!("no bookmark");
    };
    assert!(ends_list);
}

#[test]
fn a_servers_refusal_is_read() {
    let status = [field(3, b"too old"), vec![6 << 3, 0x9a, 0x03]].concat();
    let frame = watch_event("ERROR", &status);
    let Some(Event::Failed(status)) = event(&frame, Encoding::Protobuf) else {
        unreachable!("no error");
    };
    assert_eq!((status.code, status.message.as_str()), (410, "too old"));
    let body = br#"{"kind":"Status","message":"forbidden","code":403}"#;
    assert_eq!(Status::of_body(body, Encoding::Json).code, 403);
    assert_eq!(
        Status::of_body(b"<html>", Encoding::Json),
        Status::default()
    );
}

#[test]
fn pages_name_the_next_one() {
    let list = [field(2, b"5"), field(3, b"more")].concat();
    let body = wrapped(&[field(1, &list), field(2, b"\x0a\0"), field(2, b"")].concat());
    let found = page(&body, Encoding::Protobuf).unwrap();
    assert_eq!((found.version.as_str(), found.next.as_str()), ("5", "more"));
    assert_eq!(found.items.len(), 2);
    let body = br#"{"metadata":{"resourceVersion":"5"},"items":[{},{}]}"#;
    let found = page(body, Encoding::Json).unwrap();
    assert_eq!((found.next.as_str(), found.items.len()), ("", 2));
}

#[test]
fn junk_is_no_event() {
    for junk in [&b""[..], b"{}", b"k8s\0", &[0x0a], &watch_event("ODD", b"")] {
        assert!(event(junk, Encoding::Protobuf).is_none());
        assert!(event(junk, Encoding::Json).is_none());
    }
}
