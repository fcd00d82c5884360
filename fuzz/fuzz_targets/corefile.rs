//! A Corefile: read or refused, every mistake can be shown, and layout changes no verdict.
#![no_main]

use catena_corefile::{MemoryEnvironment, format, parse};
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
    let read = parse("Corefile", text, &environment);
    let laid_out = format(text);
    assert_eq!(format(&laid_out), laid_out, "layout is not stable");
    match (read, parse("Corefile", &laid_out, &environment)) {
        (Ok(before), Ok(after)) => assert_eq!(before.to_string(), after.to_string()),
        (Err(diagnostics), Err(_)) => {
            assert!(diagnostics.has_errors(), "refused without an error");
            assert!(!diagnostics.to_string().is_empty());
            assert!(diagnostics.to_json().starts_with('['));
        }
        _ => panic!("layout changes the verdict"),
    }
});
