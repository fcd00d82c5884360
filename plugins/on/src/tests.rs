//! Tests of on.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use catena_testing::{Block, plugin_contract};

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
    for (directive, message) in [
        (
            "on",
            "Wrong argument count or unexpected line ending after 'on'",
        ),
        (
            "on reboot true",
            "Wrong event name or event not supported: 'reboot'",
        ),
        ("on startup", "no command contained in ''"),
        ("on startup \"it's\"", "error parsing command: 'it's'"),
    ] {
        let built = Block::build(&[&PLUGIN], &format!(". {{\n{directive}\n}}"));
        let findings = built.err().unwrap().to_string();
        assert!(findings.contains(message), "{findings}");
    }
}
