//! What `corefiles/mesh/` deploys is right: every Corefile is taken, starts and answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{Server, answers, move_ports};

/// Directives that look for an API server, which there is none of here.
const WATCHING: [&str; 4] = ["serviceentry", "kubernetes", "kubernetai", "rpcservice"];
const NOWHERE: &str = "endpoint http://127.0.0.1:1\nstartup_timeout 1ms\n";

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corefiles/mesh");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_none()).collect();
    files.sort();
    assert_eq!(files.len(), 4);
    files
}

/// The text with `endpoint` for each API server.
pub fn with_endpoint(text: &str, endpoint: &str) -> String {
    let mut moved = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let watches = words.first().is_some_and(|word| WATCHING.contains(word));
        match words.as_slice() {
            ["kubeconfig", ..] => {}
            [.., "{"] if watches => moved.push_str(&format!("{line}\n{endpoint}")),
            _ if watches => moved.push_str(&format!("{line} {{\n{endpoint}}}\n")),
            _ => moved.push_str(&format!("{line}\n")),
        }
    }
    moved
}

#[test]
fn every_corefile_opens_with_its_purpose_and_is_taken_without_a_warning() {
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# "), "{}", file.display());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Corefile");
        fs::write(&path, with_endpoint(&text, NOWHERE)).unwrap();
        let mut check = Command::new(env!("CARGO_BIN_EXE_catena"));
        let output = check.arg("check").arg(&path).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {told}", file.display());
        assert!(!told.contains("warning:"), "{}: {told}", file.display());
    }
}

#[test]
fn every_corefile_starts_and_answers() {
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        let moved = move_ports(&with_endpoint(&text, NOWHERE));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Corefile"), &moved.text).unwrap();
        let mut server = Server::start(folder.path(), "Corefile", moved.port);
        let started = server.started();
        assert!(started.is_ok(), "{}: {started:?}", file.display());
        for port in &moved.dns {
            assert!(answers(*port), "{}: port {port}", file.display());
        }
    }
}
