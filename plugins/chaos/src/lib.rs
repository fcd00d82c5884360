//! Plugin chaos: tells version, host name and authors in class CH.

use catena_dns::{Class, RecordRef, RecordType, Reply, Section};
use catena_plugin::{
    Flow, Line, Next, Outcome, Plugin, Query, Registration, Setup, SetupError, hostname,
};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "chaos",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

/// What is told of the version when nothing else is said.
const VERSION: &str = concat!("Catena-", env!("CARGO_PKG_VERSION"));
/// Who is told to have written the server when nobody else is named.
const AUTHORS: &str = "the authors of Catena";
/// The longest string of a TXT record.
const TEXT_MAX: usize = 255;

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    for line in cx.occurrences() {
        if let Some(property) = line.properties().next() {
            return Err(property.unknown());
        }
    }
    // As in CoreDNS, the first says it all.
    let line = cx.occurrences().next();
    cx.add_stage(Chaos::new(line.as_ref()));
    Ok(())
}

struct Chaos {
    /// Texts in wire form, a length before each.
    version: Vec<u8>,
    authors: Vec<Vec<u8>>,
    host: Vec<u8>,
}

impl Chaos {
    fn new(line: Option<&Line<'_>>) -> Chaos {
        let words = line.into_iter().flat_map(Line::args);
        let mut words = words.map(|arg| arg.text());
        let version = words.next().unwrap_or(VERSION);
        let mut authors: Vec<&str> = words.collect();
        if authors.is_empty() {
            authors.push(AUTHORS);
        }
        authors.sort_unstable();
        authors.dedup();
        Chaos {
            version: text(version),
            authors: authors.into_iter().map(text).collect(),
            host: text(&hostname()),
        }
    }
}

/// `text` as a string of a TXT record, cut to what fits.
fn text(text: &str) -> Vec<u8> {
    let octets = text.as_bytes().iter().copied().take(TEXT_MAX);
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    std::iter::once(length).chain(octets).collect()
}

impl Plugin for Chaos {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        if query.qclass() != Class::CH || query.qtype() != RecordType::TXT {
            return next.serve(query);
        }
        let texts = match query.name().wire() {
            b"\x07authors\x04bind\0" => self.authors.as_slice(),
            b"\x07version\x04bind\0" | b"\x07version\x06server\0" => {
                std::slice::from_ref(&self.version)
            }
            b"\x08hostname\x04bind\0" | b"\x02id\x06server\0" => std::slice::from_ref(&self.host),
            _ => return next.serve(query),
        };
        // Nobody is always the first.
        let first = rand::random_range(0..texts.len().max(1));
        let (behind, ahead) = texts.split_at_checked(first).unwrap_or((texts, &[]));
        let mut reply = Reply::to(query);
        for rdata in ahead.iter().chain(behind) {
            let record = RecordRef {
                name: query.name_as_asked(),
                rtype: RecordType::TXT,
                class: Class::CH,
                ttl: 0,
                rdata,
            };
            reply.push(Section::Answer, record);
        }
        Outcome::reply(reply).into()
    }
}

#[cfg(test)]
mod tests;
