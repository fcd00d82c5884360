//! Reads the directive.

use std::net::{IpAddr, SocketAddr};

use catena_plugin::{Arg, Setup, SetupError};

use crate::rules::Rule;
use crate::serve::Transfer;

const PORT: u16 = 53;

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut rules = Vec::new();
    for line in cx.occurrences() {
        let mut rule = Rule {
            zones: cx.zones_or_server(&mut line.args()),
            anyone: false,
            secondaries: Vec::new(),
            source: None,
        };
        for property in line.properties() {
            match property.name() {
                "to" => {
                    let mut args = property.args();
                    let first = args.required("* or an address")?;
                    for arg in std::iter::once(first).chain(args) {
                        read_target(&arg, &mut rule)?;
                    }
                }
                "source" => {
                    let arg = property.args().only("an address")?;
                    if rule.source.is_some() {
                        return Err(property.parse_error("source already specified"));
                    }
                    let address = arg.text().parse().map_err(|_| {
                        let text = arg.text();
                        property.parse_error(format_args!("invalid source address {text:?}"))
                    })?;
                    rule.source = Some(address);
                }
                _ => return Err(property.unknown()),
            }
        }
        if !rule.anyone && rule.secondaries.is_empty() {
            return Err(line
                .parse_error("'to' is required")
                .with_hint("to * lets anyone have the zones; better name your secondaries"));
        }
        rules.push(rule);
    }
    cx.add_stage(Transfer::new(rules));
    Ok(())
}

fn read_target(arg: &Arg<'_>, rule: &mut Rule) -> Result<(), SetupError> {
    if arg.text() == "*" {
        rule.anyone = true;
        return Ok(());
    }
    let text = arg.text();
    let address = text.parse::<SocketAddr>();
    let address = address.or_else(|_| {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, PORT))
    });
    let address =
        address.map_err(|_| arg.error(format_args!("must specify an IP address: `{text}'")))?;
    rule.secondaries.push(address);
    Ok(())
}
