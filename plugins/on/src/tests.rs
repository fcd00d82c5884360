//! Tests of on.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use catena_testing::{Block, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

fn block(directives: &str) -> Block {
    Block::build(&[&PLUGIN], &format!(". {{\n{directives}\n}}")).unwrap()
}

/// Waits until `file` is there; the test's own time-out ends a wait in vain.
async fn appears(file: &Path) {
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[tokio::test]
async fn commands_run_at_start_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (started, stopped) = (folder.path().join("started"), folder.path().join("stopped"));
    let block = block(&format!(
        "on startup false\non startup touch {}\non shutdown touch {}\non SHUTDOWN sleep 60 &",
        started.display(),
        stopped.display()
    ));
    assert!(!started.exists());
    block.start().await.unwrap();
    appears(&started).await;
    assert!(!stopped.exists());
    block.shut_down().await;
    assert!(stopped.exists());
}

#[tokio::test]
async fn quotes_are_lost_as_in_coredns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let block = block(&format!(
        "on startup sh -c \"exit 1\"\non startup touch \"{path}/a {path}/b\""
    ));
    block.start().await.unwrap();
    appears(&folder.path().join("b")).await;
    assert!(folder.path().join("a").exists());
}

#[test]
fn an_event_and_a_command_are_needed() {
    check_diagnostics(
        &[&PLUGIN],
        ". {\n on\n}",
        expect![[r#"
        Corefile:2:4: plugin/on: Wrong argument count or unexpected line ending after 'on'
          2 |  on
            |    ^ EVENT is missing"#]],
    );
    check_diagnostics(
        &[&PLUGIN],
        ". {\n on reboot true\n}",
        expect![[r#"
        Corefile:2:5: plugin/on: Wrong event name or event not supported: 'reboot'
          2 |  on reboot true
            |     ^^^^^^ it knows startup and shutdown"#]],
    );
    check_diagnostics(
        &[&PLUGIN],
        ". {\n on startup\n}",
        expect![[r#"
        Corefile:2:2: plugin/on: no command contained in ''
          2 |  on startup
            |  ^^"#]],
    );
    check_diagnostics(
        &[&PLUGIN],
        ". {\n on startup \"it's\"\n}",
        expect![[r#"
        Corefile:2:2: plugin/on: error parsing command: 'it's'
          2 |  on startup "it's"
            |  ^^"#]],
    );
}
