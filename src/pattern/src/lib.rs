//! Regular expressions as Go reads them (RE2 syntax), run by the crate `regex`.
//!
//! The two differ in little: what stands in brackets, braces that repeat nothing, quoting with
//! `\Q`, and some escapes. [`compile`] rewrites these.

use regex::{Regex, RegexBuilder};

/// The longest expression, as CoreDNS has it.
pub const LENGTH_MAX: usize = 10_000;
/// Octets that a compiled expression may take.
const SIZE_MAX: usize = 4 << 20;

/// Why a text is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// More than [`LENGTH_MAX`] octets.
    #[error("regex pattern too long: {0} > {LENGTH_MAX}")]
    TooLong(usize),
    /// What is wrong, in words near those of Go.
    #[error("error parsing regexp: {0}")]
    Syntax(String),
}

/// Compiles `text` as Go would.
pub fn compile(text: &str) -> Result<Regex, PatternError> {
    if text.len() > LENGTH_MAX {
        return Err(PatternError::TooLong(text.len()));
    }
    let syntax = |what: &str| PatternError::Syntax(format!("{what}: `{text}`"));
    let translated = translate(text).map_err(syntax)?;
    let built = RegexBuilder::new(&translated).size_limit(SIZE_MAX).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => syntax("expression too large"),
        other => syntax(&reason(&other.to_string())),
    })
}

/// The last line of an error of `regex`, in Go's words where they are known.
fn reason(error: &str) -> String {
    let line = error.lines().last().unwrap_or(error);
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let go = match line {
        "unclosed group" => "missing closing )",
        "unopened group" => "unexpected )",
        "unclosed character class" => "missing closing ]",
        "repetition operator missing expression" => "missing argument to repetition operator",
        "incomplete escape sequence, reached end of pattern prematurely" => {
            "trailing backslash at end of expression"
        }
        other => other,
    };
    go.to_owned()
}

/// Writes `text` so that `regex` reads it as Go would.
fn translate(text: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    // Whether what stands before can be repeated, and whether it is a repetition itself.
    let mut repeats = false;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let was_repeat = std::mem::take(&mut repeats);
        rest = match c {
            '\\' => escape(after, &mut out)?,
            '[' => class(after, &mut out)?,
            '{' => match repetition_end(rest) {
                Some(_) if was_repeat => return Err("invalid nested repetition operator"),
                Some(end) => {
                    repeats = true;
                    let (braces, after) = rest.split_at(end);
                    out.push_str(braces);
                    lazy(after, &mut out)
                }
                None => {
                    out.push_str("\\{");
                    after
                }
            },
            '}' => {
                out.push_str("\\}");
                after
            }
            '*' | '+' | '?' if was_repeat => return Err("invalid nested repetition operator"),
            '*' | '+' | '?' => {
                repeats = true;
                out.push(c);
                lazy(after, &mut out)
            }
            '(' if after.starts_with('?') => {
                out.push_str("(?");
                after.get(1..).unwrap_or_default()
            }
            other => {
                out.push(other);
                after
            }
        };
    }
    Ok(out)
}

/// Copies the `?` that makes a repetition take as little as it can.
fn lazy<'t>(rest: &'t str, out: &mut String) -> &'t str {
    match rest.strip_prefix('?') {
        Some(after) => {
            out.push('?');
            after
        }
        None => rest,
    }
}

/// Where `{2}`, `{2,}` or `{2,3}` ends; `None` if the brace stands for itself.
fn repetition_end(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let (low, high) = match text.get(1..end)?.split_once(',') {
        Some((low, high)) => (low, high),
        None => (text.get(1..end)?, ""),
    };
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    (!low.is_empty() && digits(low) && digits(high)).then_some(end + 1)
}

/// Writes what a backslash and `after` say; returns what follows.
fn escape<'t>(after: &'t str, out: &mut String) -> Result<&'t str, &'static str> {
    let Some(c) = after.chars().next() else {
        return Err("trailing backslash at end of expression");
    };
    let rest = after.get(c.len_utf8()..).unwrap_or_default();
    if c == 'Q' {
        let (quoted, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
        out.push_str(&regex::escape(quoted));
        return Ok(rest);
    }
    match c {
        '0'..='7' => {
            let digits = after
                .bytes()
                .take(3)
                .take_while(|d| (b'0'..=b'7').contains(d));
            let (digits, rest) = after.split_at(digits.count());
            // A digit alone would be a back-reference, which there is none of.
            if digits.len() == 1 && c != '0' {
                return Err("invalid escape sequence");
            }
            let code = u32::from_str_radix(digits, 8).unwrap_or(0);
            out.push_str(&format!("\\x{{{code:x}}}"));
            return Ok(rest);
        }
        'A' | 'b' | 'B' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'z' | 'a' | 'f' | 'n' | 'r' | 't'
        | 'v' | 'x' | 'p' | 'P' => {
            out.push('\\');
            out.push(c);
        }
        _ if c.is_alphanumeric() => return Err("invalid escape sequence"),
        literal => out.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4]))),
    }
    Ok(rest)
}

/// Writes the class whose bracket stands before `after`; returns what follows.
fn class<'t>(after: &'t str, out: &mut String) -> Result<&'t str, &'static str> {
    let mut rest = after;
    out.push('[');
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let (mut is_first, mut was_range) = (true, false);
    loop {
        let Some(c) = rest.chars().next() else {
            return Err("missing closing ]");
        };
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            ']' if !is_first => {
                out.push(']');
                return Ok(after);
            }
            '\\' => escape(after, out)?,
            '[' if after.starts_with(':') => match after.find(":]") {
                Some(end) => {
                    let (name, after) = rest.split_at(end + 3);
                    out.push_str(name);
                    after
                }
                None => {
                    out.push_str("\\[");
                    after
                }
            },
            // Nesting, differences and the like, which Go has not.
            '[' | ']' | '&' | '~' => {
                out.push('\\');
                out.push(c);
                after
            }
            // Two of them would be a difference of classes.
            '-' if is_first || was_range => {
                out.push_str("\\-");
                after
            }
            other => {
                out.push(other);
                after
            }
        };
        was_range = c == '-' && !is_first && !was_range;
        is_first = false;
    }
}

#[cfg(test)]
mod tests;
