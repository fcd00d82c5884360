//! Translates what older CoreDNS took and a Corefile in the field still holds; warns of each.

mod proxy;

use catena_corefile::{Diagnostic, Directive, ServerBlock, Span, Token};

/// Rewrites old forms into those of today.
///
/// What comes back tells each of them, as a warning; as an error where there is no translation.
pub fn modernise(blocks: &mut [ServerBlock]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for block in blocks {
        modernise_block(block, &mut findings);
    }
    findings
}

fn modernise_block(block: &mut ServerBlock, findings: &mut Vec<Diagnostic>) {
    let mut added = Vec::new();
    let mut proxies = Vec::new();
    for mut directive in std::mem::take(&mut block.directives) {
        match directive.name.text.as_str() {
            "proxy" => {
                proxies.push(directive);
                continue;
            }
            "federation" => {
                let message = "'federation' is deprecated and does nothing";
                findings.push(Diagnostic::warning(directive.name.span, message));
                continue;
            }
            "kubernetes" | "file" | "auto" | "secondary" | "etcd" | "template" => {
                modernise_properties(&mut directive, findings);
                added.extend(take_transfers(&mut directive, findings));
            }
            _ => {}
        }
        block.directives.push(directive);
    }
    block.directives.extend(added);
    block.directives.extend(proxy::translate(proxies, findings));
}

/// Removes properties that lost their meaning, and renames `no_reload`.
fn modernise_properties(directive: &mut Directive, findings: &mut Vec<Diagnostic>) {
    let owner = directive.name.text.clone();
    let mut warn = |property: &Directive, instead: &str| {
        let name = &property.name.text;
        let message = format!("{owner}: '{name}' is deprecated and does nothing");
        findings.push(Diagnostic::warning(property.name.span, message).with_hint(instead));
    };
    let Some(properties) = &mut directive.block else {
        return;
    };
    properties.retain(
        |property| match (owner.as_str(), property.name.text.as_str()) {
            (_, "upstream") => {
                warn(
                    property,
                    "names outside the zone are asked of this server itself",
                );
                false
            }
            ("kubernetes", "resyncperiod") => {
                warn(
                    property,
                    "changes are watched, there is nothing to sync again",
                );
                false
            }
            _ => true,
        },
    );
    if !matches!(owner.as_str(), "file" | "auto") {
        return;
    }
    for property in properties {
        if property.name.text == "no_reload" {
            let message = format!("{owner}: 'no_reload' is deprecated");
            let finding = Diagnostic::warning(property.name.span, message);
            findings.push(finding.with_hint("use 'reload 0'"));
            "reload".clone_into(&mut property.name.text);
            property.args.insert(0, word("0", property.name.span));
        }
    }
}

/// Takes the `transfer to` lines of a zone's plugin out; one `transfer` directive has them all.
fn take_transfers(directive: &mut Directive, findings: &mut Vec<Diagnostic>) -> Option<Directive> {
    let owner = directive.name.text.as_str();
    let zones = match owner {
        "file" => directive.args.get(1..).unwrap_or_default(),
        "auto" | "secondary" | "kubernetes" => &directive.args,
        _ => return None,
    };
    let properties = directive.block.as_mut()?;
    let is_old = |line: &Directive| {
        line.name.text == "transfer" && line.args.first().is_some_and(|word| word.text == "to")
    };
    let (old, kept) = std::mem::take(properties).into_iter().partition(is_old);
    *properties = kept;
    let old: Vec<Directive> = old;
    let place = old.first()?.name.span;
    for line in &old {
        let message = format!("{owner}: 'transfer to' is deprecated");
        let hint = "use the plugin 'transfer' beside it";
        findings.push(Diagnostic::warning(line.name.span, message).with_hint(hint));
    }
    let block = old.into_iter().map(|mut line| {
        line.name = line.args.remove(0);
        line
    });
    Some(Directive {
        name: word("transfer", place),
        args: zones.to_vec(),
        block: Some(block.collect()),
        end: place,
    })
}

/// A word that stands for the one at `span`.
fn word(text: &str, span: Span) -> Token {
    Token {
        text: text.to_owned(),
        span,
        quoted: false,
    }
}

#[cfg(test)]
mod tests;
