//! Answers queries.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use catena_dns::{Rcode, RecordRef, RecordType, Reply, Section, reverse_address};
use catena_plugin::zones::{self, Fallthrough};
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, StartContext, StartError};

use crate::file::Source;

/// The parsed directive, and the stage.
#[derive(Debug)]
pub(crate) struct Hosts {
    pub source: Arc<Source>,
    pub ttl: u32,
    pub reload: Duration,
    pub fallthrough: Fallthrough,
    /// Which types fall through.
    pub passes: Passes,
}

/// What falls through where `fallthrough` allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passes {
    /// Names that are not known.
    UnknownNames,
    /// Those, and types other than A, AAAA and PTR.
    OtherTypesToo,
}

impl Plugin for Hosts {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        match query.qtype() {
            RecordType::PTR => match self.names(query) {
                Some(reply) => Outcome::reply(reply).into(),
                // Reverse zones need not be named, so other names are always passed on.
                None => next.serve(query),
            },
            qtype => {
                let is_ours = zones::longest(&self.source.rules.zones, query.name()).is_some();
                if !is_ours || self.passes_on(qtype, query) {
                    return next.serve(query);
                }
                match self.addresses(query) {
                    Some(reply) => Outcome::reply(reply).into(),
                    None if self.fallthrough.allows(query.name()) => next.serve(query),
                    // There is no SOA record to say NXDOMAIN with.
                    None => Outcome::fail(Rcode::SERVFAIL).into(),
                }
            }
        }
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        context.spawn(self.source.start(self.reload));
        Ok(())
    }
}

impl Hosts {
    fn passes_on(&self, qtype: RecordType, query: &Query<'_>) -> bool {
        self.passes == Passes::OtherTypesToo
            && !matches!(qtype, RecordType::A | RecordType::AAAA)
            && self.fallthrough.allows(query.name())
    }

    /// The answer for a name that is known, empty for a type that it does not have.
    fn addresses(&self, query: &Query<'_>) -> Option<Reply> {
        let index = self.source.index();
        let found = index.addresses(query.name());
        if found.v4.is_empty() && found.v6.is_empty() {
            return None;
        }
        let mut reply = Reply::authoritative(query);
        let record = self.record(query);
        match query.qtype() {
            RecordType::A => {
                let rdata = found.v4.iter().map(<[u8; 4]>::as_slice);
                push_all(
                    &mut reply,
                    query,
                    rdata.map(|rdata| RecordRef { rdata, ..record }),
                );
            }
            RecordType::AAAA => {
                let rdata = found.v6.iter().map(<[u8; 16]>::as_slice);
                push_all(
                    &mut reply,
                    query,
                    rdata.map(|rdata| RecordRef { rdata, ..record }),
                );
            }
            _ => {}
        }
        Some(reply)
    }

    /// The answer for an address that is known.
    fn names(&self, query: &Query<'_>) -> Option<Reply> {
        let address: IpAddr = reverse_address(query.name())?;
        let index = self.source.index();
        let mut names = index.names(address).peekable();
        names.peek()?;
        let (mut reply, record) = (Reply::authoritative(query), self.record(query));
        let records = names.map(|name| RecordRef {
            rdata: name.wire(),
            ..record
        });
        push_all(&mut reply, query, records);
        Some(reply)
    }

    fn record<'q>(&self, query: &'q Query<'_>) -> RecordRef<'q> {
        // In lower case, as CoreDNS answers.
        RecordRef::new(query.name(), (query.qtype(), self.ttl), &[])
    }
}

/// Adds `records` until the client can take no more: the server cuts off what is too much.
fn push_all<'r>(
    reply: &mut Reply,
    query: &Query<'_>,
    records: impl Iterator<Item = RecordRef<'r>>,
) {
    let limit = query.size_limit();
    for record in records {
        if !reply.push_or_tc(Section::Answer, record) || !reply.fits(limit) {
            return;
        }
    }
}
