//! Names: as text they print and read back the same, in a message they are bounded.
#![no_main]

use catena_dns::{Name, NameBuf, NameRef};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(name) = Name::parse_octets(input, NameRef::ROOT) {
        assert!(name.wire().len() <= 255);
        let printed = name.to_string();
        let again: Name = printed.parse().expect("what we print does not read");
        assert_eq!(name.wire(), again.wire(), "{printed}");
    }

    let mut name = NameBuf::new();
    for at in 0..input.len().min(16) {
        if let Ok(end) = name.read(input, at) {
            assert!(end > at && end <= input.len());
            assert!(NameRef::from_wire(name.view().wire()).is_ok());
            let parts = name.view().labels().count();
            assert_eq!(parts, name.view().label_count());
        }
    }
});
