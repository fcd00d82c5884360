//! Tests of root.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, plugin_contract};

use crate::PLUGIN;

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn relative_paths_start_from_the_last_root() {
    let folder = tempfile::tempdir().unwrap();
    let corefile = format!(". {{\n root nowhere\n root {}\n}}", folder.path().display());
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    assert_eq!(block.config().path("db"), folder.path().join("db"));
    assert_eq!(block.config().path("/db"), std::path::Path::new("/db"));
}

#[test]
fn one_path_is_needed() {
    for (directive, message) in [
        ("root", "Wrong argument count"),
        ("root .\nroot", "Wrong argument count"),
        ("root a b", "Wrong argument count"),
        (
            "root Cargo.toml/x",
            "unable to access root path 'Cargo.toml/x'",
        ),
    ] {
        let built = Block::build(&[&PLUGIN], &format!(". {{\n{directive}\n}}"));
        let findings = built.err().unwrap().to_string();
        assert!(findings.contains(message), "{findings}");
    }
}
