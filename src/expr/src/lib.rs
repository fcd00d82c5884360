//! The expression language of `view` and `template`: expr-lang, as far as queries need it.
//!
//! An expression is compiled once, with its types checked, and then run for each query. Constant
//! parts, patterns and networks are made ready when it is compiled.

mod builtin;
mod check;
mod eval;
mod node;
mod parse;
mod query;
mod token;
mod value;

use node::Node;

pub use query::{Facts, Groups};
pub use value::{Kind, Value};

/// Why an expression cannot be compiled: what is wrong, and its column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (1:{column})")]
pub struct CompileError {
    /// What is wrong.
    pub what: String,
    /// The octet at which it is, from 1.
    pub column: usize,
}

/// Why an expression has no value for a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RunError(pub(crate) String);

/// What names an expression may use beside the functions of the query.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Whether there are groups of a pattern, for `group()`.
    pub has_groups: bool,
    /// The variables that are set, with their kinds.
    pub variables: Vec<(String, Kind)>,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression {
    node: Node,
    kind: Kind,
}

impl Expression {
    /// Compiles `text`.
    pub fn compile(text: &str, scope: &Scope) -> Result<Expression, CompileError> {
        let (node, kind) = parse::parse(text, scope)?;
        Ok(Expression { node, kind })
    }

    /// The kind of its values.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its value for a query; `variables` stand in the order of the scope.
    pub fn run<'a>(
        &'a self,
        facts: &'a Facts<'a>,
        variables: &[Value<'a>],
    ) -> Result<Value<'a>, RunError> {
        eval::run(&self.node, facts, variables)
    }

    /// Whether its value for a query is `true`; what has no value is not.
    pub fn is_true(&self, facts: &Facts<'_>) -> bool {
        matches!(self.run(facts, &[]), Ok(Value::Bool(true)))
    }
}

/// Whether `name` means something in every expression, so that no variable may have it.
pub fn is_reserved(name: &str, scope: &Scope) -> bool {
    token::is_keyword(name)
        || builtin::is_builtin(name)
        || query::Function::named(name, scope).is_some()
}

#[cfg(test)]
mod tests;
