//! How a name is matched, and what a rule makes of it.

use regex::Regex;

/// A way to match a name, which is given as text in lower case with its final dot.
#[derive(Debug)]
pub(crate) enum Matcher {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Substring(String),
    Pattern(Regex),
}

impl Matcher {
    pub(crate) fn is_match(&self, name: &str) -> bool {
        match self {
            Matcher::Exact(whole) => name == whole,
            Matcher::Prefix(start) => name.starts_with(start),
            Matcher::Suffix(end) => name.ends_with(end),
            Matcher::Substring(part) => name.contains(part),
            Matcher::Pattern(regex) => regex.is_match(name),
        }
    }

    /// The name with `to` in place of what matches; `None` if nothing does.
    pub(crate) fn replace(&self, name: &str, to: &str) -> Option<String> {
        match self {
            Matcher::Exact(whole) => (name == whole).then(|| to.to_owned()),
            Matcher::Prefix(start) => name
                .strip_prefix(&**start)
                .map(|rest| format!("{to}{rest}")),
            Matcher::Suffix(end) => name.strip_suffix(&**end).map(|rest| format!("{rest}{to}")),
            Matcher::Substring(part) => name.contains(part).then(|| name.replace(part, to)),
            Matcher::Pattern(regex) => expand(regex, name, to),
        }
    }
}

/// `to` with `{0}`, `{1}` and so on replaced by what the groups match in `name`.
pub(crate) fn expand(regex: &Regex, name: &str, to: &str) -> Option<String> {
    // Most names do not match, and that alone costs no allocation.
    if !regex.is_match(name) {
        return None;
    }
    let groups = regex.captures(name)?;
    let mut text = to.to_owned();
    for (number, group) in groups.iter().enumerate() {
        let mark = format!("{{{number}}}");
        if text.contains(&mark) {
            text = text.replace(&mark, group.map_or("", |group| group.as_str()));
        }
    }
    Some(text)
}

/// `name` in lower case with a final dot.
pub(crate) fn normal(name: &str) -> String {
    let mut name = name.to_ascii_lowercase();
    let before = name.strip_suffix('.');
    let escapes = before.map(|before| before.len() - before.trim_end_matches('\\').len());
    if escapes.is_none_or(|count| count % 2 == 1) {
        name.push('.');
    }
    name
}
