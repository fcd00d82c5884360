//! A planted crash that only a fuzzer with coverage finds: shows that the others could find theirs.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // Byte by byte: each right one is new coverage, while all four at once would be a wild guess.
    let mut expected = b"bird".iter();
    for byte in input {
        match expected.next() {
            Some(wanted) if wanted == byte => {}
            Some(_) => return,
            None => break,
        }
    }
    assert!(expected.next().is_some(), "the canary sings");
});
