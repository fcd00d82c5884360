//! What a Corefile may ask of the world: variables, files and file name patterns.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
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

/// The biggest file that is read.
const BIGGEST: u64 = 256 << 20;

/// The process environment and the file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::other("is a directory"));
        }
        let mut octets = Vec::new();
        file.take(BIGGEST + 1).read_to_end(&mut octets)?;
        if u64::try_from(octets.len()).is_ok_and(|length| length > BIGGEST) {
            return Err(io::Error::other("too big"));
        }
        Ok(String::from_utf8_lossy(&octets).into_owned())
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        crate::glob::files(pattern)
    }
}

/// The longest word that variables may make.
const LONGEST: usize = 1 << 20;

/// A variable holds a reference to itself, or to far too much text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endless;

/// Replaces `{%NAME%}` and then `{$NAME}` in `text`; an unset variable is empty.
pub(crate) fn expand(text: &str, environment: &dyn Environment) -> Result<String, Endless> {
    if !text.contains("{%") && !text.contains("{$") {
        return Ok(text.to_owned());
    }
    let text = expand_form(text.to_owned(), ("{%", "%}"), environment)?;
    expand_form(text, ("{$", "}"), environment)
}

/// Replaces one form from the left; what a value holds is looked at again, as CoreDNS does.
fn expand_form(
    mut text: String,
    (open, close): (&str, &str),
    environment: &dyn Environment,
) -> Result<String, Endless> {
    for _ in 0..1000 {
        let Some((_, rest)) = text.split_once(open) else {
            return Ok(text);
        };
        // CoreDNS looks for the end from the start of the reference on, so that `{%}` is one
        // without a name; it stops at the first of those.
        let overlap = open.strip_prefix('{').unwrap_or_default();
        let Some(length) = format!("{overlap}{rest}").find(close) else {
            return Ok(text);
        };
        let Some(name) = length.checked_sub(overlap.len()).filter(|end| *end > 0) else {
            return Ok(text);
        };
        let name = rest.get(..name).unwrap_or_default().to_owned();
        let value = environment.variable(&name).unwrap_or_default();
        let found = text.matches(open).count();
        if text.len().saturating_add(found.saturating_mul(value.len())) > LONGEST {
            return Err(Endless);
        }
        text = text.replace(&format!("{open}{name}{close}"), &value);
    }
    Err(Endless)
}
