//! What expressions may ask of a query: `name()`, `client_ip()` and the rest.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use catena_dns::NameText;
use catena_plugin::Query;
use catena_plugin::networks::Network;
use smallvec::SmallVec;

use crate::{Kind, RunError, Scope, Value};

/// The groups of a pattern that matched, by name or number.
pub trait Groups {
    /// What the group matched.
    fn group(&self, name: &str) -> Option<&str>;
}

/// A query as expressions see it.
pub struct Facts<'a> {
    query: &'a Query<'a>,
    groups: Option<&'a dyn Groups>,
    name: OnceCell<NameText>,
    client: OnceCell<AddressText>,
}

impl<'a> Facts<'a> {
    /// What there is to know of `query`.
    pub fn new(query: &'a Query<'a>) -> Self {
        Facts {
            query,
            groups: None,
            name: OnceCell::new(),
            client: OnceCell::new(),
        }
    }

    /// The same, with the groups of a pattern.
    #[must_use]
    pub fn with_groups(mut self, groups: &'a dyn Groups) -> Self {
        self.groups = Some(groups);
        self
    }

    pub(crate) fn client(&self) -> IpAddr {
        self.query.client().ip()
    }
}

/// An address as text, on the stack.
#[derive(Default)]
struct AddressText(SmallVec<[u8; 64]>);

impl std::fmt::Write for AddressText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// A function of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    BufferSize,
    Class,
    ClientIp,
    DnssecOk,
    Group,
    Id,
    InCidr,
    Metadata,
    Name,
    Opcode,
    Port,
    Proto,
    ServerIp,
    ServerPort,
    Size,
    Type,
}

/// Names, with the kinds of arguments and results.
const FUNCTIONS: [(&str, Function, &[Kind], Kind); 16] = [
    ("bufsize", Function::BufferSize, &[], Kind::Int),
    ("class", Function::Class, &[], Kind::Text),
    ("client_ip", Function::ClientIp, &[], Kind::Text),
    ("do", Function::DnssecOk, &[], Kind::Bool),
    ("group", Function::Group, &[Kind::Any], Kind::Text),
    ("id", Function::Id, &[], Kind::Int),
    (
        "incidr",
        Function::InCidr,
        &[Kind::Text, Kind::Text],
        Kind::Bool,
    ),
    ("metadata", Function::Metadata, &[Kind::Text], Kind::Text),
    ("name", Function::Name, &[], Kind::Text),
    ("opcode", Function::Opcode, &[], Kind::Int),
    ("port", Function::Port, &[], Kind::Text),
    ("proto", Function::Proto, &[], Kind::Text),
    ("server_ip", Function::ServerIp, &[], Kind::Text),
    ("server_port", Function::ServerPort, &[], Kind::Text),
    ("size", Function::Size, &[], Kind::Int),
    ("type", Function::Type, &[], Kind::Text),
];

impl Function {
    /// The function called `name`, if an expression with `scope` may call it.
    pub(crate) fn named(name: &str, scope: &Scope) -> Option<Function> {
        let (_, function, ..) = FUNCTIONS.iter().find(|(known, ..)| *known == name)?;
        (*function != Function::Group || scope.has_groups).then_some(*function)
    }

    /// The kinds of its arguments and of its result.
    pub(crate) fn signature(self) -> (&'static [Kind], Kind) {
        let found = FUNCTIONS.iter().find(|(_, known, ..)| *known == self);
        found.map_or((&[], Kind::Any), |(_, _, args, result)| (*args, *result))
    }

    /// What it says of a query.
    pub(crate) fn call<'a>(
        self,
        facts: &'a Facts<'a>,
        args: &[Value<'a>],
    ) -> Result<Value<'a>, RunError> {
        let query = facts.query;
        Ok(match self {
            Function::BufferSize => int(query.size_limit()),
            Function::Class => Value::Text(named(query.qclass().name(), query.qclass())),
            Function::ClientIp => {
                let text = facts.client.get_or_init(|| {
                    let mut text = AddressText::default();
                    let _never_fails = write!(text, "{}", facts.client().to_canonical());
                    text
                });
                Value::text(std::str::from_utf8(&text.0).unwrap_or_default())
            }
            Function::DnssecOk => Value::Bool(query.dnssec_ok()),
            Function::Group => {
                let group = match args {
                    [Value::Text(name)] => facts.groups.and_then(|groups| groups.group(name)),
                    [Value::Int(place)] => {
                        let place = place.to_string();
                        facts.groups.and_then(|groups| groups.group(&place))
                    }
                    _ => None,
                };
                Value::text(group.unwrap_or(""))
            }
            Function::Id => Value::Int(i64::from(query.header().id)),
            Function::InCidr => Value::Bool(in_cidr(args)?),
            Function::Metadata => match args {
                [Value::Text(label)] => Value::text(query.metadata(label).unwrap_or_default()),
                _ => Value::text(""),
            },
            Function::Name => {
                let name = facts.name.get_or_init(|| query.name().to_text());
                Value::text(&**name)
            }
            Function::Opcode => Value::Int(i64::from(query.header().opcode().0)),
            Function::Port => port(query.client()),
            Function::Proto => Value::text(query.context().transport.name()),
            Function::ServerIp => Value::text(query.local_ip().to_string()),
            Function::ServerPort => port(query.context().local),
            Function::Size => int(query.packet().len()),
            Function::Type => Value::Text(named(query.qtype().name(), query.qtype())),
        })
    }
}

fn named<'a>(name: Option<&'static str>, value: impl std::fmt::Display) -> Cow<'a, str> {
    name.map_or_else(|| value.to_string().into(), Cow::Borrowed)
}

fn int<'a>(number: usize) -> Value<'a> {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn port<'a>(address: SocketAddr) -> Value<'a> {
    Value::text(address.port().to_string())
}

fn in_cidr(args: &[Value<'_>]) -> Result<bool, RunError> {
    let [Value::Text(address), Value::Text(network)] = args else {
        return Err(RunError("incidr takes two strings".to_owned()));
    };
    let address = read_address(address)?;
    let network = Network::parse(network)
        .ok_or_else(|| RunError(format!("invalid CIDR address: {network}")))?;
    Ok(network.contains(address))
}

pub(crate) fn read_address(text: &str) -> Result<IpAddr, RunError> {
    let bad = |_| RunError("first argument is not an IP address".to_owned());
    IpAddr::from_str(text).map_err(bad)
}
