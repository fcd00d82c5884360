//! Finds the files that a pattern with one `*` or `?` names.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The most files one pattern may match.
const MOST: usize = 100_000;

/// The existing paths `pattern` matches, sorted folder by folder; dot files included.
pub(crate) fn files(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let text = component.as_os_str().to_string_lossy();
        if matches!(component, Component::Normal(_)) && text.contains(['*', '?', '\\']) {
            let folders = std::mem::take(&mut found);
            for folder in &folders {
                found.extend(entries(folder, &text)?);
            }
        } else {
            for path in &mut found {
                path.push(component);
            }
        }
        if found.len() > MOST {
            return Err(io::Error::other("too many files match"));
        }
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    Ok(found)
}

/// The entries of `folder` that `pattern` matches; none if it cannot be listed.
fn entries(folder: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
    let listed = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let Ok(listing) = listed.read_dir() else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in listing.take(MOST) {
        let name = entry?.file_name();
        if matches(pattern, &name) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

fn matches(pattern: &str, name: &OsStr) -> bool {
    let name: Vec<char> = name.to_string_lossy().chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    matches_chars(&pattern, &name)
}

/// `*` is any run of characters, `?` one of them, `\` takes the next one as it is.
///
/// There is one `*` at most, so the recursion does not branch twice.
fn matches_chars(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            (0..=name.len()).any(|skip| name.get(skip..).is_some_and(|n| matches_chars(rest, n)))
        }
        (['?', pattern @ ..], [_, name @ ..]) => matches_chars(pattern, name),
        (['\\', literal, pattern @ ..], [letter, name @ ..]) => {
            literal == letter && matches_chars(pattern, name)
        }
        ([literal, pattern @ ..], [letter, name @ ..]) => {
            literal == letter && matches_chars(pattern, name)
        }
        _ => false,
    }
}
