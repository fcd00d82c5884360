//! The secrets of sessions in a file, so that a capture can be read; for debugging only.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustls::KeyLog;

use super::{CertificateError, in_words};

/// A file in the format of NSS, which Wireshark reads.
#[derive(Debug)]
pub(super) struct KeyLogFile {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl KeyLogFile {
    /// The file at `path`, whose folder must be there; it is made by `open`.
    pub fn at(path: &Path) -> Result<KeyLogFile, CertificateError> {
        let absolute = std::path::absolute(path);
        let path = absolute.map_err(|error| refused(path, &error))?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let found = std::fs::metadata(folder).map_err(|error| refused(&path, &error))?;
        if !found.is_dir() {
            return Err(refused(&path, &io::ErrorKind::NotADirectory.into()));
        }
        let file = Mutex::new(None);
        Ok(KeyLogFile { path, file })
    }

    /// Opens it to write at its end; nobody else may read it.
    pub fn open(&self) -> Result<(), CertificateError> {
        let opened = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path);
        let file = opened.map_err(|error| refused(&self.path, &error))?;
        *self.file.lock() = Some(file);
        let path = self.path.display().to_string();
        tracing::warn!(target: "plugin/tls", "Writing TLS Key Log to {path:?}");
        Ok(())
    }
}

fn refused(path: &Path, error: &io::Error) -> CertificateError {
    CertificateError::KeyLog {
        path: path.display().to_string(),
        reason: in_words(error),
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        if let Some(file) = &mut *self.file.lock() {
            // A full disk is no reason to turn clients away.
            let _not_written = file.write_all(line.as_bytes());
        }
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
