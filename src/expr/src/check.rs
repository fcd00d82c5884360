//! Joins parts of an expression, and refuses what can have no value.

use catena_plugin::networks::Network;

use crate::builtin::{Builtin, Search, is_left_out};
use crate::node::{Node, Operator};
use crate::query::Function;
use crate::token::mistake;
use crate::value::{Kind, Value};
use crate::{CompileError, Scope};

/// A part with what is known of its value.
#[derive(Debug)]
pub(crate) struct Typed {
    pub node: Node,
    pub kind: Kind,
}

impl Typed {
    pub(crate) fn new(node: Node, kind: Kind) -> Typed {
        Typed { node, kind }
    }

    pub(crate) fn constant(value: Value<'static>) -> Typed {
        let kind = value.kind();
        Typed::new(Node::Constant(value), kind)
    }
}

type Result<T> = std::result::Result<T, CompileError>;

/// `left operator right`.
pub(crate) fn binary(operator: Operator, at: usize, left: Typed, right: Typed) -> Result<Typed> {
    let (a, b) = (left.kind, right.kind);
    let both = |kind: Kind| a.may_be(kind) && b.may_be(kind);
    let numbers = a.is_number() && b.is_number();
    let kind = match operator {
        Operator::Or | Operator::And if both(Kind::Bool) => Kind::Bool,
        Operator::Equal | Operator::Unequal if comparable(a, b) => Kind::Bool,
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual
            if numbers || both(Kind::Text) =>
        {
            Kind::Bool
        }
        Operator::In if b.may_be(Kind::List) || b == Kind::Nil => Kind::Bool,
        Operator::Matches | Operator::Contains | Operator::StartsWith | Operator::EndsWith
            if both(Kind::Text) =>
        {
            Kind::Bool
        }
        Operator::Range if both(Kind::Int) => Kind::List,
        Operator::Add if a == Kind::Text && b.may_be(Kind::Text) => Kind::Text,
        Operator::Add if b == Kind::Text && a.may_be(Kind::Text) => Kind::Text,
        Operator::Divide | Operator::Power if numbers => Kind::Float,
        Operator::Remainder if both(Kind::Int) => Kind::Int,
        Operator::Add | Operator::Subtract | Operator::Multiply if numbers => match (a, b) {
            (Kind::Int, Kind::Int) => Kind::Int,
            (Kind::Any, _) | (_, Kind::Any) => Kind::Any,
            _ => Kind::Float,
        },
        Operator::Coalesce if a == b => a,
        Operator::Coalesce => Kind::Any,
        _ => {
            let (word, a, b) = (operator.word(), a.name(), b.name());
            let what = format!("invalid operation: {word} (mismatched types {a} and {b})");
            return Err(mistake(at, what));
        }
    };
    if let (Operator::Matches, Node::Constant(Value::Text(pattern))) = (operator, &right.node) {
        let regex = catena_pattern::compile(pattern);
        let regex = regex.map_err(|error| mistake(at, error.to_string()))?;
        return Ok(Typed::new(Node::Matches(left.node.into(), regex), kind));
    }
    let node = Node::Binary(operator, Box::new((left.node, right.node)));
    Ok(Typed::new(node, kind))
}

fn comparable(a: Kind, b: Kind) -> bool {
    a.may_be(b) || b.may_be(a) || a == Kind::Nil || b == Kind::Nil
}

/// `word inner`, such as `not` or `-`.
pub(crate) fn unary(word: &str, at: usize, inner: Typed) -> Result<Typed> {
    let is_not = matches!(word, "not" | "!");
    let kind = inner.kind;
    let fits = if is_not {
        kind.may_be(Kind::Bool)
    } else {
        kind.is_number()
    };
    if !fits {
        let what = format!(
            "invalid operation: {word} (mismatched type {})",
            kind.name()
        );
        return Err(mistake(at, what));
    }
    Ok(match (word, inner.node) {
        ("+", node) => Typed::new(node, kind),
        ("-", Node::Constant(Value::Int(number))) => {
            Typed::constant(Value::Int(number.wrapping_neg()))
        }
        ("-", node) => Typed::new(Node::Negative(node.into()), kind),
        (_, node) => Typed::new(Node::Not(node.into()), Kind::Bool),
    })
}

