//! What was written, kept in a file: after a restart it is known what is ours to remove.
//!
//! A name is noted before it is written and crossed out after it is removed, so that whatever
//! ends the process, nothing of ours is forgotten.

use std::io::{self, BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::entry::{Entries, Entry};

/// The file, if there is one.
#[derive(Debug)]
pub(crate) struct Kept {
    path: Option<PathBuf>,
    /// What the file says.
    entries: Entries,
}

/// A line of the file.
#[derive(Deserialize, Serialize)]
struct Line {
    name: String,
    zone: String,
    addresses: Vec<IpAddr>,
    ttl: u32,
}

impl Kept {
    /// Reads the file at `path`; one that is not there says nothing.
    pub fn open(path: Option<&Path>) -> io::Result<Kept> {
        let entries = match path.map(std::fs::File::open) {
            None => Entries::new(),
            Some(Ok(file)) => read(BufReader::new(file))?,
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Entries::new(),
            Some(Err(error)) => return Err(error),
        };
        let path = path.map(Path::to_path_buf);
        Ok(Kept { path, entries })
    }

    /// Whether there is a file.
    pub fn has_file(&self) -> bool {
        self.path.is_some()
    }

    /// What the file says.
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Notes `entries` in the place of what the file says.
    pub async fn keep(&mut self, entries: Entries) -> io::Result<()> {
        let Some(path) = self.path.clone().filter(|_| self.entries != entries) else {
            return Ok(());
        };
        let kept = entries.clone();
        let writing = tokio::task::spawn_blocking(move || write(&path, &kept));
        writing.await.map_err(io::Error::other)??;
        self.entries = entries;
        Ok(())
    }
}

fn read(lines: impl BufRead) -> io::Result<Entries> {
    let mut entries = Entries::new();
    for line in lines.lines() {
        let line: Line = serde_json::from_str(&line?)?;
        let name = line.name.parse().map_err(io::Error::other)?;
        let zone = line.zone.parse().map_err(io::Error::other)?;
        let entry = Entry {
            name,
            zone: Arc::new(zone),
            addresses: line.addresses.into(),
            ttl: line.ttl,
        };
        entries.insert(line.name.into(), entry);
    }
    Ok(entries)
}

/// Writes a new file and puts it in the place of the old one.
fn write(path: &Path, entries: &Entries) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let file = std::fs::File::create(&new)?;
    let mut out = io::BufWriter::new(file);
    for (name, entry) in entries {
        let line = Line {
            name: name.to_string(),
            zone: entry.zone.to_string(),
            addresses: entry.addresses.to_vec(),
            ttl: entry.ttl,
        };
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    out.into_inner()?.sync_all()?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Entries, Entry, Kept};

    #[tokio::test]
    async fn what_was_written_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut kept = Kept::open(Some(&path)).unwrap();
        assert!(kept.entries().is_empty());
        let entry = Entry {
            name: "com.a.rpc.local.".parse().unwrap(),
            zone: std::sync::Arc::new("rpc.local.".parse().unwrap()),
            addresses: ["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()].into(),
            ttl: 60,
        };
        let entries = Entries::from([("com.a.rpc.local.".into(), entry)]);
        kept.keep(entries.clone()).await.unwrap();
        assert_eq!(*Kept::open(Some(&path)).unwrap().entries(), entries);
        std::fs::write(&path, "{").unwrap();
        assert!(Kept::open(Some(&path)).is_err(), "half a file is no file");
    }
}
