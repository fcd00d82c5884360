//! A Corefile: read or refused, and every mistake can be shown.
#![no_main]

use catena_corefile::{MemoryEnvironment, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let environment = MemoryEnvironment {
        variables: [("ZONE".to_owned(), "example.org".to_owned())].into(),
        files: [
            (
                "other".into(),
                "import other\nwhoami {args[0]} {$ZONE}\n".to_owned(),
            ),
            (
                "plain".into(),
                "log\nerrors {\n  stacktrace\n}\n".to_owned(),
            ),
        ]
        .into(),
    };
    if let Err(diagnostics) = parse("Corefile", text, &environment) {
        assert!(diagnostics.has_errors(), "refused without an error");
        assert!(!diagnostics.to_string().is_empty());
        assert!(diagnostics.to_json().starts_with('['));
    }
});
