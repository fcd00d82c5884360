//! Holds the tree to its own limits; offenders that exist are listed, and the list only shrinks.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 500;
const LINE_CHARS: usize = 100;
const PARAMETERS: usize = 5;

/// Folders with Rust sources of ours, and what in them is not ours.
const SOURCES: [&str; 5] = ["src", "plugins", "tests", "benches", "fuzz"];
const SKIPPED: [&str; 4] = ["target", "corpus", "artifacts", "seeds"];

/// Names that say nothing about what a file is for.
const EMPTY_NAMES: [&str; 6] = [
    "utils.rs",
    "util.rs",
    "common.rs",
    "misc.rs",
    "helpers.rs",
    "helper.rs",
];

const README_SECTIONS: [&str; 9] = [
    "## Name",
    "## Description",
    "## Syntax",
    "## Examples",
    "## Metrics",
    "## Ready",
    "## Metadata",
    "## Differences from CoreDNS",
    "## See also",
];

/// What is wrong, as lines that `tests/tidy-exceptions.txt` can list.
type Offences = BTreeSet<String>;

#[test]
fn the_tree_is_within_its_limits() {
    let root = root();
    let mut offences = Offences::new();
    for folder in SOURCES {
        for file in files_below(&root.join(folder)) {
            if file.extension().is_some_and(|extension| extension == "rs") {
                check_source(&root, &file, &mut offences);
            }
        }
    }
    for plugin in plugin_folders(&root) {
        check_plugin(&root, &plugin, &mut offences);
    }

    let listed = listed_exceptions(&root);
    let mut report = String::new();
    for offence in offences.difference(&listed) {
        let _ = writeln!(report, "  {offence}");
    }
    for mended in listed.difference(&offences) {
        let _ = writeln!(
            report,
            "  mended, so take it off tests/tidy-exceptions.txt: {mended}"
        );
    }
    assert!(report.is_empty(), "the tree is untidy:\n{report}");
}

#[test]
fn each_limit_notices_its_offender() {
    let long = format!(
        "//! Long.\nfn long() {{\n{}}}\n",
        "    let _ = 1;\n".repeat(70)
    );
    let cases = [
        (long.as_str(), "long-function x.rs long: 72 lines"),
        (
            "//! Wide.\nfn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) {}\n",
            "many-parameters x.rs f: 6",
        ),
        ("fn f() {}\n", "no-purpose x.rs"),
        (
            "//! X.\n// TODO tidy this up\n",
            "todo-without-issue x.rs:2",
        ),
        (
            "//! X.\n#[test]\n#[ignore]\nfn slow() {}\n",
            "ignored-test x.rs:3",
        ),
    ];
    for (source, offence) in cases {
        let mut offences = Offences::new();
        check_text("x.rs", source, false, &mut offences);
        assert_eq!(offences, Offences::from([offence.to_owned()]));
    }
    let many = format!("//! X.\n{}", "\n".repeat(500));
    let mut offences = Offences::new();
    check_text("x.rs", &many, false, &mut offences);
    assert_eq!(
        offences,
        Offences::from(["long-file x.rs: 501 lines".to_owned()])
    );
}

fn check_source(root: &Path, file: &Path, offences: &mut Offences) {
    let name = relative(root, file);
    let text = fs::read_to_string(file).unwrap();
    let base = file.file_name().and_then(|base| base.to_str()).unwrap();
    if EMPTY_NAMES.contains(&base) {
        offences.insert(format!("empty-name {name}"));
    }
    // This file names in strings what it looks for.
    if name != "tests/tidy.rs" {
        check_text(&name, &text, is_test(&name), offences);
    }
}

/// Files that hold nothing but tests: `tests.rs`, and all below a `tests` folder.
fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.starts_with("tests/") || name.contains("/tests/")
}

