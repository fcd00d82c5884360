//! `catena check` and `catena fmt`, as people run them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn catena(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catena"));
    command.args(args).current_dir(folder).output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn check_shows_every_mistake_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let text = "a {\n    whoarmi\n    whoami now\n    import no.conf\n}\n";
    fs::write(folder.path().join("Corefile"), text).unwrap();
    let output = catena(folder.path(), &["check"]);
    let printed = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    for words in [
        "Corefile:2:5: Error during parsing: Unknown directive 'whoarmi'",
        "  2 |     whoarmi\n    |     ^^^^^^^ did you mean 'whoami'?",
        "Corefile:3:",
        "Corefile:4:12: Error during parsing: File to import not found: no.conf",
        "Corefile: 3 mistakes, 0 warnings",
    ] {
        assert!(printed.contains(words), "lacks {words:?}:\n{printed}");
    }
}

#[test]
fn check_speaks_json() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad"), "a:x: {\n}\n").unwrap();
    let output = catena(folder.path(), &["check", "--json", "bad"]);
    assert_eq!(output.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_str(&printed(&output)).unwrap();
    assert_eq!(found[0]["file"], "bad");
    assert_eq!(found[0]["line"], 1);
}

#[test]
fn check_accepts_what_starts() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Corefile"), ".:0 {\n    whoami\n}\n").unwrap();
    let output = catena(folder.path(), &["check", "Corefile"]);
    assert_eq!(printed(&output), "Corefile: no mistakes\n");
    assert!(output.status.success());
}

#[test]
fn fmt_prints_writes_and_checks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Corefile");
    let laid_out = "a {\n    whoami # me\n}\n";
    fs::write(&file, "a   {\n whoami   # me\n\n}").unwrap();
    assert_eq!(
        printed(&catena(folder.path(), &["fmt", "Corefile"])),
        laid_out
    );
    let check = ["fmt", "--check", "Corefile"];
    assert_eq!(catena(folder.path(), &check).status.code(), Some(1));
    assert!(
        catena(folder.path(), &["fmt", "--write", "Corefile"])
            .status
            .success()
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), laid_out);
    assert!(catena(folder.path(), &check).status.success());
}

#[test]
fn commands_without_sense_show_their_usage() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["fmt"][..],
        &["fmt", "a", "b"],
        &["check", "--what"],
        &["check", "a", "b"],
    ] {
        assert_eq!(
            catena(folder.path(), args).status.code(),
            Some(2),
            "{args:?}"
        );
    }
}
