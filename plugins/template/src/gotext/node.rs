//! What a template is made of, and how Go prints it.

use std::fmt;

use super::functions::Function;

/// A part of a template.
#[derive(Debug)]
pub(super) enum Node {
    /// Text that is copied.
    Text(String),
    /// `{{pipeline}}`.
    Action(Pipe),
    /// `{{if}}`.
    If(Branch),
    /// `{{range}}`.
    Range(Branch),
    /// `{{with}}`.
    With(Branch),
    /// `{{break}}`.
    Break,
    /// `{{continue}}`.
    Continue,
}

/// What is run by a pipeline's value.
#[derive(Debug)]
pub(super) struct Branch {
    pub pipe: Pipe,
    pub then: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// Commands, each given the value of the one before, and the variables that take the last.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    pub variables: Vec<String>,
    /// Whether the variables are new.
    pub declares: bool,
    pub commands: Vec<Vec<Operand>>,
}

/// A value, or what gives one.
#[derive(Debug)]
pub(super) enum Operand {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A string with its source.
    Text(String, String),
    /// Fields of the dot.
    Fields(Vec<String>),
    /// A variable and its fields.
    Variable(String, Vec<String>),
    Function(Function),
    /// A pipeline in brackets.
    Pipe(Box<Pipe>),
    /// Fields of another operand.
    Chain(Box<Operand>, Vec<String>),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Text(text) => f.write_str(text),
            Node::Action(pipe) => write!(f, "{{{{{pipe}}}}}"),
            Node::If(branch) => branch.print("if", f),
            Node::Range(branch) => branch.print("range", f),
            Node::With(branch) => branch.print("with", f),
            Node::Break => f.write_str("{{break}}"),
            Node::Continue => f.write_str("{{continue}}"),
        }
    }
}

impl Branch {
    fn print(&self, word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{word} {}}}}}", self.pipe)?;
        self.then
            .iter()
            .try_for_each(|node| fmt::Display::fmt(node, f))?;
        if !self.otherwise.is_empty() {
            f.write_str("{{else}}")?;
            self.otherwise
                .iter()
                .try_for_each(|node| fmt::Display::fmt(node, f))?;
        }
        f.write_str("{{end}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, variable) in self.variables.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}${variable}")?;
        }
        if !self.variables.is_empty() {
            f.write_str(if self.declares { " := " } else { " = " })?;
        }
        for (place, command) in self.commands.iter().enumerate() {
            if place > 0 {
                f.write_str(" | ")?;
            }
            for (place, operand) in command.iter().enumerate() {
                let blank = if place > 0 { " " } else { "" };
                write!(f, "{blank}{operand}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Dot => f.write_str("."),
            Operand::Nil => f.write_str("nil"),
            Operand::Bool(value) => write!(f, "{value}"),
            Operand::Int(value) => write!(f, "{value}"),
            Operand::Uint(value) => write!(f, "{value}"),
            Operand::Float(value) => write!(f, "{value}"),
            Operand::Text(_, source) => f.write_str(source),
            Operand::Fields(fields) => print_fields(fields, f),
            Operand::Variable(name, fields) => {
                write!(f, "${name}")?;
                print_fields(fields, f)
            }
            Operand::Function(function) => f.write_str(function.name()),
            Operand::Pipe(pipe) => write!(f, "({pipe})"),
            Operand::Chain(operand, fields) => {
                write!(f, "{operand}")?;
                print_fields(fields, f)
            }
        }
    }
}

fn print_fields(fields: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(f, ".{field}"))
}
