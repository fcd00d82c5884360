//! A query while rules change it.

use std::cell::OnceCell;

use catena_dns::{Class, Message, Name, NameText, RecordType};
use catena_plugin::Query;

use crate::edns::{Done, Opt};
use crate::rule::{Back, Change, Rule};

/// What is changed so far; nothing is copied before something is.
pub(crate) struct Draft {
    /// The new name, if it has one.
    pub name: Option<Name>,
    pub qtype: RecordType,
    pub qclass: Class,
    pub opt: Option<Opt>,
    /// The name as rules see it, in lower case.
    text: OnceCell<NameText>,
}

/// What a rule wants to be done to the reply, other than what it says itself.
#[derive(Debug)]
pub(crate) enum Undo {
    /// Nothing more than what the rule at this place says.
    Rule(usize),
    /// The first name becomes the second, and then the rule at this place.
    Name(Box<(Name, Name)>, usize),
    /// The option is taken away.
    Option(u16),
    /// The option gets its data back.
    OptionData(u16, Vec<u8>),
}

/// What a rule made of a query.
pub(crate) enum Applied {
    No,
    Yes(Option<Undo>),
    /// The text that is no name.
    Broken(String),
}

impl Draft {
    pub(crate) fn new(query: &Query<'_>) -> Draft {
        Draft {
            name: None,
            qtype: query.qtype(),
            qclass: query.qclass(),
            opt: None,
            text: OnceCell::new(),
        }
    }

    /// The name now, in lower case with its final dot.
    fn text(&self, query: &Query<'_>) -> &NameText {
        self.text.get_or_init(|| match &self.name {
            Some(name) => name.view().to_text(),
            None => query.name().to_text(),
        })
    }

    /// The OPT record, made if there is none.
    pub(crate) fn opt(&mut self, query: &Query<'_>) -> &mut Opt {
        self.opt.get_or_insert_with(|| Opt::of(query))
    }

    /// Whether the question is another now.
    pub(crate) fn has_other_question(&self, query: &Query<'_>) -> bool {
        self.name.is_some() || self.qtype != query.qtype() || self.qclass != query.qclass()
    }

    /// Applies the rule at `place` to the query.
    pub(crate) fn apply(&mut self, query: &Query<'_>, rule: &Rule, place: usize) -> Applied {
        match &rule.change {
            Change::Name(rule) => {
                let Some(text) = rule.matcher.replace(self.text(query), &rule.to) else {
                    return Applied::No;
                };
                match text.parse::<Name>() {
                    Ok(new) => Applied::Yes(Some(self.rename(query, new, rule.back, place))),
                    Err(_) => Applied::Broken(text),
                }
            }
            Change::Type(from, to) if self.qtype == *from => {
                self.qtype = *to;
                Applied::Yes(None)
            }
            Change::Class(from, to) if self.qclass == *from => {
                self.qclass = *to;
                Applied::Yes(None)
            }
            Change::Type(..) | Change::Class(..) => Applied::No,
            // The record is there from now on, whether the option is or not.
            Change::Edns(rule) => match rule.apply(query, self) {
                Done::Ignored => Applied::No,
                Done::Changed => Applied::Yes(None),
                Done::Added => Applied::Yes(Some(Undo::Option(rule.code))),
                Done::Replaced(data) => Applied::Yes(Some(Undo::OptionData(rule.code, data))),
            },
            Change::Ttl(matcher, _) | Change::Rcode(matcher, _)
                if !matcher.is_match(self.text(query)) =>
            {
                Applied::No
            }
            Change::Ttl(..) | Change::Rcode(..) | Change::Cname(..) => {
                Applied::Yes(Some(Undo::Rule(place)))
            }
        }
    }

    fn rename(&mut self, query: &Query<'_>, new: Name, back: Back, place: usize) -> Undo {
        let old = self.name.replace(new.clone());
        self.text = OnceCell::new();
        match back {
            Back::Name => {
                let old = old.unwrap_or_else(|| query.name().to_name());
                Undo::Name(Box::new((new, old)), place)
            }
            Back::Never | Back::Suffix => Undo::Rule(place),
        }
    }

    /// The changed query in wire form.
    pub(crate) fn to_packet(&self, query: &Query<'_>) -> Vec<u8> {
        let mut message = Message::from_query(query);
        if let Some(name) = &self.name {
            message.qname = name.clone();
        }
        (message.qtype, message.qclass) = (self.qtype, self.qclass);
        if let Some(opt) = &self.opt {
            message.edns = Some(opt.to_edns());
        }
        message.to_packet()
    }
}
