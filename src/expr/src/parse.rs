//! Reads an expression.

use crate::builtin::Search;
use crate::check::{self, Typed};
use crate::node::{Node, Operator};
use crate::query::Function;
use crate::token::{Place, Token, mistake, tokens};
use crate::value::{Kind, Value};
use crate::{CompileError, Scope};

/// Parts inside each other, at most.
const DEPTH_MAX: usize = 100;
/// The longest expression.
const LENGTH_MAX: usize = 10_000;

type Result<T> = std::result::Result<T, CompileError>;

/// Reads `text`, which is a whole expression.
pub(crate) fn parse(text: &str, scope: &Scope) -> Result<(Node, Kind)> {
    if text.len() > LENGTH_MAX {
        return Err(mistake(LENGTH_MAX, "the expression is too long"));
    }
    let places = tokens(text)?;
    let mut parser = Parser {
        rest: &places,
        scope,
        locals: Vec::new(),
        predicates: 0,
        depth: 0,
    };
    let whole = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok((whole.node, whole.kind)),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'p> {
    rest: &'p [Place],
    scope: &'p Scope,
    /// The variables of `let` that are in force.
    locals: Vec<(String, Kind)>,
    /// How many predicates stand around.
    predicates: usize,
    depth: usize,
}

const UNARY: [(&str, u8); 4] = [("not", 50), ("!", 50), ("-", 90), ("+", 90)];

