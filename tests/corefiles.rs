//! Every example Corefile starts, answers, and says what it is for.

use std::fs;
use std::path::Path;

use crate::readme::furnish_pair;
use crate::server::{Server, answers, move_ports};

#[test]
fn every_example_corefile_starts_and_answers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corefiles");
    let mut examples = 0;
    let mut faults = Vec::new();
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    for file in files {
        // What a Corefile reads beside it has an extension, and so has the index.
        if file.extension().is_some() {
            continue;
        }
        examples += 1;
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        if !text.starts_with("# ") {
            faults.push(format!(
                "{name}: does not open with a comment on its purpose"
            ));
        }
        if let Err(why) = start(&folder, &name, &text) {
            faults.push(format!("{name}: {why}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(examples > 0, "no example Corefiles");
}

/// Starts a moved copy among copies of its neighbours, from where the README starts it.
fn start(folder: &Path, name: &str, text: &str) -> Result<(), String> {
    let scratch = tempfile::tempdir().unwrap();
    copy_folder(folder, &scratch.path().join("corefiles"));
    furnish_pair(scratch.path());
    let moved = move_ports(text);
    let conf = format!("corefiles/{name}");
    fs::write(scratch.path().join(&conf), &moved.text).unwrap();
    let mut server = Server::start(scratch.path(), &conf, moved.port);
    server.started()?;
    match moved.dns.iter().find(|port| !answers(**port)) {
        Some(port) => Err(format!("no answer on port {port}\n{}", moved.text)),
        None => Ok(()),
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in fs::read_dir(from)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
