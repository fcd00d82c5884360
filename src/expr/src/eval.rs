//! Runs an expression.

use crate::RunError;
use crate::builtin::{LENGTH_MAX, Search};
use crate::node::{Node, Operator};
use crate::query::{Facts, Function, read_address};
use crate::value::Value;

/// Parts looked at, at most.
const STEPS_MAX: usize = 10_000;

type Result<T> = std::result::Result<T, RunError>;

/// The value of `node` for a query.
pub(crate) fn run<'a>(
    node: &'a Node,
    facts: &'a Facts<'a>,
    variables: &[Value<'a>],
) -> Result<Value<'a>> {
    let mut runner = Runner {
        facts,
        variables,
        locals: Vec::new(),
        elements: Vec::new(),
        steps: 0,
    };
    runner.value(node)
}

struct Runner<'a, 'v> {
    facts: &'a Facts<'a>,
    variables: &'v [Value<'a>],
    locals: Vec<Value<'a>>,
    /// What the predicates look at, the innermost last.
    elements: Vec<(Value<'a>, i64)>,
    steps: usize,
}

fn failed<T>(what: impl Into<String>) -> Result<T> {
    Err(RunError(what.into()))
}

impl<'a> Runner<'a, '_> {
    fn value(&mut self, node: &'a Node) -> Result<Value<'a>> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return failed("the expression takes too long");
        }
        Ok(match node {
            Node::Constant(value) => value.clone(),
            Node::Variable(place) => self.variables.get(*place).cloned().unwrap_or(Value::Nil),
            Node::Local(place) => self.locals.get(*place).cloned().unwrap_or(Value::Nil),
            Node::Element => {
                let element = self.elements.last();
                element.map_or(Value::Nil, |(value, _)| value.clone())
            }
            Node::ElementIndex => {
                let element = self.elements.last();
                element.map_or(Value::Nil, |(_, place)| Value::Int(*place))
            }
            Node::Not(inner) => Value::Bool(!self.truth(inner)?),
            Node::Negative(inner) => match self.value(inner)? {
                Value::Int(number) => Value::Int(number.wrapping_neg()),
                Value::Float(number) => Value::Float(-number),
                other => return failed(format!("invalid operation: - {other}")),
            },
            Node::Binary(operator, sides) => self.binary(*operator, &sides.0, &sides.1)?,
            Node::Choice(parts) => {
                let [condition, yes, no] = &**parts;
                let chosen = if self.truth(condition)? { yes } else { no };
                self.value(chosen)?
            }
            Node::List(nodes) => Value::List(self.values(nodes)?.into()),
            Node::Index(parts) => {
                let (of, at) = (self.value(&parts.0)?, self.value(&parts.1)?);
                index(&of, &at)?
            }
            Node::Slice(parts) => self.slice(parts)?,
            Node::Let(parts) => {
                let value = self.value(&parts.0)?;
                self.locals.push(value);
                let body = self.value(&parts.1);
                self.locals.pop();
                body?
            }
            Node::Function(function, args) => {
                let args = self.values(args)?;
                function.call(self.facts, &args)?
            }
            Node::Builtin(builtin, args) => builtin.call(&self.values(args)?)?,
            Node::Search(search, parts) => self.search(*search, &parts.0, &parts.1)?,
            Node::Matches(inner, regex) => match self.value(inner)? {
                Value::Text(text) => Value::Bool(regex.is_match(&text)),
                Value::Nil => Value::Bool(false),
                other => return failed(format!("invalid operation: {other} matches")),
            },
            Node::InNetwork(inner, network) => {
                let address = match **inner {
                    Node::Function(Function::ClientIp, _) => self.facts.client(),
                    _ => match self.value(inner)? {
                        Value::Text(text) => read_address(&text)?,
                        _ => return failed("first argument is not an IP address"),
                    },
                };
                Value::Bool(network.contains(address))
            }
        })
    }

    fn values(&mut self, nodes: &'a [Node]) -> Result<Vec<Value<'a>>> {
        nodes.iter().map(|node| self.value(node)).collect()
    }

    fn truth(&mut self, node: &'a Node) -> Result<bool> {
        match self.value(node)? {
            Value::Bool(truth) => Ok(truth),
            other => failed(format!("{other} is not true or false")),
        }
    }

    fn binary(&mut self, operator: Operator, left: &'a Node, right: &'a Node) -> Result<Value<'a>> {
        match operator {
            Operator::Or => return Ok(Value::Bool(self.truth(left)? || self.truth(right)?)),
            Operator::And => return Ok(Value::Bool(self.truth(left)? && self.truth(right)?)),
            Operator::Coalesce => {
                let value = self.value(left)?;
                return match value {
                    Value::Nil => self.value(right),
                    value => Ok(value),
                };
            }
            _ => {}
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        let made = compare(operator, &left, &right).or_else(|| calculate(operator, &left, &right));
        made.ok_or_else(|| {
            let (word, left, right) = (operator.word(), left.kind().name(), right.kind().name());
            RunError(format!("invalid operation: {left} {word} {right}"))
        })
    }

    fn slice(&mut self, parts: &'a [Option<Node>; 3]) -> Result<Value<'a>> {
        let [of, from, to] = parts;
        let mut bound = |node: &'a Option<Node>| match node {
            None => Ok(None),
            Some(node) => self.value(node).map(Some),
        };
        let (of, from, to) = (bound(of)?, bound(from)?, bound(to)?);
        let bounds = |length: usize| {
            let from = from.as_ref().map_or(Some(0), |from| offset(from, length))?;
            let to = to.as_ref().map_or(Some(length), |to| offset(to, length))?;
            Some((from.min(length), to.min(length).max(from.min(length))))
        };
        let part = match &of {
            Some(Value::List(list)) => bounds(list.len())
                .and_then(|(from, to)| list.get(from..to))
                .map(|part| Value::List(part.into())),
            Some(Value::Text(text)) => bounds(text.chars().count()).map(|(from, to)| {
                let part = text.chars().skip(from).take(to - from);
                Value::text(part.collect::<String>())
            }),
            _ => None,
        };
        part.ok_or_else(|| RunError("cannot slice".to_owned()))
    }

    fn search(&mut self, search: Search, list: &'a Node, predicate: &'a Node) -> Result<Value<'a>> {
        let Value::List(list) = self.value(list)? else {
            return failed("cannot search what is no array");
        };
        let (mut found, mut count) = (Vec::new(), 0i64);
        for (value, place) in list.iter().zip(0i64..) {
            self.elements.push((value.clone(), place));
            let verdict = self.value(predicate);
            self.elements.pop();
            let is_true = match (verdict?, search) {
                (mapped, Search::Map) => {
                    found.push(mapped);
                    continue;
                }
                (Value::Bool(is_true), _) => is_true,
                (other, _) => return failed(format!("{other} is not true or false")),
            };
            count += i64::from(is_true);
            match (search, is_true) {
                (Search::All, false) | (Search::None, true) => return Ok(Value::Bool(false)),
                (Search::Any, true) => return Ok(Value::Bool(true)),
                (Search::Find, true) => return Ok(value.clone()),
                (Search::FindIndex, true) => return Ok(Value::Int(place)),
                (Search::Filter, true) => found.push(value.clone()),
                _ => {}
            }
        }
        Ok(match search {
            Search::All | Search::None => Value::Bool(true),
            Search::Any => Value::Bool(false),
            Search::One => Value::Bool(count == 1),
            Search::Count => Value::Int(count),
            Search::Find | Search::FindIndex => Value::Nil,
            Search::Filter | Search::Map => Value::List(found.into()),
        })
    }
}

