//! Links between our documents lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn relative_links_of_documents_lead_to_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    let mut tried = 0;
    for document in documents(root, 3) {
        let text = fs::read_to_string(&document).unwrap();
        for target in targets(&text) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            tried += 1;
            if !document.with_file_name(path).exists() {
                let name = document.strip_prefix(root).unwrap().display();
                broken.push(format!("{name}: {target}"));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "links to nowhere:\n{}",
        broken.join("\n")
    );
    assert!(tried > 0, "no links in any document");
}

/// Markdown files of ours, down to `depth` folders.
fn documents(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or(".");
        let foreign = name.starts_with('.') || name == "target" || name == "corpus";
        if path.is_dir() && depth > 0 && !foreign {
            found.extend(documents(&path, depth - 1));
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    found
}

/// What stands between `](` and `)`, outside code.
fn targets(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && !line.starts_with("    ") {
            let prose: String = line.split('`').step_by(2).collect();
            let ends = prose.split("](").skip(1);
            found.extend(ends.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
        }
    }
    found
}

#[test]
fn links_in_code_are_no_links() {
    let text = "[a](b.md#c) `[x](y)`\n```\n[z](w)\n```\n    [q](r)\n[d](e)\n";
    assert_eq!(targets(text), ["b.md#c", "e"]);
}
