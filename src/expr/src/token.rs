//! Splits an expression into tokens.

use crate::CompileError;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Name(String),
    Int(i64),
    Float(f64),
    Text(String),
    /// An operator, a bracket or another sign.
    Sign(&'static str),
    End,
}

/// A token and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub token: Token,
    pub at: usize,
}

/// Longer signs stand before those they begin with.
const SIGNS: [&str; 34] = [
    "**", "==", "!=", "<=", ">=", "&&", "||", "..", "??", "?.", "::", "+", "-", "*", "/", "%", "^",
    "<", ">", "!", "?", ":", ",", ".", "|", "#", "=", ";", "(", ")", "[", "]", "{", "}",
];

/// Words that are part of the language.
const KEYWORDS: [&str; 14] = [
    "true",
    "false",
    "nil",
    "let",
    "if",
    "else",
    "and",
    "or",
    "not",
    "in",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
];

pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// What is wrong at `at`.
pub(crate) fn mistake(at: usize, what: impl Into<String>) -> CompileError {
    CompileError {
        what: what.into(),
        column: at + 1,
    }
}

/// Splits `text`; the last token is [`Token::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Place>, CompileError> {
    let mut places = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        rest = match comment(rest) {
            Some(after) => {
                rest = after;
                continue;
            }
            None => rest,
        };
        let Some(first) = rest.chars().next() else {
            places.push(Place {
                token: Token::End,
                at,
            });
            return Ok(places);
        };
        let (token, length) = match first {
            '\'' | '"' | '`' => quoted(rest, first).ok_or_else(|| mistake(at, "bad string"))?,
            '0'..='9' => number(rest).ok_or_else(|| mistake(at, "bad number syntax"))?,
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                number(rest).ok_or_else(|| mistake(at, "bad number syntax"))?
            }
            _ if first == '_' || first == '$' || first.is_alphabetic() => {
                let is_other = |c: char| c != '_' && c != '$' && !c.is_alphanumeric();
                let length = rest.find(is_other).unwrap_or(rest.len());
                (Token::Name(rest[..length].to_owned()), length)
            }
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => {
                    let what = format!(
                        "unrecognized character: U+{:04X} {first:?}",
                        u32::from(first)
                    );
                    return Err(mistake(at, what));
                }
            },
        };
        places.push(Place { token, at });
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// What follows the comment at the front of `rest`.
fn comment(rest: &str) -> Option<&str> {
    if let Some(inner) = rest.strip_prefix("/*") {
        return Some(inner.split_once("*/").map_or("", |(_, after)| after));
    }
    let line = rest.strip_prefix("//")?;
    Some(line.split_once('\n').map_or("", |(_, after)| after))
}

fn quoted(rest: &str, quote: char) -> Option<(Token, usize)> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == quote {
            return Some((Token::Text(text), at + 1));
        }
        if c != '\\' || quote == '`' {
            text.push(c);
            continue;
        }
        let (_, escaped) = characters.next()?;
        let mut code = |length: usize| {
            let digits: String = characters.by_ref().take(length).map(|(_, c)| c).collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
        };
        text.push(match escaped {
            'x' => code(2)?,
            'u' => code(4)?,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            same @ ('\\' | '\'' | '"' | '`') => same,
            _ => return None,
        });
    }
    None
}

fn number(rest: &str) -> Option<(Token, usize)> {
    let mut length = 0;
    let mut before = '0';
    for (at, c) in rest.char_indices() {
        let is_sign =
            matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !rest.starts_with("0x");
        // Two dots make a range.
        let is_point = c == '.' && !rest[at..].starts_with("..");
        if !is_sign && !is_point && c != '_' && !c.is_alphanumeric() {
            break;
        }
        before = c;
        length = at + c.len_utf8();
    }
    let text = rest.get(..length)?.replace('_', "").to_lowercase();
    let based = |digits: &str, radix| i64::from_str_radix(digits, radix).ok();
    let token = match text.get(..2) {
        Some("0x") => Token::Int(based(&text[2..], 16)?),
        Some("0b") => Token::Int(based(&text[2..], 2)?),
        Some("0o") => Token::Int(based(&text[2..], 8)?),
        _ if text.contains(['.', 'e']) => Token::Float(text.parse().ok()?),
        _ => Token::Int(text.parse().ok()?),
    };
    Some((token, length))
}
