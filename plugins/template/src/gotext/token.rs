//! Splits a template into text and the tokens of its actions.

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Text between actions.
    Text(String),
    /// `{{`.
    Open,
    /// `}}`.
    Close,
    /// `|`.
    Pipe,
    /// `:=`.
    Declare,
    /// `=`.
    Assign,
    /// `,`.
    Comma,
    /// `(`.
    LeftParen,
    /// `)`.
    RightParen,
    /// `.` alone.
    Dot,
    /// `.Name`.
    Field(String),
    /// `$name`, or `$` alone.
    Variable(String),
    /// A word: keyword, function, `true`, `false`, `nil`.
    Word(String),
    /// A string or character constant, with its source.
    Quoted(String, String),
    /// A character constant.
    Character(char),
    /// A number as written.
    Number(String),
}

/// A token with its place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub token: Token,
    pub line: usize,
    /// Whether a blank stands before it.
    pub after_space: bool,
}

/// What is wrong, after the line in which it is.
pub(super) fn mistake(line: usize, what: impl std::fmt::Display) -> String {
    format!("{line}: {what}")
}

/// Splits `text`.
pub(super) fn tokens(text: &str) -> Result<Vec<Place>, String> {
    let mut lexer = Lexer {
        rest: text,
        line: 1,
        places: Vec::new(),
    };
    while !lexer.rest.is_empty() {
        lexer.text();
        lexer.action()?;
    }
    Ok(lexer.places)
}

struct Lexer<'t> {
    rest: &'t str,
    line: usize,
    places: Vec<Place>,
}

impl<'t> Lexer<'t> {
    fn push(&mut self, token: Token, after_space: bool) {
        self.places.push(Place {
            token,
            line: self.line,
            after_space,
        });
    }

    /// Takes `length` octets.
    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken
    }

    fn eat(&mut self, word: &str) -> bool {
        let is_next = self.rest.starts_with(word);
        if is_next {
            self.take(word.len());
        }
        is_next
    }

    fn eat_blanks(&mut self) -> bool {
        let blanks = self.rest.len() - self.rest.trim_start().len();
        self.take(blanks);
        blanks > 0
    }

    /// Text up to the next action; a `-` in the action's marks trims it.
    fn text(&mut self) {
        let end = self.rest.find("{{").unwrap_or(self.rest.len());
        let mut text = self.take(end);
        let after = self.rest.strip_prefix("{{-").unwrap_or("");
        if after.starts_with(|c: char| c.is_whitespace()) {
            text = text.trim_end();
        }
        if !text.is_empty() {
            self.push(Token::Text(text.to_owned()), false);
        }
    }

    fn action(&mut self) -> Result<(), String> {
        if !self.eat("{{") {
            return Ok(());
        }
        if self.rest.starts_with('-') && self.rest[1..].starts_with(char::is_whitespace) {
            self.take(1);
        }
        if self.rest.trim_start().starts_with("/*") {
            return self.comment();
        }
        self.push(Token::Open, false);
        let mut depth = 0usize;
        loop {
            let after_space = self.eat_blanks();
            if self.close(after_space) {
                return match depth {
                    0 => Ok(()),
                    _ => Err(mistake(self.line, "unclosed left paren")),
                };
            }
            let token = self.token()?;
            match token {
                Token::LeftParen => depth += 1,
                Token::RightParen if depth == 0 => {
                    return Err(mistake(self.line, "unexpected right paren"));
                }
                Token::RightParen => depth -= 1,
                _ => {}
            }
            self.push(token, after_space);
        }
    }

    /// Ends the action if its end is next.
    fn close(&mut self, after_space: bool) -> bool {
        let trims = after_space && self.eat("-}}");
        if !trims && !self.eat("}}") {
            return false;
        }
        self.push(Token::Close, after_space);
        if trims {
            self.eat_blanks();
        }
        true
    }

    fn comment(&mut self) -> Result<(), String> {
        let Some(end) = self.rest.find("*/") else {
            return Err(mistake(self.line, "unclosed comment"));
        };
        self.take(end + 2);
        let trims = self.eat_blanks() && self.eat("-}}");
        if trims {
            self.eat_blanks();
        } else if !self.eat("}}") {
            return Err(mistake(self.line, "comment ends before closing delimiter"));
        }
        Ok(())
    }

    fn token(&mut self) -> Result<Token, String> {
        let Some(first) = self.rest.chars().next() else {
            return Err(mistake(self.line, "unclosed action"));
        };
        for (word, token) in [
            (":=", Token::Declare),
            ("=", Token::Assign),
            ("|", Token::Pipe),
            (",", Token::Comma),
            ("(", Token::LeftParen),
            (")", Token::RightParen),
        ] {
            if self.eat(word) {
                return Ok(token);
            }
        }
        match first {
            '"' | '`' | '\'' => self.quoted(first),
            '$' => {
                self.take(1);
                Ok(Token::Variable(self.word().to_owned()))
            }
            '.' if !self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                self.take(1);
                Ok(match self.word() {
                    "" => Token::Dot,
                    word => Token::Field(word.to_owned()),
                })
            }
            '+' | '-' | '.' | '0'..='9' => Ok(Token::Number(self.number())),
            _ if first == '_' || first.is_alphabetic() => Ok(Token::Word(self.word().to_owned())),
            _ => {
                let what = format!("unexpected {first:?} in command");
                Err(mistake(self.line, what))
            }
        }
    }

    fn word(&mut self) -> &'t str {
        let is_other = |c: char| c != '_' && !c.is_alphanumeric();
        let end = self.rest.find(is_other).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn number(&mut self) -> String {
        let mut end = 1;
        for (before, c) in self.rest.chars().zip(self.rest.chars().skip(1)) {
            let is_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E' | 'p' | 'P');
            if !is_sign && c != '.' && c != '_' && !c.is_alphanumeric() {
                break;
            }
            end += c.len_utf8();
        }
        self.take(end).to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<Token, String> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped && quote != '`';
            ends
        });
        let Some((end, _)) = end else {
            let what = match quote {
                '\'' => "unterminated character constant",
                '`' => "unterminated raw quoted string",
                _ => "unterminated quoted string",
            };
            return Err(mistake(self.line, what));
        };
        let line = self.line;
        let source = self.take(end + 1);
        let inner = source.get(1..end).unwrap_or_default();
        let text = match quote {
            '`' => Some(inner.to_owned()),
            _ => unescape(inner),
        };
        let bad = || mistake(line, format_args!("invalid syntax: {source}"));
        let text = text.ok_or_else(bad)?;
        if quote != '\'' {
            return Ok(Token::Quoted(text, source.to_owned()));
        }
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(Token::Character(character)),
            _ => Err(bad()),
        }
    }
}

/// Resolves the escapes of a Go string.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let code = |digits: &str, radix| char::from_u32(u32::from_str_radix(digits, radix).ok()?);
        let mut next = |count| rest.by_ref().take(count).collect::<String>();
        out.push(match next(1).chars().next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            'x' => code(&next(2), 16)?,
            'u' => code(&next(4), 16)?,
            'U' => code(&next(8), 16)?,
            digit @ '0'..='7' => code(&format!("{digit}{}", next(2)), 8)?,
            same @ ('\\' | '"' | '\'') => same,
            _ => return None,
        });
    }
    Some(out)
}
