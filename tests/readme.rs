//! Every Corefile in a document is what it seems: it starts, or is refused if it says so.
//!
//! A block opened by ```` ```corefile ```` must start; by ```` ```corefile refused ```` must not.
//! A block of any kind that names a file, as ```` ```text db.example.org ````, is written to the
//! folder where the Corefiles after it start. `tests/assets` is there too, and `cert.pem`,
//! `key.pem` and `ca.pem` of a self-signed pair.

use std::fs;
use std::path::{Path, PathBuf};

use crate::server::{Server, move_ports};

#[derive(Debug, PartialEq, Eq)]
struct Block {
    line: usize,
    language: String,
    note: String,
    text: String,
}

#[test]
fn every_corefile_in_a_document_is_as_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tried = 0;
    let mut faults = Vec::new();
    for document in documents(root) {
        let scratch = tempfile::tempdir().unwrap();
        furnish(&root.join("tests/assets"), scratch.path());
        for block in blocks(&fs::read_to_string(&document).unwrap()) {
            if block.language == "corefile" {
                tried += 1;
                if let Err(why) = check(scratch.path(), &block) {
                    let name = document.strip_prefix(root).unwrap().display();
                    faults.push(format!("{name}:{}: {why}", block.line));
                }
            } else if !block.note.is_empty() {
                let file = scratch.path().join(&block.note);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, &block.text).unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(tried > 0, "no Corefiles in any document");
}

fn furnish(assets: &Path, folder: &Path) {
    for asset in fs::read_dir(assets).unwrap() {
        let path = asset.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    furnish_pair(folder);
}

/// Writes a certificate, which is its own issuer, and its key.
pub fn furnish_pair(folder: &Path) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let pair = rcgen::generate_simple_self_signed(names).unwrap();
    for name in ["cert.pem", "ca.pem"] {
        fs::write(folder.join(name), pair.cert.pem()).unwrap();
    }
    fs::write(folder.join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
}

fn check(folder: &Path, block: &Block) -> Result<(), String> {
    let moved = move_ports(&block.text);
    fs::write(folder.join("Corefile"), &moved.text).unwrap();
    let mut server = Server::start(folder, "Corefile", moved.port);
    if block.note != "refused" {
        return server.started();
    }
    let (status, output) = server.ended();
    if status.code().is_none_or(|code| code == 0) {
        return Err(format!("was not refused:\n{output}"));
    }
    Ok(())
}

/// The READMEs of plugins and all of docs/.
fn documents(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("plugins")).unwrap() {
        found.push(entry.unwrap().path().join("README.md"));
    }
    for entry in fs::read_dir(root.join("docs")).unwrap() {
        found.push(entry.unwrap().path());
    }
    found.retain(|path| path.is_file() && path.extension().is_some_and(|end| end == "md"));
    // The template is in builds that ask for it; its own tests start what its README shows.
    let has_example = cfg!(feature = "example");
    found.retain(|path| has_example || !path.ends_with("plugins/example/README.md"));
    found.sort();
    found
}

/// The fenced blocks of a document.
fn blocks(markdown: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (line, text) in (1..).zip(markdown.lines()) {
        match (&mut open, text.trim_start().strip_prefix("```")) {
            (None, Some(info)) => {
                let (language, note) = info.split_once(' ').unwrap_or((info, ""));
                open = Some(Block {
                    line,
                    language: language.to_owned(),
                    note: note.trim().to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), Some("")) => found.extend(open.take()),
            (Some(block), _) => {
                block.text.push_str(text);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

#[test]
fn blocks_are_found_with_their_notes() {
    let found = blocks("a\n```corefile refused\n. {\n}\n```\nb\n```text db.x\nx\n```\n");
    let told: Vec<_> = found
        .iter()
        .map(|block| (block.line, &*block.language, &*block.note, &*block.text))
        .collect();
    assert_eq!(
        told,
        [
            (2, "corefile", "refused", ". {\n}\n"),
            (7, "text", "db.x", "x\n"),
        ]
    );
}
