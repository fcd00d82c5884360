//! Hosts as objects and name tables write them.

use std::fmt;

use catena_dns::{Name, NameRef};

/// A host: one name, or all names below one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostName {
    /// One name, in lower case.
    Exact(Name),
    /// `*.NAME`: all names below this one, in lower case; not the name itself.
    Below(Name),
}

impl HostName {
    /// Reads a host, with or without a dot at its end.
    ///
    /// A `*` stands for labels only where it is the whole first label and something follows;
    /// elsewhere it is an octet like others. `None` for what is no name.
    pub fn parse(text: &str) -> Option<HostName> {
        let text = text.strip_suffix('.').unwrap_or(text);
        match text.strip_prefix("*.") {
            Some(rest) => Some(HostName::Below(name(rest)?)),
            None if text == "*" => None,
            None => Some(HostName::Exact(name(text)?)),
        }
    }

    /// The name, or the one that all names are below of.
    pub fn name(&self) -> NameRef<'_> {
        match self {
            HostName::Exact(name) | HostName::Below(name) => name.view(),
        }
    }

    /// A key to sort hosts by.
    pub(crate) fn order(&self) -> (bool, &[u8]) {
        (self.is_wildcard(), self.name().wire())
    }

    /// Whether it stands for many names.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, HostName::Below(_))
    }

    /// Whether all names of this host are names of `other`.
    pub fn is_part_of(&self, other: &HostName) -> bool {
        match (self, other) {
            (HostName::Exact(name), HostName::Exact(other)) => name == other,
            (HostName::Below(_), HostName::Exact(_)) => false,
            (HostName::Exact(name), HostName::Below(zone)) => {
                name != zone && name.view().is_within(zone.view())
            }
            (HostName::Below(name), HostName::Below(zone)) => name.view().is_within(zone.view()),
        }
    }
}

fn name(text: &str) -> Option<Name> {
    let labels = text.split('.').map(str::as_bytes);
    let is_name = labels.clone().all(|label| !label.is_empty());
    let name = is_name.then(|| Name::from_labels(labels, NameRef::ROOT))?;
    name.ok().map(|name| name.view().to_lower())
}

impl fmt::Display for HostName {
    /// Without a dot at the end, as objects write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_wildcard() {
            f.write_str("*.")?;
        }
        let text = self.name().to_string();
        f.write_str(text.strip_suffix('.').unwrap_or(&text))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::HostName;

    fn host(text: &str) -> HostName {
        HostName::parse(text).unwrap()
    }

    #[test]
    fn only_a_whole_first_label_is_a_wildcard() {
        assert!(host("*.Example.COM").is_wildcard());
        assert_eq!(host("*.Example.COM.").to_string(), "*.example.com");
        assert!(!host("*-api.example.com").is_wildcard());
        assert!(!host("a.*.example.com").is_wildcard());
        for text in ["", "*", "*.", "a..b", ".a"] {
            assert_eq!(HostName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_wildcard_has_the_names_below_it_and_wildcards_below_and_of_itself() {
        let all = host("*.example.com");
        assert!(host("a.b.example.com").is_part_of(&all));
        assert!(host("*.b.example.com").is_part_of(&all));
        assert!(all.is_part_of(&all));
        assert!(!host("example.com").is_part_of(&all));
        assert!(!all.is_part_of(&host("a.example.com")));
        assert!(!host("badexample.com").is_part_of(&all));
    }
}
