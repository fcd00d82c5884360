//! Reads a zone from its master file.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use catena_dns::zonefile::{Loader, Sink, ZoneFileError, read_zone};
use catena_dns::{NameRef, RecordRef, RecordType, rdata};
use catena_index::{Zone, ZoneBuilder};

/// Octets reserved for a zone beforehand, at most; not touched until they are needed.
const RESERVE_MAX: usize = 1 << 30;

/// A zone and the state of its files when they were read.
pub(crate) struct Loaded {
    /// `None` if the serial is the one that was known.
    pub zone: Option<Zone>,
    pub files: Files,
}

/// Why there is no zone.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The file cannot be opened.
    Open(io::Error),
    /// The file is no good.
    Content(String),
}

/// The files of a zone, to see whether one was written since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files(Vec<(PathBuf, Option<Stamp>)>);

/// The state of a file; whatever takes its place has another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: (u64, u64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: (metadata.dev(), metadata.ino()),
        }
    }
}

impl Files {
    /// Whether nothing was read yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same files as they are now; `path` alone if nothing was read yet.
    pub fn look_again(&self, path: &Path) -> Files {
        let look = |path: &Path| {
            let found = std::fs::metadata(path).ok();
            (path.to_owned(), found.as_ref().map(Stamp::of))
        };
        match self.is_empty() {
            true => Files(vec![look(path)]),
            false => Files(self.0.iter().map(|(path, _)| look(path)).collect()),
        }
    }

    fn open(&mut self, path: &Path) -> io::Result<Box<dyn Read>> {
        let file = File::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        self.0.push((path.to_owned(), Some(stamp)));
        Ok(Box::new(file))
    }
}

impl Loader for Files {
    fn open(&mut self, path: &Path) -> io::Result<Box<dyn Read>> {
        Files::open(self, path)
    }
}

/// Reads the zone `origin` from `path`, unless its serial is `known`.
pub(crate) fn load(
    path: &Path,
    origin: NameRef<'_>,
    known: Option<u32>,
) -> Result<Loaded, LoadError> {
    let mut files = Files::default();
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let size = usize::try_from(size).unwrap_or(0).min(RESERVE_MAX);
    let input = files.open(path).map_err(LoadError::Open)?;
    let mut zone = ZoneSink {
        // Two octets in memory for one of text is what short names take.
        builder: ZoneBuilder::with_capacity(origin, size.saturating_mul(2)),
        rdata: Vec::new(),
        known,
        is_known: false,
        has_soa: false,
    };
    let read = read_zone(path, input, origin, (&mut files, &mut zone));
    if zone.is_known {
        return Ok(Loaded { zone: None, files });
    }
    read.map_err(|error| content_error(path, origin, &error))?;
    if !zone.has_soa {
        let path = path.display().to_string();
        let text = format!("file {path:?} has no SOA record for origin {origin}");
        return Err(LoadError::Content(text));
    }
    let zone = zone.builder.build();
    let zone = zone.map_err(|error| LoadError::Content(error.to_string()))?;
    let zone = Some(zone);
    Ok(Loaded { zone, files })
}

fn content_error(path: &Path, origin: NameRef<'_>, error: &ZoneFileError) -> LoadError {
    let path = path.display().to_string();
    LoadError::Content(format!(
        "failed to parse file {path:?} for origin {origin} with error {error}"
    ))
}

/// Puts records into a zone.
struct ZoneSink {
    builder: ZoneBuilder,
    rdata: Vec<u8>,
    known: Option<u32>,
    is_known: bool,
    has_soa: bool,
}

impl Sink for ZoneSink {
    #[inline]
    fn record(&mut self, record: RecordRef<'_>) -> Result<(), String> {
        match record.rtype {
            RecordType::A | RecordType::AAAA | RecordType::TXT => self.builder.add(record),
            RecordType::NSEC3 | RecordType::NSEC3PARAM => {
                return Err("NSEC3 zone is not supported".to_owned());
            }
            RecordType::SRV => self.builder.add_as_spelled(record),
            RecordType::SOA => {
                self.see_serial(record.rdata)?;
                self.add_in_lower_case(record)
            }
            RecordType::NS
            | RecordType::CNAME
            | RecordType::MX
            | RecordType::SVCB
            | RecordType::HTTPS => self.add_in_lower_case(record),
            _ => self.builder.add(record),
        }
        .map_err(|error| error.to_string())
    }
}

impl ZoneSink {
    fn add_in_lower_case(&mut self, record: RecordRef<'_>) -> Result<(), catena_index::AddError> {
        self.rdata.clear();
        self.rdata.extend_from_slice(record.rdata);
        rdata::lower_names(record.rtype, &mut self.rdata);
        let rdata = &self.rdata;
        self.builder.add(RecordRef { rdata, ..record })
    }

    /// Ends the reading at the first SOA record if its serial is the known one.
    fn see_serial(&mut self, rdata: &[u8]) -> Result<(), String> {
        let is_first = !std::mem::replace(&mut self.has_soa, true);
        let serial = rdata
            .len()
            .checked_sub(20)
            .and_then(|at| rdata.get(at..)?.first_chunk());
        let serial = serial.copied().map(u32::from_be_bytes);
        if is_first && self.known.is_some() && serial == self.known {
            self.is_known = true;
            return Err("no change in SOA serial".to_owned());
        }
        Ok(())
    }
}
