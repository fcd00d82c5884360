//! Keys and old forms of the conformance corpus get CoreDNS's verdict.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use catena_corefile::{Corefile, Directive, MemoryEnvironment, ServerBlock, parse};
use serde_json::Value;

use super::{Claim, Key, find_overlaps};
use crate::legacy::modernise;

fn entries() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/corpus");
    let files = ["corefiles.jsonl", "wild.jsonl"];
    let texts = files.map(|file| std::fs::read_to_string(folder.join(file)).unwrap());
    let lines = texts.iter().flat_map(|text| text.lines());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry.get(key).and_then(Value::as_str).unwrap_or("")
}

/// The tree, if the entry needs no other file; every port has a number of its own.
fn read(entry: &Value) -> Option<Corefile> {
    let runnable = match entry.get("runnable") {
        Some(_) => text(entry, "runnable"),
        None => text(entry, "corefile"),
    };
    if runnable.contains("import ") {
        return None;
    }
    let mut ports: Vec<&str> = Vec::new();
    let mut corefile = String::new();
    for (index, piece) in runnable.split("{{").enumerate() {
        let template = piece.split_once("}}").filter(|_| index > 0);
        let Some((name, rest)) = template else {
            corefile.push_str(piece);
            continue;
        };
        let known = ports.iter().position(|port| *port == name);
        let port = known.unwrap_or(ports.len());
        if known.is_none() {
            ports.push(name);
        }
        corefile.push_str(&format!("{}{rest}", 1053 + port));
    }
    let mut world = MemoryEnvironment::default();
    for (name, value) in entry
        .get("env")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let value = value.as_str().unwrap().replace("{{port}}", "1053");
        world.variables.insert(name.clone(), value.replace("@", ""));
    }
    parse("Corefile", &corefile, &world).ok()
}

fn hosts(block: &ServerBlock) -> Option<Vec<String>> {
    let binds = block
        .directives
        .iter()
        .filter(|line| line.name.text == "bind");
    let words = binds.flat_map(|line: &Directive| &line.args);
    let hosts: Vec<String> = words
        .map(|word| word.text.replace("lo", "127.0.0.1"))
        .collect();
    (!hosts.is_empty()).then_some(hosts)
}

/// Whether keys and claims alone are in order.
fn accepts(corefile: &Corefile) -> bool {
    let mut blocks = Vec::new();
    for block in &corefile.blocks {
        let keys: Result<Vec<Key>, _> = block.keys.iter().map(Key::parse).collect();
        let Ok(keys) = keys else { return false };
        blocks.push((keys, hosts(block), block));
    }
    let claims = blocks.iter().map(|(keys, hosts, block)| Claim {
        keys,
        hosts: hosts.as_deref(),
        filtered: block.directives.iter().any(|line| line.name.text == "view"),
    });
    let claims: Vec<Claim<'_>> = claims.collect();
    find_overlaps(&claims, 1053, &corefile.sources).is_empty()
}

#[test]
fn keys_of_the_corpus_get_the_verdict_of_coredns() {
    let mut wrong = Vec::new();
    for entry in entries() {
        let error = text(&entry, "error");
        let about_keys = ["inspecting server blocks", "cannot serve", "invalid port"];
        let refused = entry["accept"] == false && about_keys.iter().any(|w| error.contains(w));
        let Some(corefile) = read(&entry) else {
            continue;
        };
        if (refused || entry["accept"] == true) && accepts(&corefile) == refused {
            wrong.push(text(&entry, "id").to_owned());
        }
    }
    assert!(wrong.is_empty(), "wrong verdicts: {wrong:?}");
}

#[test]
fn old_forms_of_the_corpus_are_translated_with_a_warning() {
    let mut seen = 0;
    for entry in entries() {
        let Some(mut corefile) = read(&entry) else {
            continue;
        };
        let findings = modernise(&mut corefile.blocks);
        let id = text(&entry, "id");
        if entry["deprecated"] == true {
            seen += 1;
            let warned = findings
                .iter()
                .any(|found| found.message.contains("deprecated"));
            assert!(warned, "{id}");
            let left = corefile.to_string().contains("proxy ");
            assert!(!left, "{id}:\n{corefile}");
        }
    }
    assert!(seen > 20, "{seen}");
}
