//! The battery that every plugin should pass, ours and others'.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use catena_corefile::{Directive, MemoryEnvironment, Sources};
use catena_plugin::Registration;

use crate::{Block, readme};

/// The sections of a README, in order.
const SECTIONS: [&str; 9] = [
    "Name",
    "Description",
    "Syntax",
    "Examples",
    "Metrics",
    "Ready",
    "Metadata",
    "Differences from CoreDNS",
    "See also",
];

/// What no plugin has a use for.
const JUNK: [&str; 6] = [
    "NAME {\n no-such-property-1b2c\n}",
    "NAME \"\" \"\" \"\" \"\" \"\" \"\" \"\" \"\"",
    "NAME -1 {\n -1 -1\n}",
    "NAME {\n fallthrough\n \u{7f} \"\\\"\"\n}",
    "NAME 99999999999999999999 99999999999999999999",
    "NAME a..b ..",
];

/// Checks that `plugin` keeps the promises every plugin makes; panics at the first broken one.
///
/// - its README has all sections, and names its properties, metrics and metadata, no others;
/// - each of its lines in the README's Corefiles can be set up, started and stopped, twice;
/// - setup survives junk, and refuses some of it.
pub fn plugin_contract(plugin: &'static Registration) {
    plugin_contract_beside(plugin, &[]);
}

/// As [`plugin_contract`], for a plugin that needs `others` in its block to start.
///
/// Each of them stands there as its name alone.
pub fn plugin_contract_beside(plugin: &'static Registration, others: &[&'static Registration]) {
    check_readme(plugin);
    check_junk(plugin);
    let examples = examples(plugin);
    assert!(
        !examples.is_empty(),
        "README: no Corefile with '{}'",
        plugin.name
    );
    for example in &examples {
        start_and_stop(plugin, others, example);
    }
}

fn check_readme(plugin: &Registration) {
    let readme = plugin.readme;
    let title = format!("# {}\n", plugin.name);
    assert!(
        readme.starts_with(&title),
        "README does not open with {title}"
    );
    let titles: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    assert_eq!(titles, SECTIONS, "README: sections");

    let known: BTreeSet<String> = plugin.properties.iter().map(|p| (*p).to_owned()).collect();
    assert_eq!(
        readme::properties(readme),
        known,
        "README: properties under Syntax"
    );

    let metrics = readme::section(readme, "Metrics").unwrap_or_default();
    let known = plugin.metrics.iter().map(|family| family.name().to_owned());
    let named = readme::quoted(metrics, &["coredns_", "catena_"]);
    assert_eq!(named, known.collect(), "README: metrics");

    let metadata = readme::section(readme, "Metadata").unwrap_or_default();
    let mut named = readme::quoted(metadata, &[""]);
    named.retain(|name| name.contains('/'));
    let known = plugin.metadata.iter().map(|label| (*label).to_owned());
    assert_eq!(named, known.collect(), "README: metadata");
}

fn check_junk(plugin: &'static Registration) {
    let mut refused = 0;
    for junk in JUNK {
        let corefile = format!(".:53 {{\n{}\n}}\n", junk.replace("NAME", plugin.name));
        let built = catch_unwind(AssertUnwindSafe(|| Block::build(&[plugin], &corefile)));
        match built {
            Ok(Ok(_)) => {}
            Ok(Err(findings)) => {
                let mut items = findings.items().iter();
                assert!(
                    items.all(|item| item.span.is_some()),
                    "no place: {findings}"
                );
                refused += 1;
            }
            Err(_) => panic!("setup panics at: {corefile}"),
        }
    }
    assert!(refused > 0, "setup accepts every junk there is");
}

/// Server blocks with nothing but the lines of `plugin`, from the README's Corefiles.
fn examples(plugin: &Registration) -> Vec<String> {
    let mut examples = Vec::new();
    for (line, text) in readme::corefiles(plugin.readme) {
        let parsed = catena_corefile::parse("README.md", &text, &MemoryEnvironment::default());
        let parsed = parsed.unwrap_or_else(|error| panic!("README.md:{line}: {error}"));
        for block in &parsed.blocks {
            let own = block
                .directives
                .iter()
                .filter(|d| d.name.text == plugin.name);
            let lines: String = own.map(|line| source(&parsed.sources, line)).collect();
            let keys: Vec<&str> = block.keys.iter().map(|key| key.text.as_str()).collect();
            if !lines.is_empty() {
                examples.push(format!("{} {{\n{lines}}}\n", keys.join(" ")));
            }
        }
    }
    examples
}

/// The text of `directive` as it stands in the file.
fn source(sources: &Sources, directive: &Directive) -> String {
    let text = sources.slice(directive.name.span.to(directive.end));
    format!("{text}\n")
}

fn start_and_stop(plugin: &'static Registration, others: &[&'static Registration], corefile: &str) {
    let lines: String = others
        .iter()
        .map(|other| format!("{}\n", other.name))
        .collect();
    let corefile = corefile.replacen("{\n", &format!("{{\n{lines}"), 1);
    let plugins = [&[plugin], others].concat();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    for _ in 0..2 {
        let block = Block::build(&plugins, &corefile)
            .unwrap_or_else(|findings| panic!("README: {findings}\n{corefile}"));
        runtime.block_on(async {
            let started = block.start().await;
            started.unwrap_or_else(|error| panic!("README: {error}\n{corefile}"));
            block.shut_down().await;
        });
    }
}
