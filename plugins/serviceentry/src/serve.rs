//! The stage: answers from the table, as the client sees it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use catena_dns::{Name, NameRef, Rcode, RecordType, Reply, Section, reverse_address};
use catena_http::{Address, Lease, Opening};
use catena_mesh::{Looked, Search, Table, Viewer};
use catena_plugin::metrics::PerServer;
use catena_plugin::zones::Fallthrough;
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Readiness, StartContext, StartError};
use parking_lot::Mutex;

use crate::answer::Style;
use crate::client::{Clients, Sight};
use crate::metrics::Lookups;
use crate::soa::Soa;
use crate::source::Source;
use crate::strict;
use crate::why::Why;

/// What the directive says, beside what to watch.
pub(crate) struct Rules {
    pub style: Style,
    pub fallthrough: Fallthrough,
    pub sight: Sight,
    /// Before all is known names are passed on, not refused.
    pub passes_unsynced: bool,
    pub startup_timeout: Duration,
    /// Answers are those of the older istio-coredns-plugin.
    pub is_strict: bool,
    /// Where to say why.
    pub why: Option<Address>,
}

/// The hosts of one server block.
pub(crate) struct ServiceEntries {
    zones: Vec<Soa>,
    pub rules: Rules,
    pub source: Source,
    lookups: PerServer<Lookups>,
    lease: Mutex<Option<Lease>>,
}

pub(crate) struct Stage(pub Arc<ServiceEntries>);

/// What is known about a question.
enum Verdict {
    Answer(Reply),
    /// The name is a host, but not for this type: somebody else may know more.
    OtherType,
    Missing,
}

impl ServiceEntries {
    pub fn new(zones: Vec<Name>, rules: Rules, source: Source) -> ServiceEntries {
        let ttl = rules.style.ttl;
        ServiceEntries {
            zones: zones.into_iter().map(|zone| Soa::new(zone, ttl)).collect(),
            rules,
            source,
            lookups: PerServer::new(),
            lease: Mutex::default(),
        }
    }

    pub fn table(&self) -> &Table {
        self.source.table()
    }

    fn zone(&self, name: NameRef<'_>) -> Option<&Soa> {
        let zones = self.zones.iter().filter(|soa| name.is_within(soa.zone()));
        zones.max_by_key(|soa| soa.zone().wire().len())
    }

    fn answer(&self, query: &Query<'_>, soa: &Soa, next: Next<'_>) -> Flow {
        let lookups = self.lookups.get(query.server(), Lookups::of);
        let count = |which: fn(&Lookups) -> &catena_plugin::metrics::Counter| {
            if let Some(lookups) = lookups {
                which(lookups).inc();
            }
        };
        if !self.source.is_useful() {
            count(|lookups| &lookups.unsynced);
            return self.unsynced(query, next);
        }
        if self.rules.is_strict {
            return self.answer_strictly(query, next);
        }
        let sight = &self.rules.sight;
        let verdict = sight.with(self.table(), query.client().ip(), |viewer, search| {
            self.look(query, viewer, search)
        });
        let may_pass = self.rules.fallthrough.allows(query.name());
        let outcome = match verdict {
            Verdict::Missing | Verdict::OtherType if !self.source.is_synced() => {
                count(|lookups| &lookups.unsynced);
                return self.unsynced(query, next);
            }
            Verdict::Answer(mut reply) => {
                count(|lookups| &lookups.found);
                if reply.count(Section::Answer) == 0 {
                    soa.push(&mut reply, Section::Authority, self.table().serial());
                }
                Outcome::reply(reply)
            }
            Verdict::Missing | Verdict::OtherType if may_pass => {
                count(|lookups| &lookups.passed);
                return next.serve(query);
            }
            Verdict::Missing => {
                count(|lookups| &lookups.missing);
                self.without_records(query, soa)
            }
            Verdict::OtherType => {
                count(|lookups| &lookups.found);
                self.denial(query, soa, Rcode::NOERROR)
            }
        };
        outcome.into()
    }

    fn answer_strictly(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        match strict::answer(self.table(), query, self.rules.style.ttl) {
            Some(reply) => Outcome::reply(reply).into(),
            None if self.rules.fallthrough.allows(query.name()) => next.serve(query),
            None => Outcome::reply(strict::denial(query)).into(),
        }
    }

    /// What becomes of a name that may be told of later.
    fn unsynced(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        match self.rules.passes_unsynced {
            true => next.serve(query),
            false => Outcome::fail(Rcode::SERVFAIL).into(),
        }
    }

