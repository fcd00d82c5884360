//! The functions that templates call.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::format::format;
use super::value::Value;

/// A function by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    And,
    Or,
    Not,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Html,
    Index,
    Len,
    ParseInt,
    Print,
    Printf,
    Println,
    Slice,
}

const NAMES: [(&str, Function); 17] = [
    ("and", Function::And),
    ("or", Function::Or),
    ("not", Function::Not),
    ("eq", Function::Equal),
    ("ne", Function::Unequal),
    ("lt", Function::Less),
    ("le", Function::LessOrEqual),
    ("gt", Function::Greater),
    ("ge", Function::GreaterOrEqual),
    ("html", Function::Html),
    ("index", Function::Index),
    ("len", Function::Len),
    ("parseInt", Function::ParseInt),
    ("print", Function::Print),
    ("printf", Function::Printf),
    ("println", Function::Println),
    ("slice", Function::Slice),
];

type Result<T> = std::result::Result<T, String>;

impl Function {
    pub(super) fn named(name: &str) -> Option<Function> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, function)| *function)
    }

    pub(super) fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(_, function)| *function == self);
        found.map_or("", |(name, _)| name)
    }

    /// Whether `value` decides `and` or `or`, so that no more arguments are looked at.
    pub(super) fn is_decided_by(self, value: &Value<'_>) -> bool {
        match self {
            Function::And => !value.is_true(),
            Function::Or => value.is_true(),
            _ => false,
        }
    }

    /// What the function makes of `args`; the error begins as Go's does.
    pub(super) fn call<'d>(self, args: &[Value<'d>]) -> Result<Value<'d>> {
        self.apply(args)
            .map_err(|error| format!("error calling {}: {error}", self.name()))
    }

    fn apply<'d>(self, args: &[Value<'d>]) -> Result<Value<'d>> {
        let (first, rest) = match args {
            [first, rest @ ..] => (first, rest),
            [] if matches!(self, Function::Print | Function::Println) => (&Value::Nothing, args),
            [] => return Err("wrong number of args: want at least 1 got 0".to_owned()),
        };
        Ok(match self {
            // All arguments but the last let the others speak.
            Function::And | Function::Or => rest.last().unwrap_or(first).clone(),
            Function::Not => Value::Bool(!first.is_true()),
            Function::Equal => Value::Bool(equals_any(first, rest)?),
            Function::Unequal => Value::Bool(!equals_any(first, one(rest)?)?),
            Function::Less => compare(first, rest, Ordering::is_lt)?,
            Function::LessOrEqual => compare(first, rest, Ordering::is_le)?,
            Function::Greater => compare(first, rest, Ordering::is_gt)?,
            Function::GreaterOrEqual => compare(first, rest, Ordering::is_ge)?,
            Function::Html => Value::text(html(&print(args))),
            Function::Index => index(first, rest)?,
            Function::Len => len(first)?,
            Function::ParseInt => parse_int(args)?,
            Function::Print => Value::text(print(args)),
            Function::Printf => match first {
                Value::Text(text) => Value::text(format(text, rest)),
                other => return Err(expected("string", other)),
            },
            Function::Println => {
                let words: Vec<String> = args.iter().map(ToString::to_string).collect();
                Value::text(words.join(" ") + "\n")
            }
            Function::Slice => slice(first, rest)?,
        })
    }
}

fn expected(kind: &str, value: &Value<'_>) -> String {
    match value {
        Value::Nothing => format!("invalid value; expected {kind}"),
        other => format!(
            "wrong type for value; expected {kind}; got {}",
            other.type_name()
        ),
    }
}

fn one<'a, 'd>(args: &'a [Value<'d>]) -> Result<&'a [Value<'d>]> {
    match args {
        [_] => Ok(args),
        _ => Err(format!(
            "wrong number of args: want 2 got {}",
            args.len() + 1
        )),
    }
}

