//! What a Corefile may ask of the world: variables, files and file name patterns.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Variables and files as the parser sees them; replaced in tests and fuzzing.
pub trait Environment {
    /// The value of an environment variable; `None` if it is not set.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of the file at `path`.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// The files `pattern` matches, sorted; `*` and `?` stop at slashes.
    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>>;
}

/// Variables and files held in memory; empty by default.
#[derive(Clone, Debug, Default)]
pub struct MemoryEnvironment {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// Files by path.
    pub files: BTreeMap<PathBuf, String>,
}

impl Environment for MemoryEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let found = self.files.get(path).cloned();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let known = self.files.keys();
        let found = known.filter(|path| path.as_path() == pattern);
        Ok(found.cloned().collect())
    }
}
