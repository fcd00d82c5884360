//! Reads the words of an `edns0` rule.

use super::Result;
use crate::edns::{Action, Data, EdnsRule, NSID, SUBNET, Variable};

/// Reads `local|nsid|subnet ACTION ARGUMENT... [revert]`.
pub(super) fn rule(args: &[&str]) -> Result<EdnsRule> {
    let [kind, action, rest @ ..] = args else {
        return Err("too few arguments for an EDNS0 rule".to_owned());
    };
    let (kind, word) = (kind.to_ascii_lowercase(), action.to_ascii_lowercase());
    let action = match word.as_str() {
        "append" => Action::Append,
        "replace" => Action::Replace,
        "set" => Action::Set,
        "unset" => return unset(&kind, rest),
        _ => return Err(format!("invalid action: {word:?}")),
    };
    let (reverts, rest) = match rest {
        [rest @ .., "revert"] => (true, rest),
        rest => (false, rest),
    };
    let (code, data) = match (kind.as_str(), rest) {
        ("local", [code, data]) => (number(code, 16)?, local(data)?),
        ("local", _) => return Err("EDNS0 local rules require three or four args".to_owned()),
        ("nsid", []) => (NSID, Data::Octets(Vec::new())),
        ("nsid", _) => {
            return Err("EDNS0 NSID rules can accept no more than one arg".to_owned());
        }
        ("subnet", [v4, v6]) => (SUBNET, Data::Subnet(mask(v4, 32)?, mask(v6, 128)?)),
        ("subnet", _) => return Err("EDNS0 subnet rules require three or four args".to_owned()),
        _ => return Err(format!("invalid rule type {kind:?}")),
    };
    Ok(EdnsRule {
        code,
        action,
        data,
        reverts,
    })
}

fn unset(kind: &str, rest: &[&str]) -> Result<EdnsRule> {
    let code = match (kind, rest) {
        ("local", [code]) => number(code, 16)?,
        ("nsid", []) => NSID,
        ("subnet", []) => SUBNET,
        ("local", _) => return Err("local unset action requires exactly two arguments".to_owned()),
        ("nsid" | "subnet", _) => {
            return Err(format!("{kind} unset action requires exactly one argument"));
        }
        _ => return Err(format!("invalid rule type {kind:?}")),
    };
    Ok(EdnsRule {
        code,
        action: Action::Unset,
        data: Data::Octets(Vec::new()),
        reverts: false,
    })
}

/// Text, octets in hexadecimal digits after `0x`, or a variable in braces.
fn local(text: &str) -> Result<Data> {
    if let Some(name) = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        let variable = Variable::named(name);
        return match variable {
            Some(variable) => Ok(Data::Variable(variable)),
            None => Err(format!("unsupported variable name {text:?}")),
        };
    }
    match text.strip_prefix("0x") {
        None => Ok(Data::Octets(text.as_bytes().to_vec())),
        Some(digits) => hex(digits).map(Data::Octets),
    }
}

fn hex(digits: &str) -> Result<Vec<u8>> {
    if let Some(bad) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
        let code = u32::from(bad);
        return Err(format!("encoding/hex: invalid byte: U+{code:04X} {bad:?}"));
    }
    if !digits.len().is_multiple_of(2) {
        return Err("encoding/hex: odd length hex string".to_owned());
    }
    let values: Vec<u8> = digits
        .chars()
        .filter_map(|c| c.to_digit(16))
        .filter_map(|digit| u8::try_from(digit).ok())
        .collect();
    let pairs = values.chunks_exact(2);
    Ok(pairs
        .map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit))
        .collect())
}

fn mask(text: &str, most: u8) -> Result<u8> {
    let bits = number(text, 16)?;
    let family = if most == 32 { "IPv4" } else { "IPv6" };
    let fits = u8::try_from(bits).ok().filter(|bits| *bits <= most);
    fits.ok_or_else(|| format!("invalid {family} bit mask length {bits}"))
}

/// A number that may say its base, as in `0xffee`.
fn number(text: &str, bits: u32) -> Result<u16> {
    let failed = |what: &str| format!("strconv.ParseUint: parsing {text:?}: {what}");
    let lower = text.to_ascii_lowercase();
    let (digits, base) = match lower.get(..2) {
        Some("0x") => (lower.get(2..), 16),
        Some("0b") => (lower.get(2..), 2),
        Some("0o") => (lower.get(2..), 8),
        _ if lower.len() > 1 && lower.starts_with('0') => (lower.get(1..), 8),
        _ => (Some(lower.as_str()), 10),
    };
    let digits = digits.unwrap_or_default();
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return Err(failed("invalid syntax"));
    }
    let value = u64::from_str_radix(digits, base).ok();
    let value = value.filter(|value| value >> bits == 0);
    let value = value.and_then(|value| u16::try_from(value).ok());
    value.ok_or_else(|| failed("value out of range"))
}