fn equals_any<'d>(first: &Value<'d>, rest: &[Value<'d>]) -> Result<bool> {
    if rest.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in rest {
        if first.equals(other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn compare<'d>(
    first: &Value<'d>,
    rest: &[Value<'d>],
    test: fn(Ordering) -> bool,
) -> Result<Value<'d>> {
    let order = first.order(one(rest)?.first().unwrap_or(&Value::Nothing))?;
    Ok(Value::Bool(test(order)))
}

fn index<'d>(first: &Value<'d>, keys: &[Value<'d>]) -> Result<Value<'d>> {
    let mut value = first.clone();
    for key in keys {
        value = match (&value, key) {
            (Value::List(list), key) => {
                let place = place(key, list.len())?;
                let found = list.get(place).cloned();
                found.ok_or_else(|| format!("index out of range: {place}"))?
            }
            (Value::Text(text), key) => {
                let place = place(key, text.len())?;
                let octet = text.as_bytes().get(place).copied();
                let octet = octet.ok_or_else(|| format!("index out of range: {place}"))?;
                Value::Uint(u64::from(octet))
            }
            (Value::Object(object), Value::Text(key)) if object.is_map() => {
                object.get(key).unwrap_or_else(|| object.missing())
            }
            (Value::Object(object), key) if object.is_map() => {
                return Err(expected("string", key));
            }
            (Value::Nothing, _) => return Err("index of untyped nil".to_owned()),
            (other, _) => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(value)
}

fn place(key: &Value<'_>, limit: usize) -> Result<usize> {
    let Some(number) = key.integer() else {
        let kind = key.type_name();
        return Err(format!("cannot index slice/array with type {kind}"));
    };
    let place = usize::try_from(number).ok().filter(|place| *place <= limit);
    place.ok_or_else(|| format!("index out of range: {number}"))
}

fn len<'d>(value: &Value<'_>) -> Result<Value<'d>> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Object(object) if object.is_map() => object.entries().len(),
        Value::Nothing => return Err("len of nil pointer".to_owned()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn slice<'d>(value: &Value<'d>, bounds: &[Value<'_>]) -> Result<Value<'d>> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(list) => list.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let (from, to) = match bounds {
        [] => (0, length),
        [from] => (place(from, length)?, length),
        [from, to] => (place(from, length)?, place(to, length)?),
        _ => return Err(format!("too many slice indexes: {}", bounds.len())),
    };
    let wrong = || format!("invalid slice index: {from} > {to}");
    match value {
        Value::Text(text) => {
            let part = text.get(from..to).ok_or_else(wrong)?;
            Ok(Value::text(part.to_owned()))
        }
        Value::List(list) => Ok(Value::List(list.get(from..to).ok_or_else(wrong)?.into())),
        _ => Ok(Value::Nothing),
    }
}

/// `parseInt TEXT BASE BITS`, which reads an unsigned number.
fn parse_int<'d>(args: &[Value<'_>]) -> Result<Value<'d>> {
    let [text, base, bits] = args else {
        return Err(format!("wrong number of args: want 3 got {}", args.len()));
    };
    let Value::Text(text) = text else {
        return Err(expected("string", text));
    };
    let number = |value: &Value<'_>| value.integer().ok_or_else(|| expected("int", value));
    let (base, bits) = (number(base)?, number(bits)?);
    let failed = |what: &str| format!("strconv.ParseUint: parsing {text:?}: {what}");
    let (digits, base) = match base {
        0 => based(text),
        2..=36 => (text.to_string(), u32::try_from(base).unwrap_or(10)),
        _ => return Err(failed(&format!("invalid base {base}"))),
    };
    let bits = match bits {
        0 => 64,
        1..=64 => bits,
        _ => return Err(failed(&format!("invalid bit size {bits}"))),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return Err(failed("invalid syntax"));
    }
    match u64::from_str_radix(&digits, base) {
        Ok(number) if i128::from(number) < 1 << bits => Ok(Value::Uint(number)),
        _ => Err(failed("value out of range")),
    }
}

/// The digits and the base of a number that says its base itself.
fn based(text: &str) -> (String, u32) {
    let lower = text.to_ascii_lowercase();
    let (digits, base) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (digits, 8)
    } else if let Some(digits) = lower.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        (digits, 8)
    } else {
        (lower.as_str(), 10)
    };
    (digits.replace('_', ""), base)
}

/// All of `args`, with a blank between two that are no text.
fn print(args: &[Value<'_>]) -> String {
    let mut out = String::new();
    let mut was_text = true;
    for value in args {
        let is_text = matches!(value, Value::Text(_));
        if !was_text && !is_text {
            out.push(' ');
        }
        let _written = write!(out, "{value}");
        was_text = is_text;
    }
    out
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\0' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
