//! `printf`, as Go's fmt does it.

use std::fmt::Write as _;

use super::value::Value;

/// The widest field; more than any record needs.
const WIDTH_MAX: usize = 1000;

#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    zero: bool,
    blank: bool,
    width: usize,
    precision: Option<usize>,
}

/// Writes `args` as `template` says.
pub(super) fn format(template: &str, args: &[Value<'_>]) -> String {
    let (mut out, mut args) = (String::new(), args.iter());
    let mut rest = template.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let spec = Spec::read(&mut rest);
        match rest.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match args.next() {
                None => {
                    let _written = write!(out, "%!{verb}(MISSING)");
                }
                Some(value) => spec.write(verb, value, &mut out),
            },
        }
    }
    let extra: Vec<String> = args
        .map(|value| format!("{}={value}", value.type_name()))
        .collect();
    if !extra.is_empty() {
        let _written = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    out
}

impl Spec {
    fn read(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Spec {
        let mut spec = Spec::default();
        while let Some(c) = rest.peek() {
            match c {
                '-' => spec.minus = true,
                '+' => spec.plus = true,
                '#' => spec.sharp = true,
                '0' => spec.zero = true,
                ' ' => spec.blank = true,
                _ => break,
            }
            rest.next();
        }
        let number = |rest: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut number = 0;
            while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
                number = (number * 10 + usize::try_from(digit).unwrap_or(0)).min(WIDTH_MAX);
                rest.next();
            }
            number
        };
        spec.width = number(rest);
        if rest.next_if_eq(&'.').is_some() {
            spec.precision = Some(number(rest));
        }
        spec
    }

    fn write(&self, verb: char, value: &Value<'_>, out: &mut String) {
        match (verb, value) {
            ('v', Value::Text(text)) if self.sharp => self.pad(&format!("{text:?}"), out),
            ('v' | 's', Value::Text(text)) => self.pad(&self.cut(text), out),
            ('v', Value::Float(number)) => self.number(&number.to_string(), out),
            ('v' | 'd', _) if value.integer().is_some() => self.number(&value.to_string(), out),
            ('v', _) => self.pad(&value.to_string(), out),
            ('s', Value::List(_)) => self.pad(&value.to_string(), out),
            ('q', Value::Text(text)) => self.pad(&format!("{:?}", self.cut(text)), out),
            ('x', Value::Text(text)) => self.pad(&hex(text), out),
            ('X', Value::Text(text)) => self.pad(&hex(text).to_uppercase(), out),
            ('t', Value::Bool(value)) => self.pad(&value.to_string(), out),
            ('f' | 'F', Value::Float(number)) => {
                let precision = self.precision.unwrap_or(6);
                self.number(&format!("{number:.precision$}"), out);
            }
            ('g', Value::Float(number)) => self.number(&number.to_string(), out),
            (verb, value) => match value.integer().and_then(|number| self.based(verb, number)) {
                Some(text) => self.number(&text, out),
                None => {
                    let (kind, value) = (value.type_name(), value);
                    let _written = write!(out, "%!{verb}({kind}={value})");
                }
            },
        }
    }

    fn cut<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        match self.precision {
            None => text.into(),
            Some(count) => text.chars().take(count).collect::<String>().into(),
        }
    }

    fn based(&self, verb: char, number: i128) -> Option<String> {
        let sign = if number < 0 { "-" } else { "" };
        let size = number.unsigned_abs();
        let (prefix, digits) = match verb {
            'x' => ("0x", format!("{size:x}")),
            'X' => ("0X", format!("{size:X}")),
            'o' => ("0", format!("{size:o}")),
            'b' => ("0b", format!("{size:b}")),
            'c' => {
                let code = u32::try_from(size).ok()?;
                return Some(char::from_u32(code)?.to_string());
            }
            _ => return None,
        };
        let prefix = if self.sharp { prefix } else { "" };
        Some(format!("{sign}{prefix}{digits}"))
    }

    /// A number with its sign, filled up with zeros if asked for.
    fn number(&self, text: &str, out: &mut String) {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None if self.plus => ("+", text),
            None if self.blank => (" ", text),
            None => ("", text),
        };
        let length = sign.len() + digits.len();
        if self.zero && !self.minus && length < self.width {
            let zeros = self.width - length;
            let _written = write!(out, "{sign}{:0<zeros$}{digits}", "");
        } else {
            self.pad(&format!("{sign}{digits}"), out);
        }
    }

    fn pad(&self, text: &str, out: &mut String) {
        let width = self.width;
        let _written = match self.minus {
            true => write!(out, "{text:<width$}"),
            false => write!(out, "{text:>width$}"),
        };
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|octet| format!("{octet:02x}")).collect()
}
