//! Makes the reply to a changed query one to the query that was asked.

use catena_dns::{
    Name, NameBuf, NameRef, RecordRef, RecordType, RecordView, Reply, ReplyEdns, expand_rdata,
};
use catena_plugin::{Answer, Outcome, Query};
use smallvec::SmallVec;

use crate::draft::Undo;
use crate::edns;
use crate::matcher::{Matcher, expand};
use crate::rule::{AnswerRule, Back, Change, NameRule, Part};
use crate::serve::Rules;

/// Flags of an upstream's OPT record that are handed on, as in CoreDNS.
const KEPT_FLAGS: u16 = 0xff00;

/// What is to be done to the reply of one query.
pub(crate) struct Restoration {
    pub has_other_question: bool,
    pub writes_errors: bool,
    /// The OPT record of a reply that has none of its own.
    pub echo: Option<ReplyEdns>,
    pub undo: SmallVec<[Undo; 2]>,
}

/// A name of a record that is not as it was.
type Renamed = Option<Name>;

impl Restoration {
    /// Whether an alias may have to be followed to another name.
    pub(crate) fn leads_elsewhere(&self, rules: &Rules) -> bool {
        let mut places = self.undo.iter().filter_map(Undo::place);
        places.any(|place| matches!(rules.change(place), Some(Change::Cname(..))))
    }

    /// Does all of it.
    pub(crate) fn apply(
        rules: &Rules,
        query: &Query<'_>,
        restoration: Restoration,
        outcome: Outcome,
    ) -> Outcome {
        let mut outcome = outcome;
        if let (Answer::Fail(rcode), true) = (&outcome.answer, restoration.writes_errors) {
            outcome.answer = Answer::Reply(Reply::error(query, *rcode));
        }
        if let Answer::Reply(reply) = &mut outcome.answer {
            if restoration.has_other_question || restoration.renames(rules) {
                *reply = restoration.rebuild(rules, query, reply);
            }
            restoration.change_numbers(rules, reply);
            restoration.restore_edns(reply);
        }
        outcome
    }

    fn renames(&self, rules: &Rules) -> bool {
        self.undo.iter().any(|undo| match undo {
            Undo::Name(..) => true,
            Undo::Rule(place) => matches!(rules.change(*place), Some(Change::Name(_))),
            Undo::Option(_) | Undo::OptionData(..) => false,
        })
    }

    /// A copy of `reply` with the question that was asked and the names changed back.
    fn rebuild(&self, rules: &Rules, query: &Query<'_>, reply: &Reply) -> Reply {
        let mut built = Reply::to(query);
        built.set_flag(u16::MAX, false);
        built.set_flag(reply.header().flags, true);
        let (mut owner, mut rdata) = (NameBuf::new(), Vec::new());
        for record in reply.records() {
            rdata.clear();
            if owner.read(reply.packet(), record.start).is_err()
                || expand_rdata(reply.packet(), &record, &mut rdata).is_err()
            {
                continue;
            }
            let renamed = self.rename(rules, Part::Owner, owner.view());
            let name = renamed.as_ref().map_or(owner.view(), Name::view);
            self.rename_value(rules, &record, &mut rdata);
            let record_ref = RecordRef {
                name,
                rtype: record.rtype,
                class: record.class,
                ttl: record.ttl,
                rdata: &rdata,
            };
            built.push_or_tc(record.section, record_ref);
        }
        if let Some(own) = reply.edns() {
            *built.edns_mut() = own.clone();
        }
        built
    }

    /// Changes the name in the data of a record, if its type has one that rules look at.
    fn rename_value(&self, rules: &Rules, record: &RecordView, rdata: &mut Vec<u8>) {
        let Some(at) = value_at(record.rtype, rdata) else {
            return;
        };
        let Some(Ok((value, rest))) = rdata.get(at..).map(NameRef::split_from) else {
            return;
        };
        if let Some(new) = self.rename(rules, Part::Value, value) {
            let rest = rest.to_vec();
            rdata.truncate(at);
            rdata.extend_from_slice(new.wire());
            rdata.extend_from_slice(&rest);
        }
    }

