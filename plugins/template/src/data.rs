//! What templates know of the query: `.Name`, `.Group`, `.Message` and the rest.

use std::cell::OnceCell;
use std::rc::Rc;

use catena_dns::{Header, RecordType, Records, Section, flag, rdata};
use catena_expr::Groups;
use catena_plugin::Query;
use regex::Regex;

use crate::gotext::{Object, Value};

/// A query that a template matches.
pub(crate) struct Match<'d> {
    pub query: &'d Query<'d>,
    /// The name asked for, in lower case.
    pub name: &'d str,
    pub zone: &'d str,
    pub class: &'static str,
    pub rtype: &'static str,
    /// The expression that matched; every name matches without one.
    pub regex: Option<&'d Regex>,
    /// What `var` lines made of the query, by name.
    pub variables: Vec<(&'d str, Value<'d>)>,
    groups: OnceCell<Rc<[&'d str]>>,
}

impl<'d> Match<'d> {
    pub(crate) fn new(query: &'d Query<'d>, name: &'d str, regex: Option<&'d Regex>) -> Self {
        Match {
            query,
            name,
            zone: "",
            class: "",
            rtype: "",
            regex,
            variables: Vec::new(),
            groups: OnceCell::new(),
        }
    }

    /// What the groups of the expression matched, the whole first.
    fn groups(&self) -> &Rc<[&'d str]> {
        self.groups.get_or_init(|| {
            let captures = self.regex.and_then(|regex| regex.captures(self.name));
            let Some(captures) = captures else {
                return Rc::new([self.name]);
            };
            let groups = captures.iter();
            groups
                .map(|group| group.map_or("", |group| group.as_str()))
                .collect()
        })
    }

    fn find_group(&self, name: &str) -> Option<&'d str> {
        let place = match name.parse() {
            Ok(place) => place,
            Err(_) => {
                let mut names = self.regex?.capture_names();
                names.position(|known| known == Some(name))?
            }
        };
        self.groups().get(place).copied()
    }
}

impl Groups for Match<'_> {
    fn group(&self, name: &str) -> Option<&str> {
        self.find_group(name)
    }
}

/// A value of an expression as templates see it.
pub(crate) fn from_expression<'d>(value: &catena_expr::Value<'_>) -> Value<'d> {
    match value {
        catena_expr::Value::Nil => Value::Nothing,
        catena_expr::Value::Bool(value) => Value::Bool(*value),
        catena_expr::Value::Int(value) => Value::Int(*value),
        catena_expr::Value::Float(value) => Value::Float(*value),
        catena_expr::Value::Text(text) => Value::text(text.clone().into_owned()),
        catena_expr::Value::List(list) => Value::List(list.iter().map(from_expression).collect()),
    }
}

/// The dot of a template.
#[derive(Clone)]
pub(crate) struct Dot<'d>(pub Rc<Match<'d>>);

impl<'d> Object<'d> for Dot<'d> {
    fn type_name(&self) -> &'static str {
        "*template.templateData"
    }

    fn get(&self, name: &str) -> Option<Value<'d>> {
        let found = &self.0;
        Some(match name {
            "Zone" => Value::text(found.zone),
            "Name" => Value::text(found.name),
            "Regex" => Value::text(found.regex.map_or(".*", Regex::as_str)),
            "Match" => {
                let groups = found.groups().iter();
                Value::List(groups.map(|group| Value::text(*group)).collect())
            }
            "Group" => Value::Object(Rc::new(GroupMap(Rc::clone(found)))),
            "Var" => Value::Object(Rc::new(Variables(Rc::clone(found)))),
            "Class" => Value::text(found.class),
            "Type" => Value::text(found.rtype),
            "Message" => Value::Object(Rc::new(Message(found.query))),
            "Question" => Value::Object(Rc::new(Question(found.query))),
            "Remote" => Value::text(found.query.client().ip().to_canonical().to_string()),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value<'d>]) -> Option<Result<Value<'d>, String>> {
        if name != "Meta" {
            return None;
        }
        Some(match args {
            [Value::Text(label)] => {
                let value = self.0.query.metadata(label);
                Ok(Value::text(value.unwrap_or_default()))
            }
            [_] => Err("wrong type for value; expected string".to_owned()),
            _ => Err(format!("wrong number of args: want 1 got {}", args.len())),
        })
    }

    fn entries(&self) -> Vec<(String, Value<'d>)> {
        entries(self, &["Zone", "Name", "Match", "Class", "Type", "Remote"])
    }
}

fn entries<'d>(object: &dyn Object<'d>, names: &[&str]) -> Vec<(String, Value<'d>)> {
    let entry = |name: &&str| Some(((*name).to_owned(), object.get(name)?));
    names.iter().filter_map(entry).collect()
}

