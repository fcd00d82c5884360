//! Runs a template.

use std::fmt::Write as _;

use super::TEXT_MAX;
use super::functions::Function;
use super::node::{Branch, Node, Operand, Pipe};
use super::value::Value;

/// Nodes and operands looked at, at most.
const STEPS_MAX: usize = 10_000;

/// Appends what `nodes` make of `dot` to `out`; the error goes on after the template's name.
pub(super) fn run<'d>(nodes: &'d [Node], dot: Value<'d>, out: &mut String) -> Result<(), String> {
    let mut runner = Runner {
        variables: vec![("", dot.clone())],
        out,
        steps: 0,
    };
    match runner.list(nodes, &dot) {
        Err(Stop::Failed(error)) => Err(error),
        _ => Ok(()),
    }
}

struct Runner<'d, 'o> {
    variables: Vec<(&'d str, Value<'d>)>,
    out: &'o mut String,
    steps: usize,
}

/// Why the nodes after one are not run.
enum Stop {
    Break,
    Continue,
    Failed(String),
}

impl From<String> for Stop {
    fn from(error: String) -> Self {
        Stop::Failed(error)
    }
}

type Result<T, E = String> = std::result::Result<T, E>;

fn at(operand: &Operand, what: impl std::fmt::Display) -> String {
    format!(" at <{operand}>: {what}")
}

impl<'d> Runner<'d, '_> {
    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        match self.steps > STEPS_MAX || self.out.len() > TEXT_MAX {
            true => Err(": the template makes too much".to_owned()),
            false => Ok(()),
        }
    }

    fn list(&mut self, nodes: &'d [Node], dot: &Value<'d>) -> Result<(), Stop> {
        let known = self.variables.len();
        let done = nodes.iter().try_for_each(|node| self.node(node, dot));
        if done.is_err() {
            self.variables.truncate(known);
        }
        done
    }

    fn node(&mut self, node: &'d Node, dot: &Value<'d>) -> Result<(), Stop> {
        self.step()?;
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    let _written = write!(self.out, "{value}");
                }
            }
            Node::If(branch) => self.branch(branch, dot, false)?,
            Node::With(branch) => self.branch(branch, dot, true)?,
            Node::Range(branch) => self.range(branch, dot)?,
            Node::Break => return Err(Stop::Break),
            Node::Continue => return Err(Stop::Continue),
        }
        Ok(())
    }

    /// `if`, or `with`, which makes its value the dot.
    fn branch(&mut self, branch: &'d Branch, dot: &Value<'d>, with: bool) -> Result<(), Stop> {
        let known = self.variables.len();
        let value = self.pipe(&branch.pipe, dot)?;
        let done = match value.is_true() {
            true => self.list(&branch.then, if with { &value } else { dot }),
            false => self.list(&branch.otherwise, dot),
        };
        self.variables.truncate(known);
        done
    }

    fn range(&mut self, branch: &'d Branch, dot: &Value<'d>) -> Result<(), Stop> {
        let known = self.variables.len();
        // The variables are set for each round, not for the whole.
        let value = self.commands(&branch.pipe, dot)?;
        let rounds = rounds(&value)?;
        if rounds.is_empty() {
            let done = self.list(&branch.otherwise, dot);
            self.variables.truncate(known);
            return done;
        }
        for (key, value) in rounds {
            self.step()?;
            self.variables.truncate(known);
            match branch.pipe.variables.as_slice() {
                [] => {}
                [only] => self.set(only, value.clone(), branch.pipe.declares),
                [first, second, ..] => {
                    self.set(first, key, branch.pipe.declares);
                    self.set(second, value.clone(), branch.pipe.declares);
                }
            }
            match self.list(&branch.then, &value) {
                Err(Stop::Break) => break,
                Ok(()) | Err(Stop::Continue) => {}
                failed => return failed,
            }
        }
        self.variables.truncate(known);
        Ok(())
    }

    fn set(&mut self, name: &'d str, value: Value<'d>, declares: bool) {
        let mut known = self.variables.iter_mut().rev();
        match known.find(|(known, _)| *known == name) {
            Some(slot) if !declares => slot.1 = value,
            _ => self.variables.push((name, value)),
        }
    }

    fn pipe(&mut self, pipe: &'d Pipe, dot: &Value<'d>) -> Result<Value<'d>> {
        let value = self.commands(pipe, dot)?;
        for name in &pipe.variables {
            self.set(name, value.clone(), pipe.declares);
        }
        Ok(value)
    }

    fn commands(&mut self, pipe: &'d Pipe, dot: &Value<'d>) -> Result<Value<'d>> {
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(command, last, dot)?);
        }
        Ok(last.unwrap_or(Value::Nothing))
    }

    /// `last` is the value of the command before, which becomes the last argument.
    fn command(
        &mut self,
        command: &'d [Operand],
        last: Option<Value<'d>>,
        dot: &Value<'d>,
    ) -> Result<Value<'d>> {
        self.step()?;
        let Some((first, rest)) = command.split_first() else {
            return Ok(Value::Nothing);
        };
        if let Operand::Function(function) = first {
            return self.function((*function, first), (rest, last), dot);
        }
        let mut args = Vec::new();
        for operand in rest {
            args.push(self.operand(operand, dot)?);
        }
        args.extend(last);
        match first {
            Operand::Fields(fields) => fields_of(dot.clone(), fields, &args, first),
            Operand::Variable(name, fields) => {
                let value = self.variable(name);
                fields_of(value, fields, &args, first)
            }
            Operand::Chain(inner, fields) => {
                let value = self.operand(inner, dot)?;
                fields_of(value, fields, &args, first)
            }
            _ if !args.is_empty() => Err(at(first, "can't give argument to non-function")),
            other => self.operand(other, dot),
        }
    }

    fn function(
        &mut self,
        (function, name): (Function, &Operand),
        (rest, last): (&'d [Operand], Option<Value<'d>>),
        dot: &Value<'d>,
    ) -> Result<Value<'d>> {
        let mut args = Vec::new();
        for operand in rest {
            let value = self.operand(operand, dot)?;
            if function.is_decided_by(&value) {
                return Ok(value);
            }
            args.push(value);
        }
        args.extend(last);
        function.call(&args).map_err(|error| at(name, error))
    }

    fn variable(&self, name: &str) -> Value<'d> {
        let found = self
            .variables
            .iter()
            .rev()
            .find(|(known, _)| *known == name);
        found.map_or(Value::Nothing, |(_, value)| value.clone())
    }

    fn operand(&mut self, operand: &'d Operand, dot: &Value<'d>) -> Result<Value<'d>> {
        self.step()?;
        Ok(match operand {
            Operand::Dot => dot.clone(),
            Operand::Nil => Value::Nothing,
            Operand::Bool(value) => Value::Bool(*value),
            Operand::Int(value) => Value::Int(*value),
            Operand::Uint(value) => Value::Uint(*value),
            Operand::Float(value) => Value::Float(*value),
            Operand::Text(text, _) => Value::text(text.as_str()),
            Operand::Fields(fields) => fields_of(dot.clone(), fields, &[], operand)?,
            Operand::Variable(name, fields) => {
                fields_of(self.variable(name), fields, &[], operand)?
            }
            Operand::Function(function) => {
                function.call(&[]).map_err(|error| at(operand, error))?
            }
            Operand::Pipe(pipe) => self.pipe(pipe, dot)?,
            Operand::Chain(inner, fields) => {
                fields_of(self.operand(inner, dot)?, fields, &[], operand)?
            }
        })
    }
}

