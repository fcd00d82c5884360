//! What a scripted server says: rules read from lines of text.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use catena_corefile::{MemoryEnvironment, Token};
use catena_dns::{Message, Name, QueryMessage, Rcode, Record, RecordType, Section, flag};
use parking_lot::Mutex;

use crate::{record, transcript};

/// Rules for answers; the first that matches a query wins, and NXDOMAIN is the end of the list.
///
/// A rule is a line: `NAME TYPE WORD..`. `*` is any name, `*.zone.` any name in the zone, `*` any
/// type. The words say what happens:
///
/// - `answer RECORD`, `authority RECORD`, `additional RECORD`: a record in double quotes, in
///   which `{qname}` stands for the name asked;
/// - `rcode RCODE` and the flags `aa`, `ra`, `ad`, `tc`;
/// - `fail RCODE`, `error TEXT`: a stage fails so; a server says the RCODE;
/// - `drop`: no answer; `after DURATION`: waits first; `times N`: matches N times only;
/// - `wrong-id`, `wrong-question`: a server forges; `udp-tc`: a server truncates over UDP.
///
/// A line that begins with `answer`, `authority` or `additional` goes on with the rule before.
#[derive(Clone, Debug, Default)]
pub struct Script {
    rules: Arc<[Rule]>,
    seen: Arc<Mutex<Vec<String>>>,
}

/// One rule.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    name: Pattern,
    rtype: Option<RecordType>,
    left: Option<AtomicU32>,
    records: Vec<(Section, String)>,
    flags: u16,
    pub rcode: Rcode0,
    pub after: Duration,
    pub fail: Option<Rcode>,
    pub error: Option<String>,
    pub drop: bool,
    pub wrong_id: bool,
    pub wrong_question: bool,
    pub udp_tc: bool,
}

/// A response code that is NOERROR unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rcode0(pub Rcode);

impl Default for Rcode0 {
    fn default() -> Self {
        Rcode0(Rcode::NOERROR)
    }
}

#[derive(Debug, Default)]
enum Pattern {
    #[default]
    Any,
    Within(Name),
    Is(Name),
}

impl Script {
    /// Reads rules, one a line; panics with the line if it makes no sense.
    pub fn parse(text: &str) -> Script {
        let corefile = format!("script {{\nscript {{\n{text}\n}}\n}}");
        let parsed = catena_corefile::parse("script", &corefile, &MemoryEnvironment::default());
        let parsed = parsed.unwrap_or_else(|error| panic!("{error}"));
        let lines = parsed.blocks.iter().flat_map(|block| &block.directives);
        let mut rules = Vec::new();
        for line in lines.flat_map(|line| line.properties()) {
            let words: Vec<&Token> = std::iter::once(&line.name).chain(&line.args).collect();
            let words: Vec<&str> = words.iter().map(|token| token.text.as_str()).collect();
            let read = Rule::read(&words, &mut rules);
            read.unwrap_or_else(|| panic!("not a rule: {}", words.join(" ")));
        }
        Script::new(rules)
    }

    pub(crate) fn new(rules: Vec<Rule>) -> Script {
        Script {
            rules: rules.into(),
            seen: Arc::default(),
        }
    }

    /// The queries that reached the script since the last call.
    pub fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock())
    }

    /// Notes the query and finds its rule.
    pub(crate) fn rule(&self, query: &QueryMessage<'_>) -> Option<(usize, &Rule)> {
        self.seen.lock().push(transcript::print_query(query));
        let mut rules = self.rules.iter().enumerate();
        rules.find(|(_, rule)| rule.matches(query))
    }

    pub(crate) fn at(&self, place: usize) -> Option<&Rule> {
        self.rules.get(place)
    }
}

impl Rule {
    /// Reads a line: a new rule, or more of the last one.
    pub(crate) fn read(words: &[&str], rules: &mut Vec<Rule>) -> Option<()> {
        let more = matches!(words, ["answer" | "authority" | "additional", ..]);
        if let (true, Some(last)) = (more, rules.last_mut()) {
            return last.apply_all(words);
        }
        let [name, rtype, rest @ ..] = words else {
            return None;
        };
        let mut rule = Rule {
            name: match (*name, name.strip_prefix("*.")) {
                ("*", _) => Pattern::Any,
                (_, Some(zone)) => Pattern::Within(zone.parse().ok()?),
                (name, None) => Pattern::Is(name.parse().ok()?),
            },
            rtype: match *rtype {
                "*" => None,
                rtype => Some(rtype.parse().ok()?),
            },
            ..Rule::default()
        };
        rule.apply_all(rest)?;
        rules.push(rule);
        Some(())
    }

    fn apply_all(&mut self, words: &[&str]) -> Option<()> {
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            self.apply(word, &mut rest)?;
        }
        Some(())
    }

    fn apply<'w>(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = &'w &'w str>,
    ) -> Option<()> {
        match word {
            "answer" => self.push(Section::Answer, rest.next()?)?,
            "authority" => self.push(Section::Authority, rest.next()?)?,
            "additional" => self.push(Section::Additional, rest.next()?)?,
            "rcode" => self.rcode = Rcode0(rest.next()?.parse().ok()?),
            "fail" => self.fail = Some(rest.next()?.parse().ok()?),
            "error" => self.error = Some((*rest.next()?).to_owned()),
            "after" => self.after = catena_plugin::duration::parse(rest.next()?)?,
            "times" => self.left = Some(AtomicU32::new(rest.next()?.parse().ok()?)),
            "aa" => self.flags |= flag::AA,
            "ra" => self.flags |= flag::RA,
            "ad" => self.flags |= flag::AD,
            "tc" => self.flags |= flag::TC,
            "drop" => self.drop = true,
            "wrong-id" => self.wrong_id = true,
            "wrong-question" => self.wrong_question = true,
            "udp-tc" => self.udp_tc = true,
            _ => return None,
        }
        Some(())
    }

    fn push(&mut self, section: Section, text: &str) -> Option<()> {
        record::parse(&text.replace("{qname}", "x."))?;
        self.records.push((section, text.to_owned()));
        Some(())
    }

    fn matches(&self, query: &QueryMessage<'_>) -> bool {
        let name = match &self.name {
            Pattern::Any => true,
            Pattern::Is(name) => query.name() == name.view(),
            Pattern::Within(zone) => query.name().is_within(zone.view()),
        };
        name && self.rtype.is_none_or(|rtype| rtype == query.qtype())
            && self.left.as_ref().is_none_or(|left| {
                left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                    .is_ok()
            })
    }

    /// The reply to `query` as a message.
    pub(crate) fn reply(&self, query: &QueryMessage<'_>) -> Message {
        let mut message = answer_to(query, self.fail.unwrap_or(self.rcode.0));
        message.flags |= self.flags;
        let qname = query.name_as_asked().to_string();
        for (section, text) in &self.records {
            let record: Option<Record> = record::parse(&text.replace("{qname}", &qname));
            message.section_mut(*section).extend(record);
        }
        message
    }
}

/// An answer to `query` that holds nothing but `rcode`.
pub(crate) fn answer_to(query: &QueryMessage<'_>, rcode: Rcode) -> Message {
    let mut message = Message::query(query.name_as_asked(), query.qtype());
    message.qclass = query.qclass();
    message.id = query.header().id;
    let kept = query.header().flags & (flag::RD | flag::CD);
    message.flags = flag::QR | kept | rcode.0 & flag::RCODE;
    message
}
