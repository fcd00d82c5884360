//! Reads the words of a rule; errors are in CoreDNS's words.

mod edns;

use catena_dns::{Class, Rcode, RecordType};
use catena_pattern::PatternError;
use regex::Regex;

use crate::matcher::{Matcher, normal};
use crate::rule::{AnswerRule, Back, Change, NameRule, Part, RcodeChange, Rule, TtlRange};

/// The largest TTL, RFC 2181 section 8.
const TTL_MAX: u32 = 0x7fff_ffff;
/// Marks such as `{1}` that are looked for, at most.
const GROUPS_MAX: usize = 100;
/// The largest response code.
const RCODE_MAX: u16 = 23;

const KINDS: &str = "exact, prefix, suffix, substring, and regex name matching";

type Result<T> = std::result::Result<T, String>;

/// Reads `[continue|stop] FIELD ARGUMENT...`.
pub(crate) fn rule(words: &[&str]) -> Result<Rule> {
    let Some((first, rest)) = words.split_first() else {
        return Err("no rule type specified for rewrite".to_owned());
    };
    let mode = first.to_ascii_lowercase();
    let (stops, field, args) = match (mode.as_str(), rest.split_first()) {
        ("continue" | "stop", None) => {
            return Err(format!("{mode} rule must begin with a rule type"));
        }
        ("continue" | "stop", Some((field, args))) => (mode == "stop", *field, args),
        _ => (true, *first, rest),
    };
    let field = field.to_ascii_lowercase();
    let change = match field.as_str() {
        "answer" => return Err("response rewrites must begin with a name rule".to_owned()),
        "name" => Change::Name(name(args)?),
        "class" => {
            let (from, to) = pair(&field, args)?;
            Change::Class(value::<Class>("class", from)?, value("class", to)?)
        }
        "type" => {
            let (from, to) = pair(&field, args)?;
            Change::Type(value::<RecordType>("type", from)?, value("type", to)?)
        }
        "edns0" => Change::Edns(edns::rule(args)?),
        "ttl" => ttl(args)?,
        "rcode" => rcode(args)?,
        "cname" => cname(args)?,
        _ => return Err(format!("invalid rule type {first:?}")),
    };
    Ok(Rule { stops, change })
}

fn pair<'w>(field: &str, args: &[&'w str]) -> Result<(&'w str, &'w str)> {
    match args {
        [from, to] => Ok((from, to)),
        _ => Err(format!("{field} rules must have exactly two arguments")),
    }
}

/// A class or type by its name.
fn value<T: Named>(what: &str, word: &str) -> Result<T> {
    let word = word.to_ascii_uppercase();
    let found = T::ALL.iter().find(|(_, name)| *name == word);
    let found = found.map(|(value, _)| *value);
    found.ok_or_else(|| format!("invalid {what} {word:?}"))
}

/// What has a list of names.
trait Named: Copy + 'static {
    const ALL: &'static [(Self, &'static str)];
}

impl Named for Class {
    const ALL: &'static [(Self, &'static str)] = Class::NAMED;
}

impl Named for RecordType {
    const ALL: &'static [(Self, &'static str)] = RecordType::NAMED;
}

/// Reads `[KIND] FROM TO [answer ...]`.
fn name(args: &[&str]) -> Result<NameRule> {
    let (kind, from, to, options) = match args {
        [] | [_] => return Err("too few arguments for a name rule".to_owned()),
        [from, to] => ("exact".to_owned(), *from, *to, &[][..]),
        [kind, from, to, options @ ..] => (kind.to_ascii_lowercase(), *from, *to, options),
    };
    let (is_auto, answers) = match options {
        [] => (false, Vec::new()),
        options => answers(&kind, options)?,
    };
    let matcher = match kind.as_str() {
        "regex" => Matcher::Pattern(pattern_for(from, to)?),
        kind => named_matcher(kind, &normal(from))
            .ok_or_else(|| format!("name rule supports only {KINDS}, received: {kind}"))?,
    };
    let back = match &matcher {
        Matcher::Exact(_) => Back::Name,
        _ if !is_auto => Back::Never,
        Matcher::Suffix(_) => Back::Suffix,
        _ => Back::Name,
    };
    Ok(NameRule {
        matcher,
        to: normal(to),
        back,
        answers,
    })
}

/// The matcher of a kind other than `regex`.
fn named_matcher(kind: &str, from: &str) -> Option<Matcher> {
    let from = from.to_owned();
    Some(match kind {
        "exact" => Matcher::Exact(from),
        "prefix" => Matcher::Prefix(from),
        "suffix" => Matcher::Suffix(from),
        "substring" => Matcher::Substring(from),
        _ => return None,
    })
}

/// Reads `answer (auto | (name|value) FROM TO)...`; `answer` may be left out after the first.
fn answers(kind: &str, options: &[&str]) -> Result<(bool, Vec<AnswerRule>)> {
    if options.len() < 2 {
        return Err(format!("invalid arguments for {kind} rule"));
    }
    let (mut is_auto, mut rules, mut rest) = (false, Vec::new(), options);
    while let Some((word, after)) = rest.split_first() {
        if *word == "answer" {
            rest = after;
        } else if rest.len() == options.len() {
            return Err(format!(
                "exceeded the number of arguments for a non-answer rule argument for {kind} rule"
            ));
        }
        let Some((what, after)) = rest.split_first() else {
            return Err(format!("type missing for answer rule for {kind} rule"));
        };
        rest = after;
        let part = match *what {
            "auto" => {
                is_auto = true;
                continue;
            }
            "name" => Part::Owner,
            "value" => Part::Value,
            _ => {
                return Err(format!(
                    "invalid type {what:?} for answer rule for {kind} rule"
                ));
            }
        };
        let [from, to, after @ ..] = rest else {
            return Err(format!(
                "{what} answer rule for {kind} rule: 2 arguments required"
            ));
        };
        rest = after;
        let failed = |error| format!("{what} answer rule for {kind} rule: {error}");
        let regex = pattern_for(from, to).map_err(failed)?;
        let to = normal(to);
        rules.push(AnswerRule { part, regex, to });
    }
    if is_auto && rules.iter().any(|rule| rule.part == Part::Owner) {
        let what = "auto name answer rule cannot be combined with explicit name anwer rules";
        return Err(what.to_owned());
    }
    Ok((is_auto, rules))
}