/// What `range` goes through: keys and values.
fn rounds<'d>(value: &Value<'d>) -> Result<Vec<(Value<'d>, Value<'d>)>> {
    let key = |place: usize| Value::Int(i64::try_from(place).unwrap_or(i64::MAX));
    Ok(match value {
        Value::Nothing => Vec::new(),
        Value::List(list) => {
            let values = list.iter().cloned().enumerate();
            values.map(|(place, value)| (key(place), value)).collect()
        }
        Value::Object(object) if object.is_map() => {
            let entries = object.entries().into_iter();
            entries
                .map(|(name, value)| (Value::text(name), value))
                .collect()
        }
        Value::Int(_) | Value::Uint(_) => {
            let count = value
                .integer()
                .and_then(|count| usize::try_from(count).ok());
            let count = count.unwrap_or(0).min(STEPS_MAX);
            (0..count).map(|place| (key(place), key(place))).collect()
        }
        other => return Err(format!(": range can't iterate over {other}")),
    })
}

/// The field of a field of `value`; `args` go to the last one, which is a method then.
fn fields_of<'d>(
    value: Value<'d>,
    fields: &[String],
    args: &[Value<'d>],
    operand: &Operand,
) -> Result<Value<'d>> {
    let mut value = value;
    for (place, name) in fields.iter().enumerate() {
        let is_last = place + 1 == fields.len();
        let args = if is_last { args } else { &[] };
        value = field_of(&value, name, args).map_err(|what| at(operand, what))?;
    }
    match fields.is_empty() && !args.is_empty() {
        true => Err(at(operand, "can't give argument to non-function")),
        false => Ok(value),
    }
}

fn field_of<'d>(value: &Value<'d>, name: &str, args: &[Value<'d>]) -> Result<Value<'d>> {
    let object = match value {
        Value::Object(object) => object,
        Value::Nothing => return Ok(Value::Nothing),
        other => {
            let kind = other.type_name();
            return Err(format!("can't evaluate field {name} in type {kind}"));
        }
    };
    if let Some(called) = object.call(name, args) {
        return called.map_err(|error| format!("error calling {name}: {error}"));
    }
    match object.get(name) {
        Some(_) if !args.is_empty() => Err(format!(
            "{name} has arguments but cannot be invoked as function"
        )),
        Some(found) => Ok(found),
        None if object.is_map() => Ok(Value::Nothing),
        None => {
            let kind = object.type_name();
            Err(format!("can't evaluate field {name} in type {kind}"))
        }
    }
}