impl<'p> Parser<'p> {
    fn peek(&self) -> &'p Token {
        self.rest.first().map_or(&Token::End, |place| &place.token)
    }

    fn at(&self) -> usize {
        self.rest.first().map_or(0, |place| place.at)
    }

    /// The word of the next token, if it is a name or a sign.
    fn word(&self) -> &'p str {
        match self.peek() {
            Token::Name(word) => word,
            Token::Sign(sign) => sign,
            _ => "",
        }
    }

    fn skip(&mut self) {
        // The end stays, so that there is always a place to tell.
        if let [_, rest @ ..] = self.rest
            && !rest.is_empty()
        {
            self.rest = rest;
        }
    }

    fn eat(&mut self, word: &str) -> bool {
        let is_next = self.word() == word && !word.is_empty();
        if is_next {
            self.skip();
        }
        is_next
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        match self.eat(word) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> CompileError {
        let what = match self.peek() {
            Token::Name(word) => format!("unexpected token Identifier({word:?})"),
            Token::Sign(sign) => format!("unexpected token Operator({sign:?})"),
            Token::Int(number) => format!("unexpected token Number({number})"),
            Token::Float(number) => format!("unexpected token Number({number})"),
            Token::Text(text) => format!("unexpected token String({text:?})"),
            Token::End => "unexpected token EOF".to_owned(),
        };
        mistake(self.at(), what)
    }

    /// An expression of operators that bind at least as strongly as `strength`.
    fn expression(&mut self, strength: u8) -> Result<Typed> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(mistake(self.at(), "too deeply nested"));
        }
        let read = match self.word() {
            "let" if strength == 0 => self.declaration(),
            "if" if strength == 0 => self.conditional(),
            _ => self.operators(strength),
        };
        self.depth -= 1;
        read
    }

    fn operators(&mut self, strength: u8) -> Result<Typed> {
        let mut left = self.primary()?;
        loop {
            let at = self.at();
            if strength == 0 && self.eat("|") {
                left = self.piped(left)?;
                continue;
            }
            let before = self.rest;
            let is_negated = self.eat("not");
            let found = Operator::of(self.word());
            let found = found.filter(|(operator, binds)| {
                *binds >= strength && (!is_negated || operator.may_be_negated())
            });
            let Some((operator, binds)) = found else {
                self.rest = before;
                break;
            };
            self.skip();
            let is_left = operator != Operator::Power;
            let right = self.expression(binds + u8::from(is_left))?;
            left = check::binary(operator, at, left, right)?;
            if is_negated {
                left = check::unary("not", at, left)?;
            }
        }
        if strength == 0 {
            left = self.ternary(left)?;
        }
        Ok(left)
    }

    fn ternary(&mut self, mut left: Typed) -> Result<Typed> {
        while self.word() == "?" {
            let at = self.at();
            self.skip();
            let yes = self.expression(0)?;
            self.expect(":")?;
            let no = self.expression(0)?;
            left = check::choice(at, left, yes, no)?;
        }
        Ok(left)
    }

    /// `let name = value; body`.
    fn declaration(&mut self) -> Result<Typed> {
        self.skip();
        let Token::Name(name) = self.peek() else {
            return Err(self.unexpected());
        };
        if crate::is_reserved(name, self.scope) {
            return Err(mistake(self.at(), format!("cannot redeclare {name}")));
        }
        self.skip();
        self.expect("=")?;
        let value = self.expression(0)?;
        self.expect(";")?;
        self.locals.push((name.clone(), value.kind));
        let body = self.expression(0);
        self.locals.pop();
        let body = body?;
        let node = Node::Let(Box::new((value.node, body.node)));
        Ok(Typed::new(node, body.kind))
    }

    /// `if condition { a } else { b }`.
    fn conditional(&mut self) -> Result<Typed> {
        let at = self.at();
        self.skip();
        let condition = self.expression(0)?;
        self.expect("{")?;
        let yes = self.expression(0)?;
        self.expect("}")?;
        self.expect("else")?;
        let no = if self.word() == "if" {
            self.expression(0)?
        } else {
            self.expect("{")?;
            let no = self.expression(0)?;
            self.expect("}")?;
            no
        };
        check::choice(at, condition, yes, no)
    }

    fn primary(&mut self) -> Result<Typed> {
        let (at, word) = (self.at(), self.word());
        if let Some((word, strength)) = UNARY.iter().find(|(known, _)| *known == word) {
            self.skip();
            let inner = self.expression(*strength)?;
            let made = check::unary(word, at, inner)?;
            return self.postfix(made);
        }
        let made = match self.peek() {
            Token::Int(number) => {
                self.skip();
                return Ok(Typed::constant(Value::Int(*number)));
            }
            Token::Float(number) => {
                self.skip();
                return Ok(Typed::constant(Value::Float(*number)));
            }
            Token::Text(text) => {
                self.skip();
                Typed::constant(Value::text(text.clone()))
            }
            Token::Sign("(") => {
                self.skip();
                let inner = self.expression(0)?;
                self.expect(")")?;
                inner
            }
            Token::Sign("[") => {
                self.skip();
                check::list(self.arguments("]")?)
            }
            Token::Sign("#") if self.predicates > 0 => {
                self.skip();
                match self.eat("index") {
                    true => Typed::new(Node::ElementIndex, Kind::Int),
                    false => Typed::new(Node::Element, Kind::Any),
                }
            }
            Token::Sign("{") => {
                return Err(mistake(at, "maps are not supported"));
            }
            Token::Name(name) => {
                self.skip();
                self.name(name, at)?
            }
            _ => return Err(self.unexpected()),
        };
        self.postfix(made)
    }

    fn name(&mut self, name: &str, at: usize) -> Result<Typed> {
        match name {
            "true" => return Ok(Typed::constant(Value::Bool(true))),
            "false" => return Ok(Typed::constant(Value::Bool(false))),
            "nil" => return Ok(Typed::constant(Value::Nil)),
            _ => {}
        }
        if self.word() == "(" {
            return self.call(name, at, None);
        }
        let mut locals = self.locals.iter().enumerate().rev();
        if let Some((place, (_, kind))) = locals.find(|(_, (known, _))| known == name) {
            return Ok(Typed::new(Node::Local(place), *kind));
        }
        let mut variables = self.scope.variables.iter().enumerate().rev();
        if let Some((place, (_, kind))) = variables.find(|(_, (known, _))| known == name) {
            return Ok(Typed::new(Node::Variable(place), *kind));
        }
        match Function::named(name, self.scope) {
            Some(_) => Err(mistake(
                at,
                format!("{name} is a function: {name}() calls it"),
            )),
            None => Err(check::unknown(name, at)),
        }
    }

    /// `left | name(args)`, which is `name(left, args)`.
    fn piped(&mut self, left: Typed) -> Result<Typed> {
        let at = self.at();
        let Token::Name(name) = self.peek() else {
            return Err(self.unexpected());
        };
        self.skip();
        self.call(name, at, Some(left))
    }

    fn call(&mut self, name: &str, at: usize, first: Option<Typed>) -> Result<Typed> {
        self.expect("(")?;
        let made = match Search::named(name) {
            Some(search) => {
                let list = match first {
                    Some(first) => first,
                    None => {
                        let list = self.expression(0)?;
                        self.expect(",")?;
                        list
                    }
                };
                let predicate = self.predicate()?;
                self.eat(",");
                self.expect(")")?;
                check::search(search, at, list, predicate)?
            }
            None => {
                let mut args: Vec<Typed> = first.into_iter().collect();
                args.append(&mut self.arguments(")")?);
                check::call(name, at, args, self.scope)?
            }
        };
        self.postfix(made)
    }

    fn predicate(&mut self) -> Result<Typed> {
        let has_braces = self.eat("{");
        self.predicates += 1;
        let predicate = self.expression(0);
        self.predicates -= 1;
        if has_braces {
            self.expect("}")?;
        }
        predicate
    }

    /// Expressions with commas between them, up to `end`.
    fn arguments(&mut self, end: &str) -> Result<Vec<Typed>> {
        let mut args = Vec::new();
        while !self.eat(end) {
            if !args.is_empty() {
                self.expect(",")?;
                if self.eat(end) {
                    break;
                }
            }
            args.push(self.expression(0)?);
        }
        Ok(args)
    }

    /// `[at]` and `[from:to]` behind a part.
    fn postfix(&mut self, mut of: Typed) -> Result<Typed> {
        loop {
            let at = self.at();
            if matches!(self.word(), "." | "?.") {
                return Err(mistake(at, "fields are not supported"));
            }
            if !self.eat("[") {
                return Ok(of);
            }
            let from = match self.word() {
                ":" => None,
                _ => Some(self.expression(0)?),
            };
            of = match (from, self.eat(":")) {
                (Some(place), false) => check::index(at, of, place)?,
                (from, _) => {
                    let to = match self.word() {
                        "]" => None,
                        _ => Some(self.expression(0)?.node),
                    };
                    let kind = of.kind;
                    let parts = [Some(of.node), from.map(|from| from.node), to];
                    Typed::new(Node::Slice(Box::new(parts)), kind)
                }
            };
            self.expect("]")?;
        }
    }
}
