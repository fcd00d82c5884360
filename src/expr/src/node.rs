//! What an expression is made of.

use catena_plugin::networks::Network;
use regex::Regex;

use crate::builtin::{Builtin, Search};
use crate::query::Function;
use crate::value::Value;

/// A part of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Constant(Value<'static>),
    /// A variable of the scope, by its place.
    Variable(usize),
    /// A variable of `let`, counted from the outside.
    Local(usize),
    /// `#`: the element that a predicate looks at.
    Element,
    /// `#index`: its place.
    ElementIndex,
    Not(Box<Node>),
    Negative(Box<Node>),
    Binary(Operator, Box<(Node, Node)>),
    /// `a ? b : c`.
    Choice(Box<[Node; 3]>),
    List(Vec<Node>),
    Index(Box<(Node, Node)>),
    Slice(Box<[Option<Node>; 3]>),
    /// `let x = a; b`.
    Let(Box<(Node, Node)>),
    Function(Function, Vec<Node>),
    Builtin(Builtin, Vec<Node>),
    /// A list and a predicate.
    Search(Search, Box<(Node, Node)>),
    /// `matches` with a constant pattern.
    Matches(Box<Node>, Regex),
    /// `incidr` with a constant network.
    InNetwork(Box<Node>, Network),
}

/// An operator with two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Matches,
    Contains,
    StartsWith,
    EndsWith,
    Range,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Coalesce,
}

/// Words, with how strongly they bind.
const OPERATORS: [(&str, Operator, u8); 24] = [
    ("or", Operator::Or, 10),
    ("||", Operator::Or, 10),
    ("and", Operator::And, 15),
    ("&&", Operator::And, 15),
    ("==", Operator::Equal, 20),
    ("!=", Operator::Unequal, 20),
    ("<=", Operator::LessOrEqual, 20),
    (">=", Operator::GreaterOrEqual, 20),
    ("<", Operator::Less, 20),
    (">", Operator::Greater, 20),
    ("in", Operator::In, 20),
    ("matches", Operator::Matches, 20),
    ("contains", Operator::Contains, 20),
    ("startsWith", Operator::StartsWith, 20),
    ("endsWith", Operator::EndsWith, 20),
    ("..", Operator::Range, 25),
    ("+", Operator::Add, 30),
    ("-", Operator::Subtract, 30),
    ("*", Operator::Multiply, 60),
    ("/", Operator::Divide, 60),
    ("%", Operator::Remainder, 60),
    ("**", Operator::Power, 100),
    ("^", Operator::Power, 100),
    ("??", Operator::Coalesce, 200),
];

impl Operator {
    /// The operator of a word, and how strongly it binds.
    pub(crate) fn of(word: &str) -> Option<(Operator, u8)> {
        let found = OPERATORS.iter().find(|(known, ..)| *known == word);
        found.map(|(_, operator, strength)| (*operator, *strength))
    }

    /// Its word, for errors.
    pub(crate) fn word(self) -> &'static str {
        // Of two spellings the last is the sign.
        let found = OPERATORS.iter().rev().find(|(_, known, _)| *known == self);
        found.map_or("", |(word, ..)| word)
    }

    /// Whether `not` may stand before it.
    pub(crate) fn may_be_negated(self) -> bool {
        matches!(
            self,
            Operator::In
                | Operator::Matches
                | Operator::Contains
                | Operator::StartsWith
                | Operator::EndsWith
        )
    }
}
