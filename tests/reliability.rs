//! What docs/RELIABILITY.md promises is shown by the tests it names, and time is read as it says.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the time of day may be read, and what for; all else uses the monotonic clock.
const TIME_OF_DAY: [&str; 14] = [
    // Whether signatures are valid.
    "plugins/cache/src/classify.rs",
    // The serials of zones without one, and when etcd was heard of last.
    "plugins/etcd/src/answer.rs",
    "plugins/etcd/src/scope.rs",
    "plugins/log/src/class.rs",
    // The serials of zones, which count seconds since 1970.
    "plugins/rpcservice/src/zone.rs",
    // When a control plane was heard of last, for metrics.
    "plugins/serviceentry/src/planes/told.rs",
    // How long a change at the API server took to get here.
    "src/cluster/src/metrics.rs",
    "src/cluster/src/store.rs",
    // Whether a message was signed just now.
    "src/controller/src/place/call.rs",
    // When things were done last, for metrics.
    "src/kube/src/feeds.rs",
    "src/mesh/src/writer.rs",
    // The serial of a zone that is new, and revisions above those of a process before.
    "src/records/src/soa.rs",
    "src/records/src/store/memory.rs",
    "src/server/src/seal.rs",
];

#[test]
fn every_test_the_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("docs/RELIABILITY.md")).unwrap();
    let mut named = 0;
    for quoted in table.split('`').skip(1).step_by(2) {
        let Some((path, test)) = quoted.split_once("::") else {
            continue;
        };
        named += 1;
        let text = fs::read_to_string(root.join(path))
            .unwrap_or_else(|error| unreachable!("docs/RELIABILITY.md: {path}: {error}"));
        let head = format!("fn {test}(");
        assert!(text.contains(&head), "docs/RELIABILITY.md: no {quoted}");
    }
    assert!(named > 50, "only {named} tests are named");
}

#[test]
fn every_conformance_case_the_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("docs/RELIABILITY.md")).unwrap();
    let cases = root.join("tests/conformance/corpus/cases");
    let not_yet = fs::read_to_string(root.join("tests/conformance/not-yet.txt")).unwrap();
    for quoted in table.split('`').skip(1).step_by(2) {
        let Some(case) = quoted.strip_prefix("case ") else {
            continue;
        };
        assert!(
            cases.join(case).is_dir(),
            "docs/RELIABILITY.md: no {quoted}"
        );
        let fails = not_yet.lines().any(|line| line.trim() == case);
        assert!(!fails, "docs/RELIABILITY.md: {case} does not pass yet");
    }
}

#[test]
fn the_time_of_day_is_read_only_where_it_is_meant() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut readers = Vec::new();
    for folder in ["src", "plugins"] {
        for file in sources(&root.join(folder)) {
            let name = file.strip_prefix(root).unwrap().display().to_string();
            let is_test = name.contains("tests") || name.starts_with("src/testing");
            let text = fs::read_to_string(&file).unwrap();
            if !is_test && text.contains("SystemTime::now") {
                readers.push(name);
            }
        }
    }
    readers.sort();
    assert_eq!(readers, TIME_OF_DAY, "a clock that is set must end no wait");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
