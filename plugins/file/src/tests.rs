#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use catena_testing::{Block, check_diagnostics, expect, plugin_contract};

use crate::PLUGIN;

const ZONE: &str = "$ORIGIN example.org.\n$TTL 60\n\
    @ SOA ns1 admin 7 7200 1800 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n";

fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("db");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn block(zone: &str, properties: &str) -> (Block, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &format!("{ZONE}{zone}"));
    let corefile = format!("example.org {{\nfile {path} {{\n{properties}\n}}\n script\n}}\n");
    (Block::build(&[&PLUGIN], &corefile).unwrap(), folder)
}

async fn ask(zone: &str, questions: &[&str]) -> String {
    let (block, _folder) = block(zone, "");
    let mut transcript = String::new();
    for question in questions {
        transcript.push_str(&format!("> {question}\n{}", block.ask(question).await));
    }
    transcript
}
