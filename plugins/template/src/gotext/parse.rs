//! Reads a template.

use super::functions::Function;
use super::node::{Branch, Node, Operand, Pipe};
use super::token::{Place, Token, mistake, tokens};

/// Actions inside each other, at most.
const DEPTH_MAX: usize = 32;

/// Reads `text`; the error begins with the line.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    let places = tokens(text)?;
    let mut parser = Parser {
        rest: &places,
        line: 1,
        variables: vec![String::new()],
        loops: 0,
        depth: 0,
    };
    let (nodes, end) = parser.list()?;
    match end {
        End::Text => Ok(nodes),
        End::Closed => Err(parser.mistake("unexpected {{end}}")),
        End::Else => Err(parser.mistake("unexpected {{else}}")),
    }
}

/// What ends a list of nodes.
#[derive(PartialEq, Eq)]
enum End {
    Text,
    Closed,
    /// The tokens after the word are not read.
    Else,
}

struct Parser<'p> {
    rest: &'p [Place],
    line: usize,
    /// The variables that are in force; the empty name is `$`.
    variables: Vec<String>,
    loops: usize,
    depth: usize,
}

impl<'p> Parser<'p> {
    fn mistake(&self, what: impl std::fmt::Display) -> String {
        mistake(self.line, what)
    }

