//! Tests of root.
#![expect(clippy::unwrap_used, reason = "tests")]

use catena_testing::{Block, check_diagnostics, expect, plugin_contract};

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
    check_diagnostics(
        &[&PLUGIN],
        ". {\n root\n root a b\n}",
        expect![[r#"
        Corefile:2:6: plugin/root: Wrong argument count or unexpected line ending after 'root'
          2 |  root
            |      ^ PATH is missing"#]],
    );
    check_diagnostics(
        &[&PLUGIN],
        ". {\n root a b\n}",
        expect![[r#"
        Corefile:2:9: plugin/root: Wrong argument count or unexpected argument 'b' after 'root'
          2 |  root a b
            |         ^"#]],
    );
    let file = Block::build(&[&PLUGIN], ". {\n root Cargo.toml/x\n}")
        .err()
        .unwrap();
    assert!(
        file.to_string()
            .contains("unable to access root path 'Cargo.toml/x'")
    );
}