/// The place that `at` means in something of `length`; a negative one counts from the end.
fn offset(at: &Value<'_>, length: usize) -> Option<usize> {
    let Value::Int(at) = at else { return None };
    let length = i64::try_from(length).ok()?;
    let at = if *at < 0 { length + at } else { *at };
    usize::try_from(at).ok()
}

fn index<'a>(of: &Value<'a>, at: &Value<'a>) -> Result<Value<'a>> {
    let found = match of {
        Value::List(list) => offset(at, list.len()).and_then(|at| list.get(at).cloned()),
        Value::Text(text) => offset(at, text.chars().count())
            .and_then(|at| text.chars().nth(at))
            .map(|c| Value::text(c.to_string())),
        other => return failed(format!("cannot fetch {at} from {}", other.kind().name())),
    };
    found.ok_or_else(|| RunError(format!("index out of range: {at}")))
}

fn compare<'a>(operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Option<Value<'a>> {
    let truth = match operator {
        Operator::Equal => left == right,
        Operator::Unequal => left != right,
        Operator::Less => left.order(right)?.is_lt(),
        Operator::LessOrEqual => left.order(right)?.is_le(),
        Operator::Greater => left.order(right)?.is_gt(),
        Operator::GreaterOrEqual => left.order(right)?.is_ge(),
        Operator::In => match right {
            Value::List(list) => list.contains(left),
            Value::Nil => false,
            _ => return None,
        },
        Operator::Matches | Operator::Contains | Operator::StartsWith | Operator::EndsWith => {
            match (left, right) {
                (Value::Text(text), Value::Text(part)) => match operator {
                    Operator::Matches => catena_pattern::compile(part).ok()?.is_match(text),
                    Operator::Contains => text.contains(&**part),
                    Operator::StartsWith => text.starts_with(&**part),
                    _ => text.ends_with(&**part),
                },
                (Value::Nil, _) | (_, Value::Nil) => false,
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Value::Bool(truth))
}

fn calculate<'a>(operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Option<Value<'a>> {
    match (operator, left, right) {
        (Operator::Add, Value::Text(a), Value::Text(b)) => {
            (a.len() + b.len() <= LENGTH_MAX).then(|| Value::text(format!("{a}{b}")))
        }
        (Operator::Range, Value::Int(a), Value::Int(b)) => {
            let length = usize::try_from(b.checked_sub(*a)?.max(-1) + 1).ok()?;
            (length <= STEPS_MAX).then(|| Value::List((*a..=*b).map(Value::Int).collect()))
        }
        (Operator::Divide, a, b) => Some(Value::Float(a.float()? / b.float()?)),
        (Operator::Power, a, b) => Some(Value::Float(a.float()?.powf(b.float()?))),
        (_, Value::Int(a), Value::Int(b)) => Some(Value::Int(match operator {
            Operator::Add => a.wrapping_add(*b),
            Operator::Subtract => a.wrapping_sub(*b),
            Operator::Multiply => a.wrapping_mul(*b),
            Operator::Remainder => a.checked_rem(*b)?,
            _ => return None,
        })),
        (_, a, b) => {
            let (a, b) = (a.float()?, b.float()?);
            Some(Value::Float(match operator {
                Operator::Add => a + b,
                Operator::Subtract => a - b,
                Operator::Multiply => a * b,
                _ => return None,
            }))
        }
    }
}
