//! The functions of the language itself.

use std::sync::Arc;

use crate::RunError;
use crate::value::{Kind, Value};

/// The longest text, and the longest list, that a function makes.
pub(crate) const LENGTH_MAX: usize = 64 * 1024;

/// A function of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    Abs,
    Ceil,
    Concat,
    First,
    Float,
    Floor,
    HasPrefix,
    HasSuffix,
    IndexOf,
    Int,
    Join,
    Last,
    LastIndexOf,
    Len,
    Lower,
    Max,
    Min,
    Repeat,
    Replace,
    Reverse,
    Round,
    Split,
    SplitAfter,
    String,
    Sum,
    Trim,
    TrimPrefix,
    TrimSuffix,
    Upper,
}

/// A function of a list and a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    All,
    Any,
    Count,
    Filter,
    Find,
    FindIndex,
    Map,
    None,
    One,
}

use Kind::{Any, Bool, Int as Whole, List, Text};

/// Names, the kinds of arguments, how many may be left out, and the kind of the result.
const BUILTINS: [(&str, Builtin, &[Kind], usize, Kind); 29] = [
    ("abs", Builtin::Abs, &[Kind::Float], 0, Any),
    ("ceil", Builtin::Ceil, &[Kind::Float], 0, Kind::Float),
    ("concat", Builtin::Concat, &[List, List], 1, List),
    ("first", Builtin::First, &[List], 0, Any),
    ("float", Builtin::Float, &[Any], 0, Kind::Float),
    ("floor", Builtin::Floor, &[Kind::Float], 0, Kind::Float),
    ("hasPrefix", Builtin::HasPrefix, &[Text, Text], 0, Bool),
    ("hasSuffix", Builtin::HasSuffix, &[Text, Text], 0, Bool),
    ("indexOf", Builtin::IndexOf, &[Text, Text], 0, Whole),
    ("int", Builtin::Int, &[Any], 0, Whole),
    ("join", Builtin::Join, &[List, Text], 1, Text),
    ("last", Builtin::Last, &[List], 0, Any),
    ("lastIndexOf", Builtin::LastIndexOf, &[Text, Text], 0, Whole),
    ("len", Builtin::Len, &[Any], 0, Whole),
    ("lower", Builtin::Lower, &[Text], 0, Text),
    ("max", Builtin::Max, &[Any, Any, Any, Any], 3, Any),
    ("min", Builtin::Min, &[Any, Any, Any, Any], 3, Any),
    ("repeat", Builtin::Repeat, &[Text, Whole], 0, Text),
    (
        "replace",
        Builtin::Replace,
        &[Text, Text, Text, Whole],
        1,
        Text,
    ),
    ("reverse", Builtin::Reverse, &[List], 0, List),
    ("round", Builtin::Round, &[Kind::Float], 0, Kind::Float),
    ("split", Builtin::Split, &[Text, Text, Whole], 1, List),
    (
        "splitAfter",
        Builtin::SplitAfter,
        &[Text, Text, Whole],
        1,
        List,
    ),
    ("string", Builtin::String, &[Any], 0, Text),
    ("sum", Builtin::Sum, &[List], 0, Any),
    ("trim", Builtin::Trim, &[Text, Text], 1, Text),
    ("trimPrefix", Builtin::TrimPrefix, &[Text, Text], 0, Text),
    ("trimSuffix", Builtin::TrimSuffix, &[Text, Text], 0, Text),
    ("upper", Builtin::Upper, &[Text], 0, Text),
];

const SEARCHES: [(&str, Search, Kind); 9] = [
    ("all", Search::All, Bool),
    ("any", Search::Any, Bool),
    ("count", Search::Count, Whole),
    ("filter", Search::Filter, List),
    ("find", Search::Find, Any),
    ("findIndex", Search::FindIndex, Any),
    ("map", Search::Map, List),
    ("none", Search::None, Bool),
    ("one", Search::One, Bool),
];

/// Functions of expr-lang that are not here: no query needs them.
const LEFT_OUT: [&str; 26] = [
    "bitand",
    "bitnand",
    "bitnot",
    "bitor",
    "bitshl",
    "bitshr",
    "bitushr",
    "bitxor",
    "date",
    "duration",
    "findLast",
    "findLastIndex",
    "flatten",
    "fromBase64",
    "fromJSON",
    "fromPairs",
    "get",
    "groupBy",
    "keys",
    "mean",
    "median",
    "now",
    "reduce",
    "sort",
    "sortBy",
    "uniq",
];
const LEFT_OUT_TOO: [&str; 5] = ["take", "timezone", "toBase64", "toJSON", "values"];

