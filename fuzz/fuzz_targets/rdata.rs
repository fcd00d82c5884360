//! RDATA of any type, valid or not: it prints as one entry, and that is read or refused.
#![no_main]

use catena_dns::rdata::{Scan, Words, display, read_text, scan, validate};
use catena_dns::{NameRef, RecordType};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [high, low, octets @ ..] = input else {
        return;
    };
    let rtype = RecordType(u16::from_be_bytes([*high, *low]));
    let printed = display(rtype, octets).to_string();
    let mut spans = Vec::new();
    let scanned = scan(printed.as_bytes(), true, &mut spans);
    assert!(matches!(scanned, Scan::Entry(_)), "is no entry: {printed}");
    let mut again = Vec::new();
    let words = Words::new(printed.as_bytes(), &spans);
    if read_text(rtype, words, NameRef::ROOT, &mut again).is_ok() {
        assert!(validate(rtype, &again), "{rtype:?}: {printed}");
    }
});
