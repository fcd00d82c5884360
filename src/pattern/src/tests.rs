//! Tests of the translation.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::compile;

#[test]
fn what_go_reads_differently_is_rewritten() {
    for (pattern, matching, other) in [
        ("^[[:alpha:]]{3}$", "abc", "ab1"),
        ("^[[a]$", "[", "b"),
        ("^[a&&b]$", "&", "c"),
        ("^[]a]$", "]", "b"),
        ("^[^]a]$", "b", "]"),
        ("^a{,2}$", "a{,2}", "aa"),
        ("^a{b}$", "a{b}", "a"),
        ("^a{2}$", "aa", "a"),
        (r"^\Qa.b\E$", "a.b", "axb"),
        (r"^\_\-\.$", "_-.", "a"),
        (r"^\101\x41$", "AA", "A"),
        ("^(?P<x>a)(?i)b$", "aB", "AB"),
        ("^a+?b??$", "aab", "c"),
        (r"^[\d.-]+$", "1-2.", "a"),
        ("^[+--]$", ",", "a"),
        ("^[--/]$", ".", "0"),
    ] {
        let regex = compile(pattern).unwrap();
        assert!(regex.is_match(matching), "{pattern} {matching}");
        assert!(!regex.is_match(other), "{pattern} {other}");
    }
}

#[test]
fn mistakes_are_told_in_words_of_go() {
    for (pattern, what) in [
        ("(unclosed", "missing closing ): `(unclosed`"),
        ("a)", "unexpected )"),
        ("[a", "missing closing ]"),
        ("*a", "missing argument to repetition operator"),
        ("a**", "invalid nested repetition operator"),
        (r"\8", "invalid escape sequence"),
        (r"(a)\1", "invalid escape sequence"),
        (r"a\", "trailing backslash at end of expression"),
        ("(?<=a)b", "look-around"),
    ] {
        let error = compile(pattern).err().unwrap().to_string();
        assert!(error.starts_with("error parsing regexp: "), "{error}");
        assert!(error.contains(what), "{pattern}: {error}");
    }
    let error = compile(&"a".repeat(10_001)).unwrap_err().to_string();
    assert_eq!(error, "regex pattern too long: 10001 > 10000");
}
