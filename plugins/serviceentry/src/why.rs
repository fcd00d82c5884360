//! The endpoint that says why a name means what it does to a client, and lists addresses.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;
use catena_http::{Answer, Asked, Page, Pages};
use catena_mesh::{Considered, Search, Verdict, Viewer, Without};

use crate::serve::ServiceEntries;
use crate::vips;

const USAGE: &str = "ask for /why?name=NAME, and &client=ADDRESS or &namespace=NAMESPACE\n";

pub(crate) struct Why(pub Arc<ServiceEntries>);

impl Pages for Why {
    fn answer(&self, asked: &Asked) -> Option<Answer> {
        match asked.path.as_str() {
            "/why" => Some(Answer::Now(self.page(asked))),
            "/vips" => Some(Answer::Now(vips::page(asked, self.0.table()))),
            _ => None,
        }
    }
}

impl Why {
    fn page(&self, asked: &Asked) -> Page {
        let name = asked
            .value("name")
            .and_then(|text| text.parse::<Name>().ok());
        let Some(name) = name.map(|name| name.view().to_lower()) else {
            return Page::text(400, USAGE);
        };
        let client = asked.value("client").map(str::parse::<IpAddr>);
        let (table, sight) = (self.0.table(), &self.0.rules.sight);
        let text = match (client, asked.value("namespace")) {
            (Some(Err(_)), _) => return Page::text(400, USAGE),
            (_, Some(namespace)) => sight.with_namespace(table, namespace, |viewer, search| {
                self.explain(&name, viewer, search)
            }),
            (client, None) => {
                let nobody = IpAddr::from([0; 4]);
                let address = client.and_then(Result::ok).unwrap_or(nobody);
                sight.with(table, address, |viewer, search| {
                    self.explain(&name, viewer, search)
                })
            }
        };
        Page::text(200, text)
    }

    fn explain(&self, name: &Name, viewer: &Viewer<'_>, search: &Search<'_>) -> String {
        let mut text = String::new();
        let place = viewer.namespace.unwrap_or("a place that is not known");
        let _ = writeln!(text, "{name} for a client in {place}");
        if let Some(sidecar) = viewer.sidecar {
            let _ = writeln!(
                text,
                "Sidecar {}/{} applies",
                sidecar.namespace, sidecar.name
            );
        }
        if !self.0.source.is_synced() {
            text.push_str("not all objects have been listed yet: SERVFAIL\n");
        }
        let considered = self.0.table().why(name.view(), viewer, search);
        for row in &considered {
            let _ = writeln!(text, "{}", sentence(row));
        }
        let answers = considered.iter().any(|row| row.verdict == Verdict::Answers);
        let end = match (answers, self.0.rules.fallthrough.allows(name.view())) {
            (true, _) => "it is answered",
            (false, true) => "it is passed to the next plugin",
            (false, false) => "it is denied",
        };
        let _ = writeln!(text, "{end}");
        text
    }
}

fn sentence(row: &Considered) -> String {
    let alias = row
        .canonical
        .as_ref()
        .map_or(String::new(), |name| format!(" as {name}"));
    let verdict = match row.verdict {
        Verdict::Answers => "answers",
        Verdict::Later => "comes too late: another host answered before it",
        Verdict::NotExported => "is not exported to the client's namespace",
        Verdict::NotImported => "is not imported by the Sidecar that applies",
        Verdict::OtherNamespace => "gives way to the same host in another namespace",
        Verdict::ServiceFirst => "gives way to the Service of this name",
        Verdict::NoShortName => "is no Service, and has no short names",
        Verdict::Bare(without) => lack(without),
        Verdict::OtherFamily => "has no address that this client is told",
    };
    format!("{} of {}{alias} {verdict}", row.host, row.owner)
}

fn lack(without: Without) -> &'static str {
    match without {
        Without::Unknown => "has no address",
        Without::Unresolved => {
            "has no address: spec.addresses is empty, and resolution NONE gets no automatic one"
        }
        Without::OptedOut => "has no address: its label refuses automatic ones",
        Without::Wildcard => "has no address: a wildcard gets an automatic one only as DYNAMIC_DNS",
        Without::Awaited => "has no address: no automatic one is in its status yet",
        Without::Yielded => "has no address: another host has a better right to its automatic one",
        Without::NoAddress => "has no address: spec.addresses holds networks or no addresses",
        Without::NoEndpoint => "has no address: there is no ready endpoint",
        Without::NotServed => "has no address: it is an alias, or headless without ports",
    }
}
