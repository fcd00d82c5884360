//! Label selectors, as Kubernetes writes them; checked here, applied by the API server.

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadSelector(pub String);

/// Checks `text`; CoreDNS takes `=`, `==`, `in`, `notin`, existence and its opposite.
pub(crate) fn check(text: &str) -> Result<(), BadSelector> {
    let mut words = Words { rest: text };
    loop {
        requirement(&mut words)?;
        match words.next() {
            Word::End => return Ok(()),
            Word::Comma => {}
            word => return Err(word.found("',' or 'end of string'")),
        }
    }
}

fn requirement(words: &mut Words<'_>) -> Result<(), BadSelector> {
    let mut word = words.next();
    let is_absence = word == Word::Not;
    if is_absence {
        word = words.next();
    }
    match word {
        Word::Text(key) => check_key(key)?,
        Word::End if !is_absence => return Ok(()),
        word => return Err(word.found("!, identifier, or 'end of string'")),
    }
    let mut ahead = words.clone();
    let operator = ahead.next();
    match operator {
        Word::End | Word::Comma => return Ok(()),
        _ if is_absence => return Err(operator.found("',' or 'end of string'")),
        _ => *words = ahead,
    }
    match operator {
        Word::Equals => value(words),
        Word::Text("in" | "notin") => set(words),
        Word::NotEquals => Err(BadSelector(
            "\"!=\" is not a valid label selector operator".to_owned(),
        )),
        word => Err(word.found("in, notin, =, ==")),
    }
}

fn value(words: &mut Words<'_>) -> Result<(), BadSelector> {
    let mut ahead = words.clone();
    match ahead.next() {
        Word::Text(text) => {
            *words = ahead;
            check_value(text)
        }
        Word::End | Word::Comma => Ok(()),
        word => Err(word.found("identifier")),
    }
}

fn set(words: &mut Words<'_>) -> Result<(), BadSelector> {
    match words.next() {
        Word::Open => {}
        word => {
            let BadSelector(text) = word.found("'('");
            return Err(BadSelector(format!("unable to parse requirement: {text}")));
        }
    }
    loop {
        match words.next() {
            Word::Text(text) => {
                check_value(text)?;
                match words.next() {
                    Word::Comma => {}
                    Word::Close => return Ok(()),
                    word => return Err(word.found("',' or ')'")),
                }
            }
            Word::Comma => {}
            Word::Close => return Ok(()),
            word => return Err(word.found("',', ')' or identifier")),
        }
    }
}

fn check_key(key: &str) -> Result<(), BadSelector> {
    let (prefix, name) = match key.rsplit_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let is_prefix = |prefix: &str| {
        let is_label = |label: &str| is_word(label) && !label.contains(['_', '.']);
        !prefix.is_empty() && prefix.len() <= 253 && prefix.split('.').all(is_label)
    };
    match is_word(name) && prefix.is_none_or(is_prefix) {
        true => Ok(()),
        false => Err(BadSelector(format!("invalid label key {key:?}"))),
    }
}

fn check_value(value: &str) -> Result<(), BadSelector> {
    match value.is_empty() || is_word(value) {
        true => Ok(()),
        false => Err(BadSelector(format!("invalid label value {value:?}"))),
    }
}

/// Up to 63 letters, digits, `-`, `_` and `.`, of which the last three do not stand at the ends.
fn is_word(text: &str) -> bool {
    let ends = [text.chars().next(), text.chars().last()];
    let is_end = |end: Option<char>| end.is_some_and(|end| end.is_ascii_alphanumeric());
    let is_inner = |inner: char| inner.is_ascii_alphanumeric() || "-_.".contains(inner);
    text.len() <= 63 && ends.into_iter().all(is_end) && text.chars().all(is_inner)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word<'a> {
    Text(&'a str),
    Equals,
    NotEquals,
    Not,
    Comma,
    Open,
    Close,
    Other(&'a str),
    End,
}

impl Word<'_> {
    fn found(self, expected: &str) -> BadSelector {
        let text = match self {
            Word::Text(text) | Word::Other(text) => text,
            Word::Equals => "=",
            Word::NotEquals => "!=",
            Word::Not => "!",
            Word::Comma => ",",
            Word::Open => "(",
            Word::Close => ")",
            Word::End => "",
        };
        BadSelector(format!("found '{text}', expected: {expected}"))
    }
}

#[derive(Clone)]
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Word<'a> {
        self.rest = self.rest.trim_start();
        let marks = [
            ("==", Word::Equals),
            ("=", Word::Equals),
            ("!=", Word::NotEquals),
            ("!", Word::Not),
            (",", Word::Comma),
            ("(", Word::Open),
            (")", Word::Close),
        ];
        for (mark, word) in marks {
            if let Some(rest) = self.rest.strip_prefix(mark) {
                self.rest = rest;
                return word;
            }
        }
        let is_mark = |letter: char| letter.is_whitespace() || "=!,()<>".contains(letter);
        let end = self.rest.find(is_mark).unwrap_or(self.rest.len());
        if end == 0 {
            let length = self.rest.chars().next().map_or(0, char::len_utf8);
            let (word, rest) = self.rest.split_at(length);
            self.rest = rest;
            return match word {
                "" => Word::End,
                word => Word::Other(word),
            };
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Word::Text(word)
    }
}

#[cfg(test)]
mod tests {
    use super::{BadSelector, check};

    #[test]
    fn selectors_are_told_from_others() {
        for good in [
            "",
            "a",
            "!a",
            "a=b",
            "a == b,c",
            "example.org/team=x",
            "environment in (production, qa), application",
            "a notin (b)",
            "a=",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, part) in [
            ("=broken=", "found '=', expected: !, identifier"),
            ("a in b", "found 'b', expected: '('"),
            ("a!=b", "\"!=\" is not a valid label selector operator"),
            ("a b", "found 'b'"),
            ("a=b c", "found 'c'"),
            ("-a", "invalid label key"),
            ("a=b/c", "invalid label value"),
            ("a > 1", "found '>'"),
            ("a in (b", "found ''"),
        ] {
            let Err(BadSelector(error)) = check(bad) else {
                unreachable!("{bad} is taken")
            };
            assert!(error.contains(part), "{bad}: {error}");
        }
    }
}
