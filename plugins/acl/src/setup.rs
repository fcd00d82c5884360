//! Reads the directive.

use std::net::IpAddr;

use catena_dns::RecordType;
use catena_plugin::metrics::PerServer;
use catena_plugin::networks::Network;
use catena_plugin::{Arg, Line, Setup, SetupError};

use crate::metrics::Refusals;
use crate::serve::{Acl, Action, Policy, Rule, Zone};

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut rules = Vec::new();
    for line in cx.occurrences() {
        let zones = cx.zones_or_server(&mut line.args());
        let zones = zones.into_iter().map(|name| Zone {
            text: name.to_string(),
            name,
            refusals: Refusals::default(),
        });
        let policies = line.properties().map(|property| read(&property));
        rules.push(Rule {
            zones: zones.collect(),
            policies: policies.collect::<Result<_, _>>()?,
        });
    }
    let view = cx.server.view.clone();
    cx.add_stage(Acl {
        rules,
        view,
        allowed: PerServer::new(),
    });
    Ok(())
}

/// Reads `ACTION [type TYPE...] [net NETWORK...]`.
fn read(property: &Line<'_>) -> Result<Policy, SetupError> {
    property.no_block()?;
    let action = match property.name().to_ascii_lowercase().as_str() {
        "allow" => Action::Allow,
        "block" => Action::Block,
        "filter" => Action::Filter,
        "drop" => Action::Drop,
        _ => {
            let word = property.name();
            let what = format!("unexpected token {word:?}; expect 'allow', 'block', ");
            return Err(property.parse_error(what + "'filter' or 'drop'"));
        }
    };
    let mut policy = Policy {
        action,
        types: None,
        clients: None,
    };
    let (mut types, mut networks) = (None, None);
    let args: Vec<Arg<'_>> = property.args().collect();
    let mut rest = args.as_slice();
    while let Some((section, after)) = rest.split_first() {
        let end = after.iter().position(is_section).unwrap_or(after.len());
        let (words, after) = after.split_at_checked(end).unwrap_or((after, &[]));
        rest = after;
        let list = match section.text().to_ascii_lowercase().as_str() {
            "type" => read_types(words, types.get_or_insert_default()),
            "net" => read_networks(words, networks.get_or_insert_default()),
            _ => Err((
                *section,
                format!("unexpected token {:?}; expect 'type | net'", section.text()),
            )),
        };
        list.map_err(|(arg, what)| arg.error(format_args!("Error during parsing: {what}")))?;
        if words.is_empty() {
            let name = section.text().to_ascii_lowercase();
            let what = format!("Error during parsing: no token specified in {name:?} section");
            return Err(section.error(what));
        }
    }
    policy.types = types.filter(|types| !types.contains(&ANY_TYPE));
    policy.clients = networks.map(|networks| networks.into_iter().collect());
    Ok(policy)
}

/// Stands for `*` in a list of types; no query asks for it.
const ANY_TYPE: RecordType = RecordType(0);

fn is_section(arg: &Arg<'_>) -> bool {
    let text = arg.text();
    text.eq_ignore_ascii_case("type") || text.eq_ignore_ascii_case("net")
}

/// A mistake at an argument.
type Mistake<'a> = (Arg<'a>, String);

fn read_types<'a>(words: &[Arg<'a>], types: &mut Vec<RecordType>) -> Result<(), Mistake<'a>> {
    for word in words {
        if word.text() == "*" {
            types.push(ANY_TYPE);
            // As in CoreDNS, what follows is not looked at.
            return Ok(());
        }
        let known = RecordType::NAMED.iter();
        let found = known.into_iter().find(|(_, name)| *name == word.text());
        let Some((rtype, _)) = found else {
            let what = format!("unexpected token {:?}; expect legal QTYPE", word.text());
            return Err((*word, what));
        };
        types.push(*rtype);
    }
    Ok(())
}

fn read_networks<'a>(words: &[Arg<'a>], networks: &mut Vec<Network>) -> Result<(), Mistake<'a>> {
    for word in words {
        let text = word.text();
        if text == "*" {
            networks.extend([Network::V4, Network::V6]);
            return Ok(());
        }
        let network = match text.parse::<IpAddr>() {
            Ok(address) => Some(Network::host(address)),
            Err(_) => Network::parse(text),
        };
        networks.push(network.ok_or_else(|| {
            let length = match (text.contains('/'), text.contains(':')) {
                (true, _) => "",
                (false, true) => "/128",
                (false, false) => "/32",
            };
            (*word, format!("illegal CIDR notation \"{text}{length}\""))
        })?);
    }
    Ok(())
}
