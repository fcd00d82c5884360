//! The stage: answers from the zones that were made of the last table.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use catena_cluster::local_addresses;
use catena_dns::{Name, NameRef, Rcode, RecordType, Reply, Section};
use catena_index::{Found, Node, Record, Zone, ZoneBuilder};
use catena_plugin::zones::{Fallthrough, longest};
use catena_plugin::{
    Flow, Next, Outcome, Plugin, Query, Readiness, StartContext, StartError, Transfers,
};
use catena_rpc::Registry;
use tokio::sync::watch;

use crate::zone::{self, Apex};

const TTL: u32 = 5;
const STARTUP_TIMEOUT: Duration = Duration::from_secs(5);

/// What the directive says, beside what to watch.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub ttl: u32,
    pub fallthrough: Fallthrough,
    pub startup_timeout: Duration,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            ttl: TTL,
            fallthrough: Fallthrough::Never,
            startup_timeout: STARTUP_TIMEOUT,
        }
    }
}

/// The names of one server block.
pub(crate) struct RpcServices {
    pub zones: Vec<Name>,
    /// One for each of `zones`; empty if one was too large.
    pub served: Vec<ArcSwap<Zone>>,
    rules: Rules,
    registry: Arc<Registry>,
    /// The addresses that others know this server by.
    servers: OnceLock<Vec<IpAddr>>,
    /// Whether `served` was made after all was known.
    pub complete: watch::Sender<bool>,
    /// Says that `served` was made anew.
    pub changed: watch::Sender<()>,
}

pub(crate) struct Stage(pub Arc<RpcServices>);

impl RpcServices {
    pub fn new(zones: Vec<Name>, rules: Rules, registry: Arc<Registry>) -> RpcServices {
        let empty = zones
            .iter()
            .filter_map(|zone| ZoneBuilder::new(zone.view()).build().ok());
        RpcServices {
            served: empty.map(ArcSwap::from_pointee).collect(),
            zones,
            rules,
            registry,
            servers: OnceLock::new(),
            complete: watch::Sender::new(false),
            changed: watch::Sender::default(),
        }
    }

    /// Makes the zones anew from the table as it is.
    fn make_zones(&self) {
        // Asked before the table is taken: a later answer might be about a later table.
        let is_complete = self.registry.is_synced();
        let names = Arc::clone(&self.registry.names().borrow());
        for (origin, served) in self.zones.iter().zip(&self.served) {
            let apex = Apex {
                origin: origin.view(),
                ttl: self.rules.ttl,
                last_serial: served.load().serial().unwrap_or(0),
                servers: self.servers.get().map_or(&[][..], Vec::as_slice),
            };
            let belongs = |name: NameRef<'_>| longest(&self.zones, name) == Some(origin);
            match zone::build(&apex, &names, belongs) {
                Some(zone) => served.store(Arc::new(zone)),
                None => tracing::error!(
                    target: "plugin/rpcservice",
                    "The names of {origin} take more than 4 GiB; the last ones stay"
                ),
            }
        }
        self.complete.send_replace(is_complete);
        self.changed.send_replace(());
    }

    /// Makes the zones anew after each change, for ever.
    async fn follow(&self) {
        let mut names = self.registry.names();
        loop {
            names.mark_unchanged();
            self.make_zones();
            let is_complete = *self.complete.borrow();
            tokio::select! {
                changed = names.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = self.registry.synced(), if !is_complete => {}
            }
        }
    }

    fn answer(&self, query: &Query<'_>, zone: &Zone, next: Next<'_>) -> Flow {
        let qtype = query.qtype();
        if matches!(qtype, RecordType::AXFR | RecordType::IXFR) {
            return Outcome::fail(Rcode::REFUSED).into();
        }
        let is_complete = *self.complete.borrow();
        match zone.find(query.name(), qtype) {
            Some(Found::Name(node)) => {
                let reply = records(query, zone, node);
                if reply.count(Section::Answer) > 0 {
                    return Outcome::reply(reply).into();
                }
                let rcode = if is_complete {
                    Rcode::NOERROR
                } else {
                    Rcode::SERVFAIL
                };
                denial(query, zone, rcode).into()
            }
            _ if self.rules.fallthrough.allows(query.name()) => next.serve(query),
            _ => {
                let rcode = if is_complete {
                    Rcode::NXDOMAIN
                } else {
                    Rcode::SERVFAIL
                };
                denial(query, zone, rcode).into()
            }
        }
    }
}

fn records(query: &Query<'_>, zone: &Zone, node: Node<'_>) -> Reply {
    let mut reply = Reply::authoritative(query);
    if query.qtype() == RecordType::SOA {
        if node.is(zone.apex()) {
            push_soa(&mut reply, zone, Section::Answer);
        }
        return reply;
    }
    if query.qtype() == RecordType::NS {
        push_glue(&mut reply, zone, node);
    }
    let real = |record: &Record<'_>| record.rtype() != zone::EXISTS;
    for record in node.records_of(query.qtype()).filter(real) {
        reply.push_asked((record.rtype(), record.ttl()), record.rdata());
    }
    reply
}

/// Adds the addresses of the name servers at `node`.
fn push_glue(reply: &mut Reply, zone: &Zone, node: Node<'_>) {
    for server in node.records_of(RecordType::NS) {
        let server = NameRef::from_wire(server.rdata()).ok();
        let Some(server) = server.and_then(|name| zone.node(name)) else {
            continue;
        };
        for record in server.records() {
            reply.push(Section::Additional, record.owned_by(server.name()));
        }
    }
}

fn denial(query: &Query<'_>, zone: &Zone, rcode: Rcode) -> Outcome {
    let mut reply = Reply::authoritative(query);
    reply.set_rcode(rcode);
    push_soa(&mut reply, zone, Section::Authority);
    Outcome::reply(reply)
}

fn push_soa(reply: &mut Reply, zone: &Zone, section: Section) {
    if let Some(soa) = zone.soa() {
        reply.push(section, soa.owned_by(zone.origin()));
    }
}

impl Plugin for Stage {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let services = &self.0;
        let zones = services.zones.iter().zip(&services.served);
        let zones = zones.filter(|(zone, _)| query.name().is_within(zone.view()));
        match zones.max_by_key(|(zone, _)| zone.wire().len()) {
            Some((_, served)) => services.answer(query, &served.load(), next),
            None => next.serve(query),
        }
    }

    fn start(&self, context: &StartContext<'_>) -> Result<(), StartError> {
        let checked = self.0.registry.check_access();
        checked.map_err(|error| StartError::new(format!("plugin/rpcservice: {error}")))?;
        self.0.registry.run(&context.background());
        let _known_already = self.0.servers.set(local_addresses(context));
        // After a reload all is known already.
        self.0.make_zones();
        let services = Arc::clone(&self.0);
        context.spawn(async move { services.follow().await });
        Ok(())
    }

    fn started(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let mut complete = self.0.complete.subscribe();
        let patience = self.0.rules.startup_timeout;
        Some(Box::pin(async move {
            let known = complete.wait_for(|complete| *complete);
            if tokio::time::timeout(patience, known).await.is_err() {
                tracing::warn!(
                    target: "plugin/rpcservice",
                    "starting server before all RPC interfaces are known"
                );
            }
        }))
    }

    fn transfers(&self) -> Option<&dyn Transfers> {
        Some(self)
    }

    fn ready(&self) -> Readiness {
        match *self.0.complete.borrow() {
            true => Readiness::Ready,
            false => Readiness::NotReady,
        }
    }
}
