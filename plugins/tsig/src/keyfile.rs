//! Files of keys in the form of BIND's `named.conf`, which `tsig-keygen` writes.

/// What is wrong with a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyFileError(String);

impl std::fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names and secrets of `text`, in order.
///
/// The semicolons may be left out, as CoreDNS has it. An `algorithm` is read and not minded: a
/// key signs with whichever the client uses.
pub(crate) fn read(text: &str) -> Result<Vec<(String, String)>, KeyFileError> {
    let mut tokens = Tokens(text);
    let mut keys: Vec<(String, String)> = Vec::new();
    while let Some(token) = tokens.next()? {
        match token {
            ";" => {}
            "key" => {
                let name = tokens.word("key name")?.to_owned();
                let secret = read_block(&mut tokens, &name)?;
                keys.push((name, secret));
            }
            other => return Err(unexpected(other)),
        }
    }
    Ok(keys)
}

fn read_block(tokens: &mut Tokens<'_>, name: &str) -> Result<String, KeyFileError> {
    let mut secret = None;
    match tokens.next()? {
        Some("{") => {}
        other => return Err(unexpected(other.unwrap_or("the end"))),
    }
    loop {
        match tokens.next()? {
            Some(";") => {}
            Some("algorithm") => drop(tokens.word("algorithm")?),
            Some("secret") => secret = Some(tokens.word("secret key")?.to_owned()),
            Some("}") => break,
            other => return Err(unexpected(other.unwrap_or("the end"))),
        }
    }
    secret.ok_or_else(|| KeyFileError(format!("expected secret for key {name:?}")))
}

fn unexpected(token: &str) -> KeyFileError {
    KeyFileError(format!("unexpected token {token:?}"))
}

/// What is left of a file: words, strings in quotes, braces and semicolons.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Result<Option<&'a str>, KeyFileError> {
        self.skip_blanks()?;
        let Some(first) = self.0.chars().next() else {
            return Ok(None);
        };
        match first {
            '{' | '}' | ';' => Ok(Some(self.take(1))),
            '"' => {
                self.take(1);
                let Some(end) = self.0.find('"') else {
                    return Err(KeyFileError("a quote is not closed".to_owned()));
                };
                let word = self.take(end);
                self.take(1);
                Ok(Some(word))
            }
            _ => {
                let is_end = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '"');
                let end = self.0.find(is_end).unwrap_or(self.0.len());
                Ok(Some(self.take(end)))
            }
        }
    }

    fn word(&mut self, what: &str) -> Result<&'a str, KeyFileError> {
        match self.next()? {
            Some(word) if !word.is_empty() && !matches!(word, "{" | "}" | ";") => Ok(word),
            _ => Err(KeyFileError(format!("expected {what}"))),
        }
    }

    /// Skips blanks and comments, of which BIND knows three kinds.
    fn skip_blanks(&mut self) -> Result<(), KeyFileError> {
        loop {
            self.0 = self.0.trim_start();
            if self.0.starts_with('#') || self.0.starts_with("//") {
                self.take(self.0.find('\n').unwrap_or(self.0.len()));
            } else if self.0.starts_with("/*") {
                let Some(end) = self.0.find("*/") else {
                    return Err(KeyFileError("a comment is not closed".to_owned()));
                };
                self.take(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn take(&mut self, count: usize) -> &'a str {
        let (taken, rest) = self.0.split_at_checked(count).unwrap_or((self.0, ""));
        self.0 = rest;
        taken
    }
}
