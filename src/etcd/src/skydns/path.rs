//! Keys and names: `/skydns/test/sky/www` is `www.sky.test`.

use std::fmt::Write;

use catena_dns::{Name, NameRef};

/// The part of all keys that stands for the root.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prefix(Box<str>);

impl Default for Prefix {
    fn default() -> Self {
        Prefix::new("skydns")
    }
}

impl Prefix {
    /// The prefix that `text` means: with one `/` in front of every part and none at the end.
    pub fn new(text: &str) -> Prefix {
        let mut parts = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        let with_slashes: String = parts.iter().flat_map(|part| ["/", part]).collect();
        Prefix(with_slashes.into())
    }

    /// The text; empty if keys begin with a label at once.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of `name`, in the letter case it has; `None` if no key can stand for it.
    pub fn key(&self, name: NameRef<'_>) -> Option<String> {
        let mut key = String::with_capacity(self.0.len() + name.wire().len());
        key.push_str(&self.0);
        for label in labels_from_right(name) {
            key.push('/');
            push_label(label, &mut key)?;
        }
        if key.is_empty() {
            key.push('/');
        }
        Some(key)
    }

    /// The name of `key`; `None` if it is none, or not under this prefix.
    pub fn name(&self, key: &str) -> Option<Name> {
        let rest = key.strip_prefix(&*self.0)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Some(Name::root());
        }
        let mut text = String::with_capacity(rest.len() + 1);
        for label in rest.strip_prefix('/')?.rsplit('/') {
            text.push_str(label);
            text.push('.');
        }
        Name::parse(&text, NameRef::ROOT).ok()
    }
}

fn labels_from_right(name: NameRef<'_>) -> impl Iterator<Item = &[u8]> {
    let labels: Vec<&[u8]> = name.labels().collect();
    labels.into_iter().rev()
}

/// Writes `label` as names are printed; one with a slash would reach other keys.
fn push_label(label: &[u8], key: &mut String) -> Option<()> {
    for octet in label {
        match octet {
            b'/' => return None,
            b'.' | b'(' | b')' | b';' | b' ' | b'@' | b'"' | b'\\' | b'\'' => {
                key.push('\\');
                key.push(char::from(*octet));
            }
            b'!'..=b'~' => key.push(char::from(*octet)),
            _ => write!(key, "\\{octet:03}").ok()?,
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use catena_dns::{Name, NameRef};

    use super::Prefix;

    fn key(prefix: &str, name: &str) -> Option<String> {
        let name = Name::parse(name, NameRef::ROOT).unwrap();
        Prefix::new(prefix).key(name.view())
    }

    #[test]
    fn names_and_keys_are_each_others_reverse() {
        for (name, expected) in [
            ("www.sky.test.", "/skydns/test/sky/www"),
            (".", "/skydns"),
            ("*.sky.test.", "/skydns/test/sky/*"),
            (r"a\.b.test.", r"/skydns/test/a\.b"),
            (r"a\000b.test.", r"/skydns/test/a\000b"),
        ] {
            assert_eq!(key("skydns", name).unwrap(), expected);
            let back = Prefix::default().name(expected).unwrap();
            assert_eq!(back.to_string(), name);
        }
    }

    #[test]
    fn prefix_may_be_written_in_many_ways() {
        for text in [
            "skydns",
            "/skydns",
            "/skydns/",
            "//skydns//.",
            "a/../skydns",
        ] {
            assert_eq!(key(text, "a.test.").unwrap(), "/skydns/test/a", "{text}");
        }
        assert_eq!(key("/a/b", "c.test.").unwrap(), "/a/b/test/c");
        assert_eq!(key("/", "c.test.").unwrap(), "/test/c");
        assert_eq!(
            Prefix::new("/a/b").name("/a/b/test/c").unwrap().to_string(),
            "c.test."
        );
    }

    #[test]
    fn label_with_a_slash_reaches_no_other_key() {
        assert_eq!(key("skydns", r"/\.\./x.test."), None);
        assert_eq!(Prefix::default().name("/skydnsx/test"), None);
        assert_eq!(Prefix::default().name("/other/test"), None);
        let deep = format!("/skydns{}", "/a".repeat(128));
        assert_eq!(Prefix::default().name(&deep), None);
        assert_eq!(Prefix::default().name("/skydns/test//a"), None);
    }
}
