//! Answers queries.

use std::rc::Rc;

use catena_dns::{
    Class, Name, NameRef, NameText, Rcode, Record, RecordRef, RecordType, Reply, Section, edns,
    flag, zonefile,
};
use catena_expr::Value::Bool;
use catena_expr::{Expression, Facts, RunError};
use catena_plugin::metrics::{Counter, CounterVec, PerServer};
use catena_plugin::zones::Fallthrough;
use catena_plugin::{Answer, Flow, Next, Outcome, Plugin, Query};
use regex::Regex;

use crate::data::{Dot, Match, from_expression};
use crate::gotext::{Template as Text, Value};
use crate::metrics::{MATCHES, RECORD_FAILURES, TEMPLATE_FAILURES};

/// The TTL of records that give none.
const TTL: u32 = 3600;
/// The UDP size told with an extended error to a client without EDNS.
const UDP_SIZE: u16 = 4096;
/// The EDNS option of extended errors, RFC 8914.
const EXTENDED_ERROR: u16 = 15;

/// The stage: all templates of a server block, in order.
pub(crate) struct Templates(pub Vec<Template>);

/// One directive.
pub(crate) struct Template {
    pub zones: Vec<Zone>,
    pub view: String,
    pub class: Class,
    pub rtype: RecordType,
    /// None matches every name.
    pub patterns: Vec<Regex>,
    /// Values made of the query, each of which may use those before it.
    pub variables: Vec<(String, Expression)>,
    /// What must be true beside a pattern that matches.
    pub conditions: Vec<Expression>,
    /// What each section is made of.
    pub sections: [Vec<Text>; 3],
    pub rcode: Rcode,
    pub extended_error: Option<ExtendedError>,
    pub fallthrough: Fallthrough,
}

/// A zone of a directive.
pub(crate) struct Zone {
    pub name: Name,
    pub text: String,
    /// Counts what is answered, where class and type are always the same.
    pub matches: PerServer<Counter>,
}

/// Why a query is answered so, RFC 8914.
pub(crate) struct ExtendedError {
    pub code: u16,
    pub reason: String,
}

/// What a template says of a query.
enum Verdict<'d> {
    /// It is for another template, or for the next plugin.
    Passed,
    /// No pattern matches, and that is the end.
    Refused,
    Matched(Match<'d>),
}

impl Plugin for Templates {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let mut candidates = self.0.iter().filter_map(|template| {
            let zone = template.zone_for(query)?;
            Some((template, zone))
        });
        let Some(first) = candidates.next() else {
            return next.serve(query);
        };
        let name = query.name().to_text();
        for (template, zone) in std::iter::once(first).chain(candidates) {
            match template.judge(query, &name, &zone.text) {
                Verdict::Passed => {}
                Verdict::Refused => return Outcome::fail(Rcode::SERVFAIL).into(),
                Verdict::Matched(found) => return template.answer(query, found, zone),
            }
        }
        next.serve(query)
    }
}

impl Template {
    /// The zone that makes the query one for this template.
    fn zone_for(&self, query: &Query<'_>) -> Option<&Zone> {
        let is_class = [self.class, query.qclass()].contains(&Class::ANY);
        let is_type = [self.rtype, query.qtype()].contains(&RecordType::ANY);
        if !(is_class || self.class == query.qclass()) || !(is_type || self.rtype == query.qtype())
        {
            return None;
        }
        let name = query.name();
        let zones = self.zones.iter();
        zones
            .filter(|zone| name.is_within(zone.name.view()))
            .max_by_key(|zone| zone.name.wire().len())
    }