/// `condition ? yes : no`.
pub(crate) fn choice(at: usize, condition: Typed, yes: Typed, no: Typed) -> Result<Typed> {
    if !condition.kind.may_be(Kind::Bool) {
        let kind = condition.kind.name();
        let what = format!("non-bool expression (type {kind}) used as condition");
        return Err(mistake(at, what));
    }
    let kind = if yes.kind == no.kind {
        yes.kind
    } else {
        Kind::Any
    };
    let node = Node::Choice(Box::new([condition.node, yes.node, no.node]));
    Ok(Typed::new(node, kind))
}

/// `[a, b]`, ready made if all is constant.
pub(crate) fn list(parts: Vec<Typed>) -> Typed {
    let nodes: Vec<Node> = parts.into_iter().map(|part| part.node).collect();
    let constants: Option<Vec<Value<'static>>> = nodes
        .iter()
        .map(|node| match node {
            Node::Constant(value) => Some(value.clone()),
            _ => None,
        })
        .collect();
    match constants {
        Some(values) => Typed::constant(Value::List(values.into())),
        None => Typed::new(Node::List(nodes), Kind::List),
    }
}

/// `of[at]`.
pub(crate) fn index(place: usize, of: Typed, at: Typed) -> Result<Typed> {
    let kind = match of.kind {
        Kind::Text => Kind::Text,
        Kind::List | Kind::Any => Kind::Any,
        other => {
            let what = format!("type {} doesn't support indexing", other.name());
            return Err(mistake(place, what));
        }
    };
    if !at.kind.may_be(Kind::Int) {
        let what = format!(
            "array elements can only be selected using an integer (got {})",
            at.kind.name()
        );
        return Err(mistake(place, what));
    }
    Ok(Typed::new(Node::Index(Box::new((of.node, at.node))), kind))
}

/// `name(args)`.
pub(crate) fn call(name: &str, at: usize, args: Vec<Typed>, scope: &Scope) -> Result<Typed> {
    if let Some(builtin) = Builtin::named(name) {
        let (kinds, optional, result) = builtin.signature();
        let args = arguments(name, at, args, (kinds, optional))?;
        return Ok(Typed::new(Node::Builtin(builtin, args), result));
    }
    let Some(function) = Function::named(name, scope) else {
        return Err(unknown(name, at));
    };
    let (kinds, result) = function.signature();
    let args = arguments(name, at, args, (kinds, 0))?;
    if function == Function::InCidr
        && let [address, Node::Constant(Value::Text(network))] = args.as_slice()
        && let Some(network) = Network::parse(network)
    {
        let node = Node::InNetwork(address.clone().into(), network);
        return Ok(Typed::new(node, result));
    }
    Ok(Typed::new(Node::Function(function, args), result))
}

fn arguments(
    name: &str,
    at: usize,
    args: Vec<Typed>,
    (kinds, optional): (&[Kind], usize),
) -> Result<Vec<Node>> {
    if args.len() > kinds.len() {
        return Err(mistake(at, format!("too many arguments to call {name}")));
    }
    if args.len() + optional < kinds.len() {
        return Err(mistake(at, format!("not enough arguments to call {name}")));
    }
    for (arg, kind) in args.iter().zip(kinds) {
        if !arg.kind.may_be(*kind) {
            let (got, want) = (arg.kind.name(), kind.name());
            let what = format!("cannot use {got} as argument (type {want}) to call {name}");
            return Err(mistake(at, what));
        }
    }
    Ok(args.into_iter().map(|arg| arg.node).collect())
}

/// `name(list, predicate)`.
pub(crate) fn search(
    (search, kind): (Search, Kind),
    at: usize,
    list: Typed,
    predicate: Typed,
) -> Result<Typed> {
    if !list.kind.may_be(Kind::List) {
        let what = format!(
            "builtin {search:?} takes only array (got {})",
            list.kind.name()
        );
        return Err(mistake(at, what));
    }
    if search != Search::Map && !predicate.kind.may_be(Kind::Bool) {
        let what = format!(
            "predicate should return boolean (got {})",
            predicate.kind.name()
        );
        return Err(mistake(at, what));
    }
    let node = Node::Search(search, Box::new((list.node, predicate.node)));
    Ok(Typed::new(node, kind))
}

/// The mistake of a name that means nothing.
pub(crate) fn unknown(name: &str, at: usize) -> CompileError {
    let what = match is_left_out(name) {
        true => format!("the function {name} of expr-lang is not supported"),
        false => format!("unknown name {name}"),
    };
    mistake(at, what)
}