/// The pattern `from`, which must have a group for each that `to` uses.
fn pattern_for(from: &str, to: &str) -> Result<Regex> {
    let regex = catena_pattern::compile(from).map_err(|error| match error {
        PatternError::TooLong(_) => error.to_string(),
        _ => format!("invalid regex matching pattern: {from}"),
    })?;
    let used = (0..=GROUPS_MAX).filter(|number| to.contains(&format!("{{{number}}}")));
    if used.count() >= regex.captures_len() {
        return Err(format!(
            "the rewrite regex pattern ({to}) uses more subexpressions than its corresponding \
             matching regex pattern ({from})"
        ));
    }
    Ok(regex)
}

/// The matcher of a `ttl` or `rcode` rule.
fn matcher_for(field: &str, kind: Option<&str>, from: &str) -> Result<Matcher> {
    let kind = kind.map_or_else(|| "exact".to_owned(), str::to_ascii_lowercase);
    if kind == "regex" {
        let regex = catena_pattern::compile(from).map_err(|error| match error {
            PatternError::TooLong(length) => format!(
                "regex pattern too long in a {field} rule: {length} > {}",
                catena_pattern::LENGTH_MAX
            ),
            _ => format!("invalid regex pattern in a {field} rule: {from}"),
        })?;
        return Ok(Matcher::Pattern(regex));
    }
    let matcher = named_matcher(&kind, &normal(from));
    matcher.ok_or_else(|| format!("{field} rule supports only {KINDS}"))
}

/// Reads `[KIND] NAME SECONDS|MIN-MAX`.
fn ttl(args: &[&str]) -> Result<Change> {
    let (kind, from, text) = match args {
        [] | [_] => return Err(format!("too few ({}) arguments for a ttl rule", args.len())),
        [from, text] => (None, *from, *text),
        [kind, from, text] => (Some(*kind), *from, *text),
        _ => return Err("invalid TTL '' for a ttl rule: too many arguments".to_owned()),
    };
    let range = ttl_range(text).ok_or_else(|| format!("invalid TTL '{text}' for a ttl rule"))?;
    Ok(Change::Ttl(matcher_for("ttl", kind, from)?, range))
}

fn ttl_range(text: &str) -> Option<TtlRange> {
    let number = |text: &str, otherwise: u32| match text {
        "" => Some(otherwise),
        digits if digits.bytes().all(|c| c.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    };
    let (min, max) = match text.split_once('-') {
        None if text.is_empty() => return None,
        None => (number(text, 0)?, number(text, 0)?),
        Some(("", "")) => return None,
        Some((min, max)) => (number(min, 0)?, number(max, TTL_MAX)?),
    };
    (min <= max).then_some(TtlRange { min, max })
}

/// Reads `[KIND] NAME FROM TO`.
fn rcode(args: &[&str]) -> Result<Change> {
    let (kind, name, from, to) = match args {
        [] | [_] | [_, _] => {
            return Err(format!(
                "too few ({}) arguments for a rcode rule",
                args.len()
            ));
        }
        [name, from, to] => (None, *name, *from, *to),
        [kind, name, from, to] => (Some(*kind), *name, *from, *to),
        _ => return Err("invalid matching RCODE '' for a rcode rule: too many arguments".into()),
    };
    let read = |what: &str, word: &str| {
        let code = rcode_named(word);
        code.ok_or_else(|| format!("invalid {what} RCODE '{word}' for a rcode rule"))
    };
    let change = RcodeChange {
        from: read("matching", from)?,
        to: read("replacement", to)?,
    };
    Ok(Change::Rcode(matcher_for("rcode", kind, name)?, change))
}

fn rcode_named(word: &str) -> Option<Rcode> {
    if let Ok(number) = word.parse::<u16>() {
        return (number <= RCODE_MAX).then_some(Rcode(number));
    }
    match word.to_ascii_uppercase().as_str() {
        "BADSIG" => Some(Rcode::BADVERS),
        "NOTIMPL" => Some(Rcode::NOTIMP),
        "DSOTYPENI" => Some(Rcode(11)),
        word => {
            let found = Rcode::NAMED.iter().find(|(_, name)| *name == word);
            found.map(|(code, _)| *code)
        }
    }
}

/// Reads `[KIND] FROM TO`.
fn cname(args: &[&str]) -> Result<Change> {
    let (kind, from, to) = match args {
        [from, to] => ("exact".to_owned(), *from, *to),
        [kind, from, to] => (kind.to_ascii_lowercase(), *from, *to),
        _ => {
            return Err(format!(
                "too few ({}) arguments for a cname rule",
                args.len()
            ));
        }
    };
    let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
    let matcher = match kind.as_str() {
        "exact" => Matcher::Exact(normal(&from)),
        "regex" => {
            Matcher::Pattern(catena_pattern::compile(&from).map_err(|error| match error {
                PatternError::TooLong(_) => format!("in a cname rule: {error}"),
                _ => format!("invalid cname rewrite regex pattern: {error}"),
            })?)
        }
        kind => named_matcher(kind, &from)
            .ok_or_else(|| format!("unknown cname rewrite type: {kind}"))?,
    };
    Ok(Change::Cname(matcher, to))
}
