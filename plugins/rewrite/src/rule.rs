//! The rules, as they were read.

use catena_dns::{Class, Rcode, RecordType};
use regex::Regex;

use crate::edns::EdnsRule;
use crate::matcher::Matcher;

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Whether no more rules are looked at once this one has matched.
    pub stops: bool,
    pub change: Change,
}

/// What a rule changes.
#[derive(Debug)]
pub(crate) enum Change {
    Name(NameRule),
    Type(RecordType, RecordType),
    Class(Class, Class),
    Edns(EdnsRule),
    Ttl(Matcher, TtlRange),
    Rcode(Matcher, RcodeChange),
    /// Another target for aliases that lead to a name.
    Cname(Matcher, String),
}

/// Asks for another name.
#[derive(Debug)]
pub(crate) struct NameRule {
    pub matcher: Matcher,
    pub to: String,
    pub back: Back,
    pub answers: Vec<AnswerRule>,
}

/// How the names of a reply are changed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    /// Not at all.
    Never,
    /// The new name, and names below it, become the name asked for.
    Name,
    /// The new suffix becomes the old one.
    Suffix,
}

/// Changes names of the reply.
#[derive(Debug)]
pub(crate) struct AnswerRule {
    pub part: Part,
    pub regex: Regex,
    pub to: String,
}

/// Where in a record a name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Owner,
    /// The name in its data.
    Value,
}

/// What TTLs are confined to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TtlRange {
    pub min: u32,
    pub max: u32,
}

/// One response code in place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RcodeChange {
    pub from: Rcode,
    pub to: Rcode,
}
