//! Values that templates work on.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::rc::Rc;

/// A value.
#[derive(Clone)]
pub(crate) enum Value<'d> {
    /// What is not there: a missing key, or `nil`.
    Nothing,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(Cow<'d, str>),
    List(Rc<[Value<'d>]>),
    Object(Rc<dyn Object<'d> + 'd>),
}

/// A value with parts that have names: a struct or a map in Go.
pub(crate) trait Object<'d> {
    /// The type as Go names it, for errors.
    fn type_name(&self) -> &'static str;

    /// Whether it is a map: then every key may be asked for.
    fn is_map(&self) -> bool {
        false
    }

    /// The part called `name`.
    fn get(&self, name: &str) -> Option<Value<'d>>;

    /// What the method `name` says; `None` if there is no such method.
    fn call(&self, name: &str, args: &[Value<'d>]) -> Option<Result<Value<'d>, String>> {
        let _no_methods = (name, args);
        None
    }

    /// What `index` says of a key that is not there.
    fn missing(&self) -> Value<'d> {
        Value::Nothing
    }

    /// All parts, ordered by name.
    fn entries(&self) -> Vec<(String, Value<'d>)>;
}

impl<'d> Value<'d> {
    pub(crate) fn text(text: impl Into<Cow<'d, str>>) -> Self {
        Value::Text(text.into())
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Nothing => "nil",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint64",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::List(_) => "[]string",
            Value::Object(object) => object.type_name(),
        }
    }

    /// Whether `if` takes the value for true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Nothing => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Uint(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::List(list) => !list.is_empty(),
            Value::Object(object) => !object.is_map() || !object.entries().is_empty(),
        }
    }

    /// Equality as `eq` has it; an error for kinds that cannot be compared.
    pub(super) fn equals(&self, other: &Self) -> Result<bool, &'static str> {
        match (self, other) {
            (Value::Nothing, Value::Nothing) => Ok(true),
            (Value::Nothing, _) | (_, Value::Nothing) => Ok(false),
            (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
            (Value::List(_) | Value::Object(_), _) | (_, Value::List(_) | Value::Object(_)) => {
                Err("non-comparable types")
            }
            _ => self.order(other).map(|order| order == Ordering::Equal),
        }
    }

    /// The order as `lt` has it.
    pub(super) fn order(&self, other: &Self) -> Result<Ordering, &'static str> {
        let incompatible = "incompatible types for comparison";
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => Ok(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b).ok_or(incompatible),
            (Value::Bool(_) | Value::List(_) | Value::Object(_) | Value::Nothing, _) => {
                Err("invalid type for comparison")
            }
            _ => match (self.integer(), other.integer()) {
                (Some(a), Some(b)) => Ok(a.cmp(&b)),
                _ => Err(incompatible),
            },
        }
    }

    pub(super) fn integer(&self) -> Option<i128> {
        match self {
            Value::Int(value) => Some(i128::from(*value)),
            Value::Uint(value) => Some(i128::from(*value)),
            _ => None,
        }
    }
}

impl fmt::Display for Value<'_> {
    /// As Go prints with `%v`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nothing => f.write_str("<no value>"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Uint(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::Text(text) => f.write_str(text),
            Value::List(list) => {
                f.write_char('[')?;
                for (place, value) in list.iter().enumerate() {
                    let blank = if place > 0 { " " } else { "" };
                    write!(f, "{blank}{value}")?;
                }
                f.write_char(']')
            }
            Value::Object(object) => print_object(object.as_ref(), f),
        }
    }
}

fn print_object(object: &dyn Object<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_map = object.is_map();
    f.write_str(if is_map { "map[" } else { "{" })?;
    for (place, (name, value)) in object.entries().iter().enumerate() {
        let blank = if place > 0 { " " } else { "" };
        f.write_str(blank)?;
        if is_map {
            write!(f, "{name}:")?;
        }
        write!(f, "{value}")?;
    }
    f.write_char(if is_map { ']' } else { '}' })
}