impl Builtin {
    pub(crate) fn named(name: &str) -> Option<Builtin> {
        let found = BUILTINS.iter().find(|(known, ..)| *known == name);
        found.map(|(_, builtin, ..)| *builtin)
    }

    /// The kinds of its arguments, how many may be left out, and the kind of its result.
    pub(crate) fn signature(self) -> (&'static [Kind], usize, Kind) {
        let found = BUILTINS.iter().find(|(_, known, ..)| *known == self);
        found.map_or((&[], 0, Any), |(_, _, args, optional, result)| {
            (*args, *optional, *result)
        })
    }

    /// What it makes of `args`.
    pub(crate) fn call<'a>(self, args: &[Value<'a>]) -> Result<Value<'a>, RunError> {
        self.of_text(args)
            .or_else(|| self.of_list(args))
            .or_else(|| self.of_number(args))
            .filter(|value| !matches!(value, Value::Text(text) if text.len() > LENGTH_MAX))
            .ok_or_else(|| {
                let args: Vec<String> = args.iter().map(ToString::to_string).collect();
                RunError(format!(
                    "invalid arguments for {self:?}: {}",
                    args.join(", ")
                ))
            })
    }

    fn of_text<'a>(self, args: &[Value<'a>]) -> Option<Value<'a>> {
        let (Value::Text(text), rest) = args.split_first()? else {
            return None;
        };
        let second = match rest.first() {
            Some(Value::Text(second)) => Some(&**second),
            _ => None,
        };
        let owned = |text: &str| Value::text(text.to_owned());
        Some(match self {
            Builtin::HasPrefix => Value::Bool(text.starts_with(second?)),
            Builtin::HasSuffix => Value::Bool(text.ends_with(second?)),
            Builtin::IndexOf => place(text.find(second?)),
            Builtin::LastIndexOf => place(text.rfind(second?)),
            Builtin::Len => place(Some(text.chars().count())),
            Builtin::Lower => Value::text(text.to_lowercase()),
            Builtin::Upper => Value::text(text.to_uppercase()),
            Builtin::String => Value::Text(text.clone()),
            Builtin::Trim => match second {
                None => owned(text.trim()),
                Some(set) => owned(text.trim_matches(|c| set.contains(c))),
            },
            Builtin::TrimPrefix => owned(text.strip_prefix(second?).unwrap_or(text)),
            Builtin::TrimSuffix => owned(text.strip_suffix(second?).unwrap_or(text)),
            Builtin::Repeat => Value::text(repeat(text, rest)?),
            Builtin::Replace => Value::text(replace(text, rest)?),
            Builtin::Split => pieces(text.split(second?), text, rest)?,
            Builtin::SplitAfter => pieces(text.split_inclusive(second?), text, rest)?,
            Builtin::Int => Value::Int(text.parse().ok()?),
            Builtin::Float => Value::Float(text.parse().ok()?),
            _ => return None,
        })
    }

    fn of_list<'a>(self, args: &[Value<'a>]) -> Option<Value<'a>> {
        let (Value::List(list), rest) = args.split_first()? else {
            return None;
        };
        Some(match self {
            Builtin::Len => place(Some(list.len())),
            Builtin::First => list.first().cloned().unwrap_or(Value::Nil),
            Builtin::Last => list.last().cloned().unwrap_or(Value::Nil),
            Builtin::Reverse => Value::List(list.iter().rev().cloned().collect()),
            Builtin::Max | Builtin::Min => return self.extreme(list),
            Builtin::Sum => sum(list)?,
            Builtin::Join => {
                let between = match rest {
                    [Value::Text(between)] => &**between,
                    _ => "",
                };
                let words: Vec<String> = list.iter().map(ToString::to_string).collect();
                Value::text(words.join(between))
            }
            Builtin::Concat => {
                let mut all = list.to_vec();
                for more in rest {
                    let Value::List(more) = more else { return None };
                    all.extend_from_slice(more);
                }
                (all.len() <= LENGTH_MAX).then_some(Value::List(all.into()))?
            }
            _ => return None,
        })
    }

    fn of_number<'a>(self, args: &[Value<'a>]) -> Option<Value<'a>> {
        let first = args.first()?;
        Some(match (self, first) {
            (Builtin::String, value) => Value::text(value.to_string()),
            (Builtin::Max | Builtin::Min, _) => return self.extreme(args),
            (Builtin::Abs, Value::Int(number)) => Value::Int(number.checked_abs()?),
            (Builtin::Abs, value) => Value::Float(value.float()?.abs()),
            (Builtin::Ceil, value) => Value::Float(value.float()?.ceil()),
            (Builtin::Floor, value) => Value::Float(value.float()?.floor()),
            (Builtin::Round, value) => Value::Float(value.float()?.round()),
            (Builtin::Int, Value::Int(number)) => Value::Int(*number),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "int() cuts off, and saturates"
            )]
            (Builtin::Int, value) => Value::Int(value.float()? as i64),
            (Builtin::Float, value) => Value::Float(value.float()?),
            _ => return None,
        })
    }

    fn extreme<'a>(self, values: &[Value<'a>]) -> Option<Value<'a>> {
        let mut values = values.iter();
        let mut best = values.next()?;
        best.float()?;
        for value in values {
            let order = value.order(best)?;
            if order.is_gt() == (self == Builtin::Max) && order.is_ne() {
                best = value;
            }
        }
        Some(best.clone())
    }
}