    fn look(&self, query: &Query<'_>, viewer: &Viewer<'_>, search: &Search<'_>) -> Verdict {
        let (name, style) = (query.name(), self.rules.style);
        match query.qtype() {
            RecordType::A | RecordType::AAAA => {
                let looked = self
                    .table()
                    .find(name, viewer, search, |found| style.addresses(query, found));
                match looked {
                    Looked::Found(reply) => Verdict::Answer(reply),
                    Looked::Bare => Verdict::OtherType,
                    Looked::Missing => Verdict::Missing,
                }
            }
            RecordType::SRV => self.ports(query, viewer, search),
            RecordType::PTR => match reverse_address(name) {
                Some(address) => match self.table().hosts_at(address, viewer) {
                    hosts if hosts.is_empty() => Verdict::Missing,
                    hosts => Verdict::Answer(style.hosts(query, &hosts)),
                },
                None => self.exists(name, viewer, search),
            },
            _ => self.exists(name, viewer, search),
        }
    }

    /// Whether a host of this name is there, for the types that hosts do not have.
    fn exists(&self, name: NameRef<'_>, viewer: &Viewer<'_>, search: &Search<'_>) -> Verdict {
        match self.table().find(name, viewer, search, |_| ()) {
            Looked::Missing => Verdict::Missing,
            _ => Verdict::OtherType,
        }
    }

    /// `_PORT._PROTOCOL.HOST`, or all ports of `HOST`.
    fn ports(&self, query: &Query<'_>, viewer: &Viewer<'_>, search: &Search<'_>) -> Verdict {
        let (name, style) = (query.name(), self.rules.style);
        let mut labels = name.labels();
        let prefix = |label: Option<&[u8]>| label.and_then(|l| l.strip_prefix(b"_")).map(Vec::from);
        let looked = match (prefix(labels.next()), prefix(labels.next())) {
            (Some(port), Some(protocol)) => {
                let Some(host) = name.parent().and_then(NameRef::parent) else {
                    return Verdict::Missing;
                };
                let is_udp = protocol == b"udp";
                if !is_udp && protocol != b"tcp" {
                    return self.exists(host, viewer, search);
                }
                self.table().find(host, viewer, search, |found| {
                    style.ports(query, found, host, |known| {
                        known.is_udp == is_udp && known.name.as_bytes() == port
                    })
                })
            }
            _ => self.table().find(name, viewer, search, |found| {
                style.ports(query, found, name, |_| true)
            }),
        };
        match looked {
            Looked::Found(reply) if reply.count(Section::Answer) > 0 => Verdict::Answer(reply),
            Looked::Missing => Verdict::Missing,
            _ => Verdict::OtherType,
        }
    }

    /// What has no records: the zone itself, names above hosts, and those that do not exist.
    fn without_records(&self, query: &Query<'_>, soa: &Soa) -> Outcome {
        let name = query.name();
        let is_apex = name.wire().len() == soa.zone().wire().len();
        if is_apex && query.qtype() == RecordType::SOA {
            let mut reply = Reply::authoritative(query);
            soa.push(&mut reply, Section::Answer, self.table().serial());
            return Outcome::reply(reply);
        }
        let exists = is_apex || self.table().has_below(name);
        let rcode = if exists {
            Rcode::NOERROR
        } else {
            Rcode::NXDOMAIN
        };
        self.denial(query, soa, rcode)
    }

    fn denial(&self, query: &Query<'_>, soa: &Soa, rcode: Rcode) -> Outcome {
        let mut reply = Reply::authoritative(query);
        reply.set_rcode(rcode);
        soa.push(&mut reply, Section::Authority, self.table().serial());
        Outcome::reply(reply)
    }
}

impl Plugin for Stage {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let Some(soa) = self.0.zone(query.name()) else {
            return next.serve(query);
        };
        match query.qtype() {
            RecordType::AXFR | RecordType::IXFR => Outcome::fail(Rcode::REFUSED).into(),
            _ => {
                let flow = self.0.answer(query, soa, next);
                match self.0.rules.sight.clients {
                    // The next client may see something else, also where this one sees nothing.
                    Clients::Pods => flow.then(&self.0, query, |_, _, outcome| outcome.live()),
                    _ => flow,
                }
            }
        }
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        self.0.source.check()?;
        self.0.source.run(&context.background());
        if let Some(address) = &self.0.rules.why {
            let opening = Opening {
                address,
                tls: None,
                pages: Arc::new(Why(Arc::clone(&self.0))),
                background: context.background,
            };
            let opened = opening.open();
            let lease =
                opened.map_err(|error| StartError::new(format!("plugin/serviceentry: {error}")))?;
            *self.0.lease.lock() = Some(lease);
        }
        Ok(())
    }

    fn started(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let source = self.0.source.clone();
        let patience = self.0.rules.startup_timeout;
        Some(Box::pin(async move {
            if tokio::time::timeout(patience, source.synced())
                .await
                .is_err()
            {
                tracing::warn!(
                    target: "plugin/serviceentry",
                    "starting server before all hosts are known"
                );
            }
        }))
    }

    fn stop(&self) {
        *self.0.lease.lock() = None;
    }

    fn ready(&self) -> Readiness {
        match self.0.source.is_synced() {
            true => Readiness::Ready,
            false => Readiness::NotReady,
        }
    }
}
