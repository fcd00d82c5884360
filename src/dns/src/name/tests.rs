//! Tests of names.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{Name, NameBuf, NameError, NameRef, NameTextError};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn text_and_wire_agree() {
    let parsed = name("www.Example.org");
    assert_eq!(parsed.wire(), b"\x03www\x07Example\x03org\x00");
    assert_eq!(parsed.to_string(), "www.Example.org.");
    assert_eq!(name(".").to_string(), ".");
    assert_eq!(name(r"a\.b\032\200.c").to_string(), r"a\.b\ \200.c.");
}

#[test]
fn case_does_not_count() {
    assert_eq!(name("A.b."), name("a.B"));
    assert!(!name("A.b.").view().eq_exact(name("a.b").view()));
}

#[test]
fn relative_names_go_below_the_origin() {
    let origin = name("example.org");
    assert_eq!(
        Name::parse("www", origin.view()).unwrap(),
        name("www.example.org")
    );
    assert_eq!(Name::parse("www.", origin.view()).unwrap(), name("www."));
    assert_eq!(Name::parse("@", origin.view()).unwrap(), origin);
}

#[test]
fn bad_texts_are_refused() {
    assert_eq!(
        "a..b".parse::<Name>().unwrap_err(),
        NameTextError::EmptyLabel
    );
    assert_eq!(
        "a.".repeat(128).parse::<Name>().unwrap_err(),
        NameTextError::TooLong
    );
    assert_eq!(
        "a".repeat(64).parse::<Name>().unwrap_err(),
        NameTextError::LongLabel
    );
    assert_eq!(
        r"a\256".parse::<Name>().unwrap_err(),
        NameTextError::BadEscape
    );
}

#[test]
fn a_name_is_within_itself_and_its_ancestors_only() {
    let www = name("www.example.org");
    assert!(www.view().is_within(name("EXAMPLE.org").view()));
    assert!(www.view().is_within(www.view()));
    assert!(www.view().is_within(NameRef::ROOT));
    assert!(
        !name("badexample.org")
            .view()
            .is_within(name("example.org").view())
    );
    assert!(!name("org").view().is_within(www.view()));
}

#[test]
fn pointers_are_followed_but_not_for_ever() {
    let message = b"\x03org\x00\x01a\xc0\x00\xc0\x09";
    let mut buf = NameBuf::new();
    assert_eq!(buf.read(message, 5).unwrap(), 9);
    assert_eq!(buf.view(), name("a.org").view());
    assert_eq!(buf.read(message, 9), Err(NameError::BadPointer));
}

#[test]
fn canonical_order_compares_labels_from_the_right() {
    let mut names = [
        "z.example",
        "example",
        "a.example",
        "yljkjljk.a.example",
        "Z.a.example",
    ]
    .map(name);
    names.sort_by(|a, b| a.view().cmp_canonical(b.view()));
    let sorted: Vec<String> = names.iter().map(Name::to_string).collect();
    assert_eq!(
        sorted,
        [
            "example.",
            "a.example.",
            "yljkjljk.a.example.",
            "Z.a.example.",
            "z.example."
        ]
    );
}
