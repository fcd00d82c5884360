//! `proxy`, which CoreDNS had before 1.5.1, as `forward` and `grpc`.

use catena_corefile::{Diagnostic, Directive, Token};
use catena_dns::Name;
use catena_plugin::zones;

use super::word;

/// One `forward` or `grpc` for each of `proxies`, in an order that asks the same upstreams.
pub(super) fn translate(proxies: Vec<Directive>, findings: &mut Vec<Diagnostic>) -> Vec<Directive> {
    let mut translated: Vec<_> = proxies
        .into_iter()
        .filter_map(|proxy| translate_one(proxy, findings))
        .collect();
    // The longest zone won; forward and grpc take the first that fits.
    translated.sort_by_key(|line| {
        let labels = from(line).map_or(0, |zone| zone.view().label_count());
        std::cmp::Reverse(labels)
    });
    except_what_grpc_serves(&mut translated);
    translated
}

fn translate_one(proxy: Directive, findings: &mut Vec<Diagnostic>) -> Option<Directive> {
    let place = proxy.name.span;
    let mut name = "forward";
    let mut properties = Vec::new();
    let mut lost = Vec::new();
    for property in proxy.block.unwrap_or_default() {
        let args: Vec<&str> = property.args.iter().map(|arg| arg.text.as_str()).collect();
        match (property.name.text.as_str(), args.as_slice()) {
            ("protocol", ["https_google", ..]) => {
                let hint = "'proxy' is now 'forward', which has no protocol https_google: \
                            try 'forward . tls://8.8.8.8 { tls_servername dns.google }'";
                let message = "Error during parsing: Unknown directive 'proxy'";
                let finding = Diagnostic::error(place, message);
                findings.push(finding.with_hint(hint));
                return None;
            }
            ("protocol", ["grpc", security @ ..]) => {
                name = "grpc";
                if security != ["insecure"] {
                    properties.push(renamed(&property, "tls", 1));
                }
            }
            ("protocol", ["dns", "force_tcp"]) => {
                properties.push(renamed(&property, "force_tcp", 2))
            }
            ("protocol", ["dns"]) => {}
            ("policy", ["first"]) => {
                let mut policy = renamed(&property, "policy", 1);
                policy.args.push(word("sequential", property.end));
                properties.push(policy);
            }
            ("policy", ["least_conn"]) => lost.push("policy least_conn"),
            ("health_check", [_, _]) => properties.push(renamed(&property, "health_check", 1)),
            ("health_check", _) => lost.push("health_check"),
            ("fail_timeout", _) => lost.push("fail_timeout"),
            ("spray", _) => lost.push("spray"),
            _ => properties.push(property),
        }
    }
    if name == "grpc" {
        // It asks over one connection and knows no health checks.
        let unknown = ["max_fails", "health_check"];
        properties.retain(|property| !unknown.contains(&property.name.text.as_str()));
    }
    let message = format!("'proxy' is deprecated: '{name}' takes its place");
    let finding = Diagnostic::warning(place, message);
    findings.push(if lost.is_empty() {
        finding
    } else {
        finding.with_hint(format!("{} has no effect any more", lost.join(", ")))
    });
    Some(Directive {
        name: word(name, place),
        args: proxy.args,
        block: (!properties.is_empty()).then_some(properties),
        end: proxy.end,
    })
}

/// `property` as `name`, without its first `skip` arguments.
fn renamed(property: &Directive, name: &str, skip: usize) -> Directive {
    Directive {
        name: word(name, property.name.span),
        args: property.args.get(skip..).unwrap_or_default().to_vec(),
        ..property.clone()
    }
}

/// `forward` comes before `grpc` in the chain, so it must leave alone what `grpc` serves.
fn except_what_grpc_serves(lines: &mut [Directive]) {
    let served: Vec<(Name, Token)> = lines
        .iter()
        .filter(|line| line.name.text == "grpc")
        .filter_map(|line| Some((from(line)?, line.args.first()?.clone())))
        .collect();
    for line in lines.iter_mut().filter(|line| line.name.text == "forward") {
        let Some(own) = from(line) else { continue };
        let below = served.iter().filter(|(zone, _)| {
            let inside = zone.view().is_within(own.view());
            inside && zone.view() != own.view()
        });
        let mut excepted: Vec<Token> = below.map(|(_, written)| written.clone()).collect();
        if excepted.is_empty() {
            continue;
        }
        let properties = line.block.get_or_insert_default();
        let mut present = properties.iter_mut();
        match present.find(|property| property.name.text == "except") {
            Some(except) => except.args.append(&mut excepted),
            None => properties.push(Directive {
                name: word("except", line.name.span),
                args: excepted,
                block: None,
                end: line.name.span,
            }),
        }
    }
}

/// The zone whose names a line forwards.
fn from(line: &Directive) -> Option<Name> {
    zones::parse(&line.args.first()?.text)?.into_iter().next()
}
