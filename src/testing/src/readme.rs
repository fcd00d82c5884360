//! What a plugin's README claims, to hold it against the truth.

use std::collections::BTreeSet;

/// The text of the section `title`, without its heading.
pub fn section<'r>(readme: &'r str, title: &str) -> Option<&'r str> {
    let heading = format!("\n## {title}\n");
    let start = readme.find(&heading)? + heading.len();
    let rest = readme.get(start..)?;
    Some(rest.split("\n## ").next().unwrap_or(rest))
}

/// The code blocks marked `language` and nothing else, each with the line it begins on.
pub fn code_blocks(readme: &str, language: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String, bool)> = None;
    for (number, line) in (1..).zip(readme.lines()) {
        let fence = line.starts_with("```") || line.starts_with("~~~");
        open = match open {
            None if fence => {
                let mark = line.trim_matches(['`', '~', ' ']);
                Some((number + 1, String::new(), mark == language))
            }
            Some((start, text, wanted)) if fence => {
                if wanted {
                    blocks.push((start, text));
                }
                None
            }
            Some((start, text, wanted)) => Some((start, text + line + "\n", wanted)),
            None => None,
        };
    }
    blocks
}

/// The Corefiles among the code blocks.
pub fn corefiles(readme: &str) -> Vec<(usize, String)> {
    code_blocks(readme, "corefile")
}

/// The properties that the section Syntax shows: the first words of the lines between braces.
///
/// Words in capitals and in brackets stand for something else and are left out.
pub fn properties(readme: &str) -> BTreeSet<String> {
    let syntax = section(readme, "Syntax").unwrap_or_default();
    let mut found = BTreeSet::new();
    for (_, code) in code_blocks(syntax, "txt") {
        let inside = code.split_once("{\n").map_or("", |(_, inside)| inside);
        for word in inside
            .lines()
            .filter_map(|line| line.split_whitespace().next())
        {
            if word.starts_with(|first: char| first.is_ascii_lowercase()) {
                found.insert(word.to_owned());
            }
        }
    }
    found
}

/// The words in backquotes that begin with one of `prefixes`, up to a brace.
pub fn quoted(text: &str, prefixes: &[&str]) -> BTreeSet<String> {
    let words = text.split('`').skip(1).step_by(2);
    let names = words.map(|word| word.split('{').next().unwrap_or(word));
    let wanted = names.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
    wanted.map(str::to_owned).collect()
}
