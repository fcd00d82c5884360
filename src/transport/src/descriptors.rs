//! How many file descriptors the process may hold.

use std::io;

use crate::syscall;

/// Raises the soft limit of open files to the hard one, as Go's runtime does at start.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    syscall::raise_descriptor_limit()
}

/// How many files the process may have open.
pub fn descriptor_limit() -> usize {
    let limit = syscall::descriptor_limit().unwrap_or(1024);
    usize::try_from(limit).unwrap_or(usize::MAX)
}