fn place<'a>(place: Option<usize>) -> Value<'a> {
    Value::Int(
        place
            .and_then(|place| i64::try_from(place).ok())
            .unwrap_or(-1),
    )
}

fn repeat(text: &str, rest: &[Value<'_>]) -> Option<String> {
    let [Value::Int(count)] = rest else {
        return None;
    };
    let count = usize::try_from(*count).ok()?;
    (text.len().checked_mul(count)? <= LENGTH_MAX).then(|| text.repeat(count))
}

fn replace(text: &str, rest: &[Value<'_>]) -> Option<String> {
    let (from, to, count) = match rest {
        [Value::Text(from), Value::Text(to)] => (from, to, usize::MAX),
        [Value::Text(from), Value::Text(to), Value::Int(count)] => {
            (from, to, usize::try_from(*count).unwrap_or(usize::MAX))
        }
        _ => return None,
    };
    let growth = text.len().saturating_mul(to.len().max(1));
    (growth <= LENGTH_MAX).then(|| text.replacen(&**from, to, count))
}

/// The pieces of `text`, joined again beyond a count if one is given.
fn pieces<'a, 't>(
    pieces: impl Iterator<Item = &'t str>,
    text: &str,
    rest: &[Value<'a>],
) -> Option<Value<'a>> {
    let mut all: Vec<Value<'a>> = pieces.map(|piece| Value::text(piece.to_owned())).collect();
    if let [Value::Text(separator), Value::Int(count)] = rest {
        let count = usize::try_from(*count).unwrap_or(usize::MAX);
        if all.len() > count {
            let last = text.splitn(count, &**separator).last()?;
            all.truncate(count.saturating_sub(1));
            all.extend((count > 0).then(|| Value::text(last.to_owned())));
        }
    }
    Some(Value::List(all.into()))
}

fn sum<'a>(list: &Arc<[Value<'a>]>) -> Option<Value<'a>> {
    let mut total = 0i64;
    for value in list.iter() {
        let Value::Int(number) = value else {
            let floats: Option<Vec<f64>> = list.iter().map(Value::float).collect();
            return Some(Value::Float(floats?.iter().sum()));
        };
        total = total.checked_add(*number)?;
    }
    Some(Value::Int(total))
}

impl Search {
    pub(crate) fn named(name: &str) -> Option<(Search, Kind)> {
        let found = SEARCHES.iter().find(|(known, ..)| *known == name);
        found.map(|(_, search, kind)| (*search, *kind))
    }
}

/// Whether expr-lang has a function called `name` that is not here.
pub(crate) fn is_left_out(name: &str) -> bool {
    LEFT_OUT.contains(&name) || LEFT_OUT_TOO.contains(&name)
}

pub(crate) fn is_builtin(name: &str) -> bool {
    Builtin::named(name).is_some() || Search::named(name).is_some() || is_left_out(name)
}