    fn peek(&self) -> Option<&'p Token> {
        self.rest.first().map(|place| &place.token)
    }

    fn next(&mut self) -> Option<&'p Token> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.line = first.line;
        Some(&first.token)
    }

    fn eat(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        if is_next {
            self.next();
        }
        is_next
    }

    fn close(&mut self, context: &str) -> Result<(), String> {
        match self.next() {
            Some(Token::Close) => Ok(()),
            token => Err(self.unexpected(token, context)),
        }
    }

    fn unexpected(&self, token: Option<&Token>, context: &str) -> String {
        let what = match token {
            None => return self.mistake("unexpected EOF"),
            Some(Token::Close) => "\"}}\"".to_owned(),
            Some(Token::Word(word) | Token::Number(word)) => format!("<{word}>"),
            Some(Token::Field(word)) => format!("<.{word}>"),
            Some(Token::Variable(word)) => format!("<${word}>"),
            Some(Token::Quoted(_, source)) => source.clone(),
            Some(other) => format!("{other:?}"),
        };
        self.mistake(format_args!("unexpected {what} in {context}"))
    }

    /// Nodes up to `{{end}}`, `{{else` or the end of the text.
    fn list(&mut self) -> Result<(Vec<Node>, End), String> {
        let mut nodes = Vec::new();
        loop {
            match self.next() {
                None => return Ok((nodes, End::Text)),
                Some(Token::Text(text)) => nodes.push(Node::Text(text.clone())),
                Some(_) => match self.peek() {
                    Some(Token::Word(word)) if word == "end" => {
                        self.next();
                        self.close("end")?;
                        return Ok((nodes, End::Closed));
                    }
                    Some(Token::Word(word)) if word == "else" => {
                        self.next();
                        return Ok((nodes, End::Else));
                    }
                    _ => nodes.push(self.action()?),
                },
            }
        }
    }

    fn action(&mut self) -> Result<Node, String> {
        let word = match self.peek() {
            Some(Token::Word(word)) => word.as_str(),
            _ => "",
        };
        match word {
            "if" | "range" | "with" => {
                self.next();
                self.control(word)
            }
            "break" | "continue" => {
                self.next();
                self.close(word)?;
                if self.loops == 0 {
                    return Err(self.mistake(format_args!("{{{{{word}}}}} outside {{{{range}}}}")));
                }
                Ok(if word == "break" {
                    Node::Break
                } else {
                    Node::Continue
                })
            }
            "define" | "template" | "block" => {
                let what = format!("{{{{{word}}}}} is not supported: write the text out");
                Err(self.mistake(what))
            }
            _ => {
                let pipe = self.pipe("command", &Token::Close)?;
                Ok(Node::Action(pipe))
            }
        }
    }

    /// `if`, `range` or `with`, up to its `{{end}}`.
    fn control(&mut self, word: &str) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.mistake("too deeply nested"));
        }
        let known = self.variables.len();
        let pipe = self.pipe(word, &Token::Close)?;
        self.loops += usize::from(word == "range");
        let (then, end) = self.list()?;
        self.loops -= usize::from(word == "range");
        let otherwise = match end {
            End::Text => return Err(self.mistake("unexpected EOF")),
            End::Closed => Vec::new(),
            End::Else => self.otherwise(word)?,
        };
        self.variables.truncate(known);
        self.depth -= 1;
        let branch = Branch {
            pipe,
            then,
            otherwise,
        };
        Ok(match word {
            "if" => Node::If(branch),
            "range" => Node::Range(branch),
            _ => Node::With(branch),
        })
    }

    /// What follows `{{else`: `if` or `with` again, or a list.
    fn otherwise(&mut self, word: &str) -> Result<Vec<Node>, String> {
        if word != "range" && self.eat(&Token::Word(word.to_owned())) {
            return Ok(vec![self.control(word)?]);
        }
        self.close("else")?;
        let (nodes, end) = self.list()?;
        match end {
            End::Closed => Ok(nodes),
            End::Else => Err(self.mistake("expected end; found {{else}}")),
            End::Text => Err(self.mistake("unexpected EOF")),
        }
    }

    /// A pipeline and the token that ends it.
    fn pipe(&mut self, context: &str, end: &Token) -> Result<Pipe, String> {
        let mut pipe = self.variables(context)?;
        loop {
            let command = self.command(context, end)?;
            if !pipe.commands.is_empty()
                && matches!(command.first(), Some(first) if is_constant(first))
            {
                let stage = pipe.commands.len() + 1;
                let what = "non executable command in pipeline stage";
                return Err(self.mistake(format_args!("{what} {stage}")));
            }
            pipe.commands.push(command);
            if self.eat(end) {
                break;
            }
            if !self.eat(&Token::Pipe) {
                let token = self.next();
                return Err(self.unexpected(token, context));
            }
        }
        Ok(pipe)
    }

    /// The variables that a pipeline sets.
    fn variables(&mut self, context: &str) -> Result<Pipe, String> {
        let mut pipe = Pipe::default();
        let is_set = match self.rest {
            [first, second, third, fourth, ..] if context == "range" => {
                matches!(first.token, Token::Variable(_))
                    && (is_setting(&second.token)
                        || second.token == Token::Comma
                            && matches!(third.token, Token::Variable(_))
                            && is_setting(&fourth.token))
            }
            [first, second, ..] => {
                matches!(first.token, Token::Variable(_)) && is_setting(&second.token)
            }
            _ => false,
        };
        if !is_set {
            return Ok(pipe);
        }
        loop {
            match self.next() {
                Some(Token::Variable(name)) => pipe.variables.push(name.clone()),
                Some(Token::Comma) => {}
                token => {
                    pipe.declares = token == Some(&Token::Declare);
                    break;
                }
            }
        }
        for name in &pipe.variables {
            if pipe.declares {
                self.variables.push(name.clone());
            } else {
                self.check_variable(name)?;
            }
        }
        Ok(pipe)
    }

    fn check_variable(&self, name: &String) -> Result<(), String> {
        match self.variables.contains(name) {
            true => Ok(()),
            false => Err(self.mistake(format_args!("undefined variable \"${name}\""))),
        }
    }

    fn command(&mut self, context: &str, end: &Token) -> Result<Vec<Operand>, String> {
        let mut operands = Vec::new();
        while let Some(token) = self.peek() {
            if token == end || *token == Token::Pipe {
                break;
            }
            let after_space = self.rest.first().is_some_and(|place| place.after_space);
            if !operands.is_empty() && !after_space {
                return Err(self.unexpected(Some(token), "operand"));
            }
            operands.push(self.operand(context)?);
        }
        match operands.as_slice() {
            [] => Err(self.mistake(format_args!("missing value for {context}"))),
            [Operand::Nil] => Err(self.mistake("nil is not a command")),
            [first, _, ..] if is_constant(first) => {
                let what = format!("can't give argument to non-function {first}");
                Err(self.mistake(what))
            }
            _ => Ok(operands),
        }
    }

    fn operand(&mut self, context: &str) -> Result<Operand, String> {
        let token = self.next();
        let operand = match token {
            Some(Token::Dot) => Operand::Dot,
            Some(Token::Field(name)) => Operand::Fields(vec![name.clone()]),
            Some(Token::Variable(name)) => {
                self.check_variable(name)?;
                Operand::Variable(name.clone(), Vec::new())
            }
            Some(Token::Quoted(text, source)) => Operand::Text(text.clone(), source.clone()),
            Some(Token::Character(c)) => Operand::Int(i64::from(u32::from(*c))),
            Some(Token::Number(text)) => number(text)
                .ok_or_else(|| self.mistake(format_args!("bad number syntax: {text:?}")))?,
            Some(Token::Word(word)) => self.word(word)?,
            Some(Token::LeftParen) => self.brackets()?,
            other => return Err(self.unexpected(other, context)),
        };
        self.chain(operand)
    }

    fn word(&self, word: &str) -> Result<Operand, String> {
        Ok(match word {
            "true" => Operand::Bool(true),
            "false" => Operand::Bool(false),
            "nil" => Operand::Nil,
            _ => {
                let unknown = || {
                    let what = format!("function {word:?} not defined");
                    self.mistake(what)
                };
                Operand::Function(Function::named(word).ok_or_else(unknown)?)
            }
        })
    }

    fn brackets(&mut self) -> Result<Operand, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.mistake("too deeply nested"));
        }
        let pipe = self.pipe("parenthesized pipeline", &Token::RightParen)?;
        self.depth -= 1;
        Ok(Operand::Pipe(Box::new(pipe)))
    }

    /// Fields that follow without a blank.
    fn chain(&mut self, operand: Operand) -> Result<Operand, String> {
        let mut fields = Vec::new();
        while let [place, ..] = self.rest
            && let Token::Field(name) = &place.token
            && !place.after_space
        {
            fields.push(name.clone());
            self.next();
        }
        if fields.is_empty() {
            return Ok(operand);
        }
        Ok(match operand {
            Operand::Fields(mut first) => {
                first.append(&mut fields);
                Operand::Fields(first)
            }
            Operand::Variable(name, _) => Operand::Variable(name, fields),
            Operand::Pipe(_) | Operand::Function(_) => Operand::Chain(Box::new(operand), fields),
            other => {
                let what = format!("unexpected . after term {:?}", other.to_string());
                return Err(self.mistake(what));
            }
        })
    }
}

fn is_setting(token: &Token) -> bool {
    matches!(token, Token::Declare | Token::Assign)
}

fn is_constant(operand: &Operand) -> bool {
    matches!(
        operand,
        Operand::Dot
            | Operand::Nil
            | Operand::Bool(_)
            | Operand::Int(_)
            | Operand::Uint(_)
            | Operand::Float(_)
            | Operand::Text(..)
    )
}

/// A number as Go writes it: decimal, with a base, with `_` between digits, or with a fraction.
fn number(text: &str) -> Option<Operand> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix(['+', '-']) {
        Some(digits) => (&plain[..1], digits),
        None => ("", plain.as_str()),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        _ if lower.len() > 1
            && lower.bytes().all(|c| c.is_ascii_digit())
            && lower.starts_with('0') =>
        {
            (8, &lower[1..])
        }
        _ => (10, lower.as_str()),
    };
    if let Ok(number) = i64::from_str_radix(&format!("{sign}{digits}"), radix) {
        return Some(Operand::Int(number));
    }
    if let Ok(number) = u64::from_str_radix(&format!("{sign}{digits}"), radix) {
        return Some(Operand::Uint(number));
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    plain.parse().ok().map(Operand::Float)
}
