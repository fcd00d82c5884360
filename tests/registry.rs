//! The list of plugins, their folders and their READMEs tell the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use catena_plugin::Registration;

/// The chain's order in CoreDNS 1.14.7, which Corefiles rely on without saying so.
const ORDER: &str = "root metadata geoip cancel proxyproto quic grpc_server https https3 \
    timeouts multisocket \
    reload nsid bufsize bind debug trace ready health pprof shed prometheus errors log \
    dnstap local dns64 any chaos loadbalance tsig rewrite autopath acl cache header dnssec \
    tls minimal template transfer hosts route53 azure clouddns k8s_external kubernetes file \
    auto secondary etcd loop forward grpc erratic whoami on sign view nomad";

/// The template for authors is built and tested, but is in no server.
const NOT_LISTED: [&str; 1] = ["example"];

#[test]
fn every_plugin_folder_is_listed_and_the_other_way_round() {
    let folders: BTreeSet<String> = fs::read_dir(root().join("plugins"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").is_file())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !NOT_LISTED.contains(&name.as_str()))
        .collect();
    let listed: BTreeSet<String> = names().into_iter().map(str::to_owned).collect();
    assert_eq!(listed.len(), names().len(), "a plugin is listed twice");
    assert_eq!(listed, folders);
}

#[test]
fn plugins_stand_in_the_order_of_coredns() {
    let order: Vec<&str> = ORDER.split_whitespace().collect();
    let names = names();
    let known: Vec<&str> = names
        .into_iter()
        .filter(|name| order.contains(name))
        .collect();
    let mut sorted = known.clone();
    sorted.sort_by_key(|name| order.iter().position(|known| known == name));
    assert_eq!(known, sorted);
}

#[test]
fn every_readme_names_the_metrics_labels_and_properties_that_exist() {
    let mut faults = Vec::new();
    for plugin in catena::PLUGINS {
        let mut compare = |what: &str, told: BTreeSet<String>, real: BTreeSet<String>| {
            for name in told.symmetric_difference(&real) {
                let side = if told.contains(name) {
                    "only the README has"
                } else {
                    "the README lacks"
                };
                faults.push(format!("{}: {side} {what} `{name}`", plugin.name));
            }
        };
        let metrics = plugin.metrics.iter().map(|family| family.name().to_owned());
        compare("metric", told_metrics(plugin), metrics.collect());
        let labels = plugin.metadata.iter().map(|label| (*label).to_owned());
        compare("label", told_labels(plugin), labels.collect());
        let properties = plugin.properties.iter().map(|name| (*name).to_owned());
        compare("property", told_properties(plugin), properties.collect());
        if !plugin.readme.starts_with(&format!("# {}\n", plugin.name)) {
            faults.push(format!("{}: its README has another title", plugin.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn told_metrics(plugin: &Registration) -> BTreeSet<String> {
    let words = quoted(section(plugin.readme, "Metrics"));
    let names = words.map(|word| word.split('{').next().unwrap_or_default().to_owned());
    names
        .filter(|name| name.starts_with("coredns_") || name.starts_with("catena_"))
        .collect()
}

fn told_labels(plugin: &Registration) -> BTreeSet<String> {
    let words = quoted(section(plugin.readme, "Metadata"));
    let labels = words.filter(|word| word.split_once('/').is_some());
    labels.map(str::to_owned).collect()
}

/// The first words of the lines between the braces of the blocks under Syntax.
fn told_properties(plugin: &Registration) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut depth = 0_usize;
    let syntax = section(plugin.readme, "Syntax").replace("~~~", "```");
    let fenced = syntax.split("```").skip(1).step_by(2);
    for line in fenced.flat_map(str::lines) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["}"] => depth = depth.saturating_sub(1),
            [.., "{"] if depth == 0 => depth += 1,
            [first, ..] if depth == 1 => {
                let names = first.trim_matches(['[', ']']).split('|');
                // A word in capitals stands for what is written in its place.
                let names = names.filter(|name| !name.starts_with(char::is_uppercase));
                found.extend(names.map(str::to_owned));
                depth += usize::from(line.ends_with('{'));
            }
            _ => {}
        }
    }
    found
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn section<'a>(readme: &'a str, title: &str) -> &'a str {
    let heading = format!("\n## {title}\n");
    let after = readme.split_once(&heading).map_or("", |(_, after)| after);
    after.split_once("\n## ").map_or(after, |(text, _)| text)
}

fn names() -> Vec<&'static str> {
    catena::PLUGINS.iter().map(|plugin| plugin.name).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