    /// What the rules make of a name of the reply, the last rule first.
    fn rename(&self, rules: &Rules, part: Part, name: NameRef<'_>) -> Renamed {
        let mut renamed: Renamed = None;
        for undo in self.undo.iter().rev() {
            let Some(Change::Name(rule)) = undo.place().and_then(|place| rules.change(place))
            else {
                continue;
            };
            for answer in rule
                .answers
                .iter()
                .rev()
                .filter(|answer| answer.part == part)
            {
                let now = renamed.as_ref().map_or(name, Name::view);
                renamed = answer.rename(now).or(renamed);
            }
            let now = renamed.as_ref().map_or(name, Name::view);
            let back = match undo {
                Undo::Name(names, _) => rebase(now, names.0.view(), names.1.view()),
                _ => rule.suffix_back(now),
            };
            renamed = back.or(renamed);
        }
        renamed
    }

    /// Changes the TTLs and the response code.
    fn change_numbers(&self, rules: &Rules, reply: &mut Reply) {
        let places = self.undo.iter().rev().filter_map(Undo::place);
        for change in places.filter_map(|place| rules.change(place)) {
            match change {
                Change::Ttl(_, range) => reply.map_ttls(|rr| rr.ttl.max(range.min).min(range.max)),
                Change::Rcode(_, change) if reply.rcode() == change.from => {
                    reply.set_rcode(change.to);
                }
                _ => {}
            }
        }
    }

    /// Gives the reply the OPT record of the changed query, and puts the options back.
    fn restore_edns(&self, reply: &mut Reply) {
        let Some(echo) = &self.echo else {
            return;
        };
        if reply.edns().is_none() {
            *reply.edns_mut() = echo.clone();
        }
        let own = reply.edns_mut();
        own.udp_size = echo.udp_size;
        own.flags = own.flags & KEPT_FLAGS | echo.flags;
        let mut options = edns::read(&own.options);
        for undo in self.undo.iter().rev() {
            match undo {
                Undo::Option(code) => {
                    if let Some(at) = options.iter().position(|(known, _)| known == code) {
                        options.remove(at);
                    }
                }
                Undo::OptionData(code, data) => {
                    if let Some(option) = options.iter_mut().find(|(known, _)| known == code) {
                        option.1.clone_from(data);
                    }
                }
                Undo::Rule(_) | Undo::Name(..) => {}
            }
        }
        own.options.clear();
        for (code, data) in &options {
            own.push(*code, data);
        }
    }
}

impl Undo {
    /// The place of the rule that says more.
    pub(crate) fn place(&self) -> Option<usize> {
        match self {
            Undo::Rule(place) | Undo::Name(_, place) => Some(*place),
            Undo::Option(_) | Undo::OptionData(..) => None,
        }
    }
}

impl AnswerRule {
    fn rename(&self, name: NameRef<'_>) -> Renamed {
        // A text that is no name leaves the name as it is.
        expand(&self.regex, &name.to_text(), &self.to)?.parse().ok()
    }
}

impl NameRule {
    /// `name` with the old suffix in place of the new one.
    fn suffix_back(&self, name: NameRef<'_>) -> Renamed {
        let (Back::Suffix, Matcher::Suffix(old)) = (self.back, &self.matcher) else {
            return None;
        };
        let text = name.to_text();
        let start = text.len().checked_sub(self.to.len())?;
        let (rest, end) = text.split_at_checked(start)?;
        if !end.eq_ignore_ascii_case(&self.to) {
            return None;
        }
        format!("{rest}{old}").parse().ok()
    }
}

/// `name` below `to` instead of `from`.
fn rebase(name: NameRef<'_>, from: NameRef<'_>, to: NameRef<'_>) -> Renamed {
    if !name.is_within(from) {
        return None;
    }
    let kept = name.label_count() - from.label_count();
    Name::from_labels(name.labels().take(kept), to).ok()
}

/// Where the name stands in the data of a record.
fn value_at(rtype: RecordType, rdata: &[u8]) -> Option<usize> {
    Some(match rtype {
        RecordType::CNAME
        | RecordType::DNAME
        | RecordType::NS
        | RecordType::PTR
        | RecordType::SOA => 0,
        RecordType::MX => 2,
        RecordType::SRV => 6,
        RecordType::NAPTR => {
            // Order and preference, then three strings.
            let mut at = 4;
            for _ in 0..3 {
                at += 1 + usize::from(*rdata.get(at)?);
            }
            at
        }
        _ => return None,
    })
}
