//! Programs of others that tests use; without one a test does nothing but say so.

use std::process::Command;

/// Whether `program` is there; with `CI=true` it must be.
pub fn have(program: &str, package: &str) -> bool {
    // Some of them fail on this option, but all end.
    let is_there = Command::new(program).arg("--version").output();
    if is_there.is_ok() {
        return true;
    }
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "{program} is missing"
    );
    eprintln!("SKIPPED: no {program} (Debian's package is {package})");
    false
}
