//! Says how the binary is linked.

use std::env;
use std::process::Command;

/// The first glibc that loads relative relocations in their packed form.
const GLIBC: (u32, u32) = (2, 36);

/// Packs the relocations, which else are 0.9 MiB to read at every start and to keep in memory.
///
/// Only where the binary is built for the system that builds it, and that can load it.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_native = env::var("HOST") == env::var("TARGET");
    if is_native && glibc().is_some_and(|version| version >= GLIBC) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this system's glibc, if it has one.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    let version = text.trim().strip_prefix("glibc ")?;
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