/// `.Group`: a map from names and numbers to texts.
struct GroupMap<'d>(Rc<Match<'d>>);

impl<'d> Object<'d> for GroupMap<'d> {
    fn type_name(&self) -> &'static str {
        "map[string]string"
    }

    fn is_map(&self) -> bool {
        true
    }

    fn get(&self, name: &str) -> Option<Value<'d>> {
        self.0.find_group(name).map(Value::text)
    }

    fn missing(&self) -> Value<'d> {
        Value::text("")
    }

    fn entries(&self) -> Vec<(String, Value<'d>)> {
        let numbers = (0..self.0.groups().len()).map(|place| place.to_string());
        let names = self.0.regex.into_iter().flat_map(Regex::capture_names);
        let names = numbers.chain(names.flatten().map(str::to_owned));
        let mut entries: Vec<_> = names
            .filter_map(|name| self.get(&name).map(|value| (name, value)))
            .collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries
    }
}

/// `.Var`: a map from names to what `var` lines say.
struct Variables<'d>(Rc<Match<'d>>);

impl<'d> Object<'d> for Variables<'d> {
    fn type_name(&self) -> &'static str {
        "map[string]interface {}"
    }

    fn is_map(&self) -> bool {
        true
    }

    fn get(&self, name: &str) -> Option<Value<'d>> {
        let mut variables = self.0.variables.iter().rev();
        let found = variables.find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    }

    fn entries(&self) -> Vec<(String, Value<'d>)> {
        let variables = self.0.variables.iter();
        let mut entries: Vec<_> = variables
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries
    }
}

/// `.Question`.
struct Question<'d>(&'d Query<'d>);

impl<'d> Object<'d> for Question<'d> {
    fn type_name(&self) -> &'static str {
        "*dns.Question"
    }

    fn get(&self, name: &str) -> Option<Value<'d>> {
        Some(match name {
            "Name" => Value::text(self.0.name_as_asked().to_string()),
            "Qtype" => Value::Uint(u64::from(self.0.qtype().0)),
            "Qclass" => Value::Uint(u64::from(self.0.qclass().0)),
            _ => return None,
        })
    }

    fn entries(&self) -> Vec<(String, Value<'d>)> {
        entries(self, &["Name", "Qtype", "Qclass"])
    }
}

/// `.Message`.
struct Message<'d>(&'d Query<'d>);

const FLAGS: [(&str, u16); 8] = [
    ("Response", flag::QR),
    ("Authoritative", flag::AA),
    ("Truncated", flag::TC),
    ("RecursionDesired", flag::RD),
    ("RecursionAvailable", flag::RA),
    ("Zero", flag::Z),
    ("AuthenticatedData", flag::AD),
    ("CheckingDisabled", flag::CD),
];

impl<'d> Object<'d> for Message<'d> {
    fn type_name(&self) -> &'static str {
        "*dns.Msg"
    }

    fn get(&self, name: &str) -> Option<Value<'d>> {
        let header: Header = self.0.header();
        if let Some((_, bit)) = FLAGS.iter().find(|(flag, _)| *flag == name) {
            return Some(Value::Bool(header.has(*bit)));
        }
        Some(match name {
            "MsgHdr" => Value::Object(Rc::new(Message(self.0))),
            "Id" => Value::Uint(u64::from(header.id)),
            "Opcode" => Value::Int(i64::from(header.opcode().0)),
            "Rcode" => Value::Int(i64::from(header.rcode().0)),
            "Compress" => Value::Bool(false),
            "Question" => Value::List(Rc::new([Value::Object(Rc::new(Question(self.0)))])),
            "Answer" => self.records(Section::Answer),
            "Ns" => self.records(Section::Authority),
            "Extra" => self.records(Section::Additional),
            _ => return None,
        })
    }

    fn entries(&self) -> Vec<(String, Value<'d>)> {
        entries(self, &["Id", "Opcode", "Rcode", "RecursionDesired"])
    }
}

impl<'d> Message<'d> {
    /// The records of a section as text.
    fn records(&self, section: Section) -> Value<'d> {
        let packet = self.0.packet();
        let records: Records<'_> = self.0.records();
        let records = records
            .map_while(Result::ok)
            .filter(|record| record.section == section && record.rtype != RecordType::OPT)
            .filter_map(|record| record.to_record(packet).ok());
        let text = records.map(|record| {
            let data = rdata::display(record.rtype, &record.rdata);
            let (name, ttl, class) = (&record.name, record.ttl, record.class);
            Value::text(format!("{name}\t{ttl}\t{class}\t{}\t{data}", record.rtype))
        });
        Value::List(text.collect())
    }
}
