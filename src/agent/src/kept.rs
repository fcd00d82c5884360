//! Registrations in a file, so that they outlive a restart of the agent.

use std::io;
use std::path::{Path, PathBuf};

use crate::leases::Registered;

/// The largest file.
const OCTETS_MAX: u64 = 16 << 20;

/// A file with registrations, and what it says.
pub(crate) struct Kept {
    path: PathBuf,
    text: Vec<u8>,
}

impl Kept {
    /// Reads the file at `path`; `None` for registrations if there is no such file.
    pub fn open(path: &Path) -> io::Result<(Kept, Option<Vec<Registered>>)> {
        let path = path.to_path_buf();
        let mut text = Vec::new();
        let registered = match std::fs::File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
            Ok(file) => {
                io::Read::read_to_end(&mut io::Read::take(file, OCTETS_MAX), &mut text)?;
                Some(serde_json::from_slice(&text)?)
            }
        };
        Ok((Kept { path, text }, registered))
    }

    /// Writes the file anew if it says something else.
    pub async fn keep(&mut self, registered: &[Registered]) -> io::Result<()> {
        let text = serde_json::to_vec(registered)?;
        if text == self.text {
            return Ok(());
        }
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        let mut file = tokio::fs::File::create(&new).await?;
        tokio::io::AsyncWriteExt::write_all(&mut file, &text).await?;
        file.sync_all().await?;
        tokio::fs::rename(&new, &self.path).await?;
        self.text = text;
        Ok(())
    }
}
