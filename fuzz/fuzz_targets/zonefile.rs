//! A master file: read or refused; every record is one, prints, and can be indexed and found.
#![no_main]

use std::io::{self, Cursor, Read};
use std::path::Path;

use catena_dns::zonefile::{Loader, read_zone};
use catena_dns::{Name, NameRef, RecordRef, rdata};
use catena_index::ZoneBuilder;
use libfuzzer_sys::fuzz_target;

/// Every include is the file itself, so that includes nest; there are not many, as they multiply.
struct Itself<'a>(&'a [u8], usize);

impl Loader for Itself<'_> {
    fn open(&mut self, _: &Path) -> io::Result<Box<dyn Read>> {
        self.1 = self.1.checked_sub(1).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(self.0.to_vec())))
    }
}

fuzz_target!(|input: &[u8]| {
    let origin: Name = "example.org.".parse().expect("a name");
    let mut builder = ZoneBuilder::new(origin.view());
    let mut names = Vec::new();
    let mut sink = |record: RecordRef<'_>| {
        assert!(NameRef::from_wire(record.name.wire()).is_ok());
        assert!(rdata::validate(record.rtype, record.rdata), "{}", record.rtype);
        let _text = rdata::display(record.rtype, record.rdata).to_string();
        builder.add(record).map_err(|error| error.to_string())?;
        names.push((record.name.to_lower(), record.rtype));
        // `$GENERATE` makes many: enough is enough.
        if names.len() > 2000 { Err("enough".to_owned()) } else { Ok(()) }
    };
    let file = Path::new("db");
    let read = read_zone(
        file,
        Box::new(Cursor::new(input.to_vec())),
        origin.view(),
        (&mut Itself(input, 20), &mut sink),
    );
    if let Err(error) = read {
        assert!(!error.to_string().is_empty());
    }
    let zone = builder.build().expect("small");
    for (name, rtype) in &names {
        let found = zone.find(name.view(), *rtype);
        assert_eq!(found.is_some(), name.view().is_within(zone.origin()));
    }
});
