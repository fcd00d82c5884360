//! What `corefiles/rpcservice/` deploys is right: its Corefile, and its metrics and flags.

use std::fs;
use std::path::Path;
use std::process::Command;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corefiles/rpcservice")
}

#[test]
fn the_corefile_is_taken_without_a_warning() {
    let mut check = Command::new(env!("CARGO_BIN_EXE_catena"));
    check.env("DYNAPI_TOKEN", "not-a-secret-at-all");
    let output = check.arg("check").arg(folder().join("Corefile")).output();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("warning:"), "{told}");
}

#[test]
fn the_flags_of_the_controller_exist() {
    let text = fs::read_to_string(folder().join("controller.yaml")).unwrap();
    let mut help = Command::new(env!("CARGO_BIN_EXE_catena"));
    let help = help
        .args(["controller", "rpcservice", "-h"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flags = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- --"));
    let flags: Vec<&str> = flags.filter_map(|flag| flag.split('=').next()).collect();
    assert!(flags.len() >= 2);
    for flag in flags {
        assert!(help.contains(&format!("--{flag} ")), "{flag}");
    }
}
