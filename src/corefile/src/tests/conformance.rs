//! Corefiles of the conformance corpus: what the parser alone must accept and refuse.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{MemoryEnvironment, SystemEnvironment, format, parse};

fn entries(file: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/corpus");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry.get(key).and_then(Value::as_str).unwrap_or("")
}

/// `None` if the Corefile has mistakes that no parser without plugins can see.
fn parser_verdict(entry: &Value) -> Option<bool> {
    if entry["accept"] == true {
        return Some(true);
    }
    let language = ["lexing", "env", "import", "keys"].contains(&text(entry, "group"));
    let error = text(entry, "error");
    let from_plugin = error.starts_with("plugin/") || error.contains("Unknown directive");
    let from_parser = error.contains("Error during parsing: ") || error.contains("expecting '}'");
    (language && from_parser && !from_plugin).then_some(false)
}

fn accepts(entry: &Value, folder: &Path) -> bool {
    let mut world = Both::default();
    let pairs = |key: &str| entry.get(key).and_then(Value::as_object).cloned();
    for (name, value) in pairs("env").into_iter().flatten() {
        let value = value.as_str().unwrap().to_owned();
        world.memory.variables.insert(name, value);
    }
    for (name, content) in pairs("files").into_iter().flatten() {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content.as_str().unwrap()).unwrap();
    }
    let corefile = match entry.get("runnable") {
        Some(_) => text(entry, "runnable"),
        None => text(entry, "corefile"),
    };
    let corefile = corefile
        .replace("{{dir}}", folder.to_str().unwrap())
        .replace("{{", "")
        .replace("}}", "");
    let name = folder.join("Corefile");
    let name = name.to_str().unwrap();
    let accepted = parse(name, &corefile, &world).is_ok();
    assert_eq!(parse(name, &format(&corefile), &world).is_ok(), accepted);
    accepted
}

/// Variables of the entry, files of the scratch folder.
#[derive(Default)]
struct Both {
    memory: MemoryEnvironment,
}

impl crate::Environment for Both {
    fn variable(&self, name: &str) -> Option<String> {
        self.memory.variable(name)
    }

    fn read(&self, path: &Path) -> std::io::Result<String> {
        SystemEnvironment.read(path)
    }

    fn glob(&self, pattern: &Path) -> std::io::Result<Vec<PathBuf>> {
        SystemEnvironment.glob(pattern)
    }
}

fn check(file: &str) {
    let entries = entries(file);
    assert!(!entries.is_empty());
    let mut wrong = Vec::new();
    for entry in &entries {
        let Some(verdict) = parser_verdict(entry) else {
            continue;
        };
        let folder = tempfile::tempdir().unwrap();
        if accepts(entry, folder.path()) != verdict {
            wrong.push(text(entry, "id"));
        }
    }
    assert!(wrong.is_empty(), "wrong verdicts: {wrong:?}");
}

#[test]
fn corpus_corefiles_get_the_verdict_of_coredns() {
    check("corefiles.jsonl");
}

#[test]
fn corefiles_from_the_wild_get_the_verdict_of_coredns() {
    check("wild.jsonl");
}