    fn judge<'d>(&'d self, query: &'d Query<'d>, name: &'d NameText, zone: &'d str) -> Verdict<'d> {
        let pattern = self.patterns.iter().find(|pattern| pattern.is_match(name));
        let is_match = pattern.is_some() || self.patterns.is_empty();
        if !is_match {
            return self.pass(query);
        }
        let mut found = Match::new(query, name, pattern);
        found.zone = zone;
        let class = match query.qclass() {
            Class::ANY => self.class,
            class => class,
        };
        let rtype = match query.qtype() {
            RecordType::ANY => self.rtype,
            rtype => rtype,
        };
        found.class = class.name().unwrap_or("");
        found.rtype = rtype.name().unwrap_or("");
        match self.conditions_hold(&mut found) {
            Ok(true) => Verdict::Matched(found),
            Ok(false) => self.pass(query),
            // As in CoreDNS, `fallthrough` is not for what cannot be said.
            Err(_) => Verdict::Refused,
        }
    }

    fn pass<'d>(&self, query: &Query<'_>) -> Verdict<'d> {
        match self.fallthrough.allows(query.name()) {
            true => Verdict::Passed,
            false => Verdict::Refused,
        }
    }

    /// Works out the variables and the conditions.
    fn conditions_hold<'d>(&'d self, found: &mut Match<'d>) -> Result<bool, RunError> {
        if self.variables.is_empty() && self.conditions.is_empty() {
            return Ok(true);
        }
        let facts = Facts::new(found.query).with_groups(&*found);
        let mut values = Vec::new();
        for (_, expression) in &self.variables {
            values.push(expression.run(&facts, &values)?);
        }
        let mut holds = true;
        for condition in &self.conditions {
            holds = matches!(condition.run(&facts, &values)?, Bool(true));
            if !holds {
                break;
            }
        }
        let values: Vec<_> = values.iter().map(from_expression).collect();
        let names = self.variables.iter().map(|(name, _)| name.as_str());
        found.variables = names.zip(values).collect();
        Ok(holds)
    }

    fn answer<'d>(&'d self, query: &Query<'_>, found: Match<'d>, zone: &Zone) -> Flow {
        let labels = [
            query.server().address.as_ref(),
            found.zone,
            &self.view,
            found.class,
            found.rtype,
        ];
        self.count(query, &labels, zone);
        if self.rcode == Rcode::SERVFAIL {
            return Outcome::fail(Rcode::SERVFAIL).into();
        }
        let dot = Dot(Rc::new(found));
        let draft = match self.draft(&dot, &labels) {
            Ok(draft) => draft,
            Err(error) => return Outcome::failed(Rcode::SERVFAIL, error).into(),
        };
        match query.qtype() {
            RecordType::A | RecordType::AAAA => draft.follow(query, 0),
            _ => Outcome::reply(draft.into_reply(query)).into(),
        }
    }

    fn count(&self, query: &Query<'_>, labels: &[&str; 5], zone: &Zone) {
        if self.class == Class::ANY || self.rtype == RecordType::ANY {
            return MATCHES.with(labels).inc();
        }
        let counter = zone.matches.get(query.server(), |_| MATCHES.with(labels));
        if let Some(counter) = counter {
            counter.inc();
        }
    }

    fn draft<'d>(&'d self, dot: &Dot<'d>, labels: &[&str; 5]) -> Result<Draft, String> {
        let mut draft = Draft {
            rcode: self.rcode,
            sections: Default::default(),
            is_truncated: false,
            is_live: false,
            option: self.extended_error.as_ref().map(ExtendedError::to_octets),
        };
        let mut text = String::new();
        let sections = self.sections.iter().zip(draft.sections.iter_mut());
        for ((templates, records), name) in sections.zip(SECTION_NAMES) {
            for template in templates {
                text.clear();
                let count = |family: &CounterVec| {
                    let [server, zone, view, class, rtype] = labels;
                    let source = template.to_string();
                    let labels = [server, zone, view, class, rtype, name, &source];
                    family.with(&labels).inc();
                };
                let dot = Value::Object(Rc::new(dot.clone()));
                template
                    .run(dot, &mut text)
                    .inspect_err(|_| count(&TEMPLATE_FAILURES))?;
                let record = read_record(&text).inspect_err(|_| count(&RECORD_FAILURES))?;
                records.push(record);
            }
        }
        Ok(draft)
    }
}

/// The sections as properties and labels name them.
pub(crate) const SECTION_NAMES: [&str; 3] = ["answer", "authority", "additional"];

fn read_record(text: &str) -> Result<Record, String> {
    match zonefile::read_record(text, TTL) {
        Ok(Some(record)) => Ok(record),
        Ok(None) => Err("the template makes no record".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl ExtendedError {
    fn to_octets(&self) -> Box<[u8]> {
        let code = self.code.to_be_bytes();
        [&code, self.reason.as_bytes()].concat().into()
    }
}

/// A reply while it is made.
struct Draft {
    rcode: Rcode,
    sections: [Vec<Record>; 3],
    is_truncated: bool,
    /// Nobody may keep it.
    is_live: bool,
    option: Option<Box<[u8]>>,
}

impl Draft {
    /// Looks up the targets of the answers from `at` on that are aliases.
    fn follow(mut self, query: &Query<'_>, at: usize) -> Flow {
        let mut at = at;
        while let Some(answer) = self.sections[0].get(at) {
            at += 1;
            if answer.rtype != RecordType::CNAME {
                continue;
            }
            let Ok(target) = NameRef::from_wire(&answer.rdata) else {
                continue;
            };
            match query.resolve(target, query.qtype()) {
                Flow::Ready(outcome) => at = self.insert(at, &outcome),
                Flow::Pending(later) => {
                    let query = query.keep();
                    return Flow::wait(async move {
                        let at = self.insert(at, &later.await);
                        query.view(|query| self.follow(query, at)).outcome().await
                    });
                }
            }
        }
        let is_live = self.is_live;
        let outcome = Outcome::reply(self.into_reply(query));
        outcome.live_if(is_live).into()
    }

    /// Puts the answers of a look-up at `at`; returns where they end.
    fn insert(&mut self, at: usize, outcome: &Outcome) -> usize {
        self.is_live |= outcome.is_live;
        let Answer::Reply(reply) = &outcome.answer else {
            return at;
        };
        self.is_truncated = reply.header().has(flag::TC);
        let found: Vec<Record> = reply
            .records()
            .filter(|record| record.section == Section::Answer)
            .filter_map(|record| record.to_record(reply.packet()).ok())
            .collect();
        let end = at + found.len();
        self.sections[0].splice(at..at, found);
        end
    }

    fn into_reply(self, query: &Query<'_>) -> Reply {
        let mut reply = Reply::authoritative(query);
        reply.set_flag(flag::TC, self.is_truncated);
        reply.set_rcode(self.rcode);
        for (section, records) in Section::ALL.into_iter().zip(&self.sections) {
            for record in records {
                reply.push_or_tc(section, RecordRef::from(record));
            }
        }
        if let Some(option) = self.option {
            let own = reply.edns_mut();
            (own.udp_size, own.flags) = (UDP_SIZE, edns::DO);
            own.push(EXTENDED_ERROR, &option);
        }
        reply
    }
}