fn check_text(name: &str, text: &str, test: bool, offences: &mut Offences) {
    if !text.starts_with("//! ") {
        offences.insert(format!("no-purpose {name}"));
    }
    let lines = text.lines().count();
    if lines > FILE_LINES && !test {
        offences.insert(format!("long-file {name}: {lines} lines"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        if line.chars().count() > LINE_CHARS && !line.contains("://") {
            offences.insert(format!("long-line {name}:{number}"));
        }
        for word in ["TODO", "FIXME", "XXX"] {
            if mentions_without_issue(line, word) {
                offences.insert(format!("todo-without-issue {name}:{number}"));
            }
        }
        if line.trim_start().starts_with("#[ignore") || line.contains("#[should_panic") {
            offences.insert(format!("ignored-test {name}:{number}"));
        }
    }
    match syn::parse_file(text) {
        Ok(parsed) if !test => Functions { name, offences }.visit_file(&parsed),
        Ok(_) => {}
        Err(error) => {
            offences.insert(format!("unreadable {name}: {error}"));
        }
    }
}

fn mentions_without_issue(line: &str, word: &str) -> bool {
    line.find("//")
        .and_then(|comment| line.get(comment..))
        .and_then(|comment| comment.split_once(word))
        .is_some_and(|(_, rest)| !rest.starts_with("(#"))
}

/// Measures each function outside test modules.
struct Functions<'a> {
    name: &'a str,
    offences: &'a mut Offences,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let lines = body.brace_token.span.close().end().line - first + 1;
        if lines > FUNCTION_LINES {
            let entry = format!(
                "long-function {} {}: {lines} lines",
                self.name, signature.ident
            );
            self.offences.insert(entry);
        }
    }

    fn count_parameters(&mut self, signature: &syn::Signature) {
        let count = signature
            .inputs
            .iter()
            .filter(|input| matches!(input, syn::FnArg::Typed(_)))
            .count();
        if count > PARAMETERS {
            let entry = format!("many-parameters {} {}: {count}", self.name, signature.ident);
            self.offences.insert(entry);
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        self.count_parameters(&function.sig);
        visit::visit_item_fn(self, function);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        for member in &item.items {
            if let syn::ImplItem::Fn(function) = member {
                self.measure(&function.sig, &function.block);
                // A trait's own signature is not the implementor's choice.
                if item.trait_.is_none() {
                    self.count_parameters(&function.sig);
                }
            }
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.count_parameters(&function.sig);
        if let Some(body) = &function.default {
            self.measure(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

/// Each plugin is built alike, and depends on no other plugin and not on the server.
fn check_plugin(root: &Path, folder: &Path, offences: &mut Offences) {
    let name = relative(root, folder);
    for file in ["Cargo.toml", "README.md", "src/lib.rs"] {
        if !folder.join(file).is_file() {
            offences.insert(format!("missing-file {name}/{file}"));
        }
    }
    let readme = fs::read_to_string(folder.join("README.md")).unwrap_or_default();
    let sections: Vec<&str> = readme
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    if !readme.is_empty() && sections != README_SECTIONS {
        offences.insert(format!("readme-sections {name}/README.md"));
    }
    let plugins: BTreeSet<String> = plugin_folders(root).iter().filter_map(crate_name).collect();
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let dependencies = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1);
    for line in dependencies.take_while(|line| !line.starts_with('[')) {
        let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
        if plugins.contains(dependency) || dependency == "catena-server" {
            offences.insert(format!("plugin-dependency {name}: {dependency}"));
        }
    }
}

fn plugin_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(root.join("plugins"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").is_file())
        .collect();
    folders.sort();
    folders
}

#[expect(clippy::ptr_arg, reason = "passed to filter_map over paths")]
fn crate_name(folder: &PathBuf) -> Option<String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let mut lines = manifest.lines();
    let name = lines.find_map(|line| line.strip_prefix("name = \""))?;
    Some(name.trim_end_matches('"').to_owned())
}

fn listed_exceptions(root: &Path) -> Offences {
    fs::read_to_string(root.join("tests/tidy-exceptions.txt"))
        .unwrap()
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let skipped = SKIPPED.iter().any(|name| path.ends_with(name));
        if path.is_dir() && !skipped {
            files.extend(files_below(&path));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
