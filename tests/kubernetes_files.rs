//! What `corefiles/kubernetes/` deploys is right: its Corefiles, and the metrics it looks at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corefiles/kubernetes")
}

fn files() -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() > 5, "the folder has lost its files");
    files
}

/// The texts under `Corefile: |` of a manifest, without their indentation.
fn corefiles_in(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = manifest.lines();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix("Corefile: |").map(str::len) else {
            continue;
        };
        let within = |line: &&str| line.trim().is_empty() || line.len() > indent + 2;
        let deeper = |line: &&str| within(line) && line.starts_with(&" ".repeat(indent + 1));
        let text = lines.by_ref().take_while(deeper);
        found.push(text.map(|line| format!("{}\n", line.trim())).collect());
    }
    found
}

#[test]
fn every_corefile_of_a_manifest_is_taken_without_a_warning() {
    let mut seen = 0;
    for (name, text) in files() {
        let corefiles = match name.as_str() {
            "Corefile" => vec![text],
            _ => corefiles_in(&text),
        };
        for corefile in corefiles {
            seen += 1;
            let scratch = tempfile::tempdir().unwrap();
            let path = scratch.path().join("Corefile");
            fs::write(&path, &corefile).unwrap();
            let mut check = Command::new(env!("CARGO_BIN_EXE_catena"));
            let output = check.arg("check").arg(&path).output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{name}: {told}");
            assert!(!told.contains("warning:"), "{name}: {told}");
        }
    }
    assert_eq!(seen, 3, "kubeadm's, its ConfigMap, and the node's");
}

#[test]
fn every_metric_that_is_looked_at_exists() {
    let families = catena::PLUGINS.iter().flat_map(|plugin| plugin.metrics);
    let real: BTreeSet<&str> = families.map(|family| family.name()).collect();
    let mut missing = BTreeSet::new();
    let mut seen = 0;
    for (name, text) in files() {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let metrics = words.filter(|word| {
            (word.starts_with("coredns_") || word.starts_with("catena_")) && word.len() > 8
        });
        for metric in metrics {
            seen += 1;
            let family = ["_bucket", "_count", "_sum"]
                .iter()
                .find_map(|suffix| metric.strip_suffix(suffix))
                .unwrap_or(metric);
            if !real.contains(family) {
                missing.insert(format!("{name}: {metric}"));
            }
        }
    }
    assert!(seen > 30);
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn the_dashboard_is_json_with_a_query_in_every_panel() {
    let text = fs::read_to_string(folder().join("dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 16);
    for panel in panels {
        let query = panel["targets"][0]["expr"].as_str();
        assert!(query.is_some_and(|query| !query.is_empty()), "{panel}");
    }
}

#[test]
fn promtool_takes_the_alert_rules() {
    let mut promtool = Command::new("promtool");
    promtool
        .args(["check", "rules"])
        .arg(folder().join("alerts.yaml"));
    match promtool.output() {
        Ok(output) => assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(_) => eprintln!("SKIPPED: promtool is not installed, so no one checks alerts.yaml"),
    }
}
