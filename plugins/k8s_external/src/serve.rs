//! Answers for services.

use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::{
    Name, NameRef, Rcode, RecordRef, RecordType, Reply, Section, flag, reverse_address,
};
use catena_plugin::{
    Answer, External as Found, ExternalHost, ExternalNames, ExternalTarget, Flow, Next, Outcome,
    OwnedQuery, Query,
};

use crate::External;

/// Where a name of a load balancer leads is asked of this server.
struct Pending {
    reply: Reply,
    section: Section,
    names: Vec<Name>,
    types: Vec<RecordType>,
}

impl External {
    pub(crate) fn serve_name(
        self: &Arc<Self>,
        query: &Query<'_>,
        zone: &Name,
        cluster: &dyn ExternalNames,
        next: Next<'_>,
    ) -> Flow {
        if query.qtype() == RecordType::PTR
            && let Some(address) = reverse_address(query.name())
        {
            return self.pointers(query, zone, cluster.names_of(address), next);
        }
        let labels = External::below(query.name(), zone);
        let labels = NameRef::from_wire(&labels).unwrap_or(NameRef::ROOT);
        let hosts = match cluster.find(labels, self.headless) {
            Found::Missing => return self.missing(query, zone, cluster, next),
            Found::Hosts(hosts) => hosts,
        };
        let pending = match query.qtype() {
            RecordType::A | RecordType::AAAA => self.addresses(query, &hosts, cluster.ttl()),
            RecordType::SRV => self.service_records(query, zone, &hosts, cluster.ttl()),
            _ => return self.denial(query, zone, Rcode::NOERROR).into(),
        };
        if pending.names.is_empty() {
            return self.or_denial(query, zone, pending.reply).into();
        }
        Flow::wait(resolve(pending, query.keep()))
    }

    fn missing(
        &self,
        query: &Query<'_>,
        zone: &Name,
        cluster: &dyn ExternalNames,
        next: Next<'_>,
    ) -> Flow {
        if self.fallthrough.allows(query.name()) {
            return next.serve(query);
        }
        let rcode = match cluster.is_complete() {
            true => Rcode::NXDOMAIN,
            false => Rcode::SERVFAIL,
        };
        self.denial(query, zone, rcode).into()
    }

    fn pointers(
        &self,
        query: &Query<'_>,
        zone: &Name,
        mut names: Vec<Vec<u8>>,
        next: Next<'_>,
    ) -> Flow {
        names.sort_unstable();
        names.dedup();
        let (Some(cluster), Some(first)) = (self.cluster(), self.zones.first()) else {
            return next.serve(query);
        };
        if names.is_empty() {
            return self.missing(query, zone, cluster, next);
        }
        let mut reply = Reply::authoritative(query);
        for name in names {
            let target = [&*name, first.wire()].concat();
            let kind = (RecordType::PTR, self.ttl);
            let record = RecordRef::new(query.name_as_asked(), kind, &target);
            reply.push_or_tc(Section::Answer, record);
        }
        Outcome::reply(reply).into()
    }

    fn addresses(&self, query: &Query<'_>, hosts: &[ExternalHost], alias_ttl: u32) -> Pending {
        let mut reply = Reply::authoritative(query);
        let (mut addresses, mut names) = (Vec::new(), Vec::new());
        let asked = query.name_as_asked();
        for host in hosts {
            match &host.target {
                ExternalTarget::Address(address) if !addresses.contains(address) => {
                    addresses.push(*address);
                    if address.is_ipv4() == (query.qtype() == RecordType::A) {
                        let owner = (asked, self.ttl);
                        reply.push_address(Section::Answer, owner, *address);
                    }
                }
                ExternalTarget::Name(name) if !names.contains(name) => {
                    names.push(name.clone());
                    let kind = (RecordType::CNAME, alias_ttl);
                    reply.push_or_tc(Section::Answer, RecordRef::new(asked, kind, name.wire()));
                }
                _ => {}
            }
        }
        Pending {
            reply,
            section: Section::Answer,
            names,
            types: vec![query.qtype()],
        }
    }

    fn service_records(
        &self,
        query: &Query<'_>,
        zone: &Name,
        hosts: &[ExternalHost],
        ttl: u32,
    ) -> Pending {
        let count = u16::try_from(hosts.len().max(1)).unwrap_or(u16::MAX);
        let weight = (100 / count).max(1);
        let mut reply = Reply::authoritative(query);
        let mut known: Vec<(Vec<u8>, u16)> = Vec::new();
        let with_port = || hosts.iter().filter_map(|host| Some((host, host.port?)));
        for (host, port) in with_port() {
            let target = target(host, zone);
            let mut rdata = Vec::with_capacity(6 + target.len());
            for number in [0, weight, port] {
                rdata.extend_from_slice(&number.to_be_bytes());
            }
            rdata.extend_from_slice(&target);
            if !known.contains(&(target.clone(), port)) {
                known.push((target, port));
                let owner = query.name_as_asked();
                let record = RecordRef::new(owner, (RecordType::SRV, ttl), &rdata);
                reply.push_or_tc(Section::Answer, record);
            }
        }
        let mut names = Vec::new();
        let mut glue: Vec<(Vec<u8>, IpAddr)> = Vec::new();
        for (host, _) in with_port() {
            match &host.target {
                ExternalTarget::Address(address) => {
                    let one = (target(host, zone), *address);
                    if !glue.contains(&one) {
                        glue.push(one);
                    }
                }
                ExternalTarget::Name(name) if !names.contains(name) => names.push(name.clone()),
                ExternalTarget::Name(_) => {}
            }
        }
        for (target, address) in glue {
            let name = NameRef::from_wire(&target).unwrap_or(NameRef::ROOT);
            reply.push_address(Section::Additional, (name, self.ttl), address);
        }
        Pending {
            reply,
            section: Section::Additional,
            names,
            types: vec![RecordType::A, RecordType::AAAA],
        }
    }

    fn or_denial(&self, query: &Query<'_>, zone: &Name, reply: Reply) -> Outcome {
        match reply.count(Section::Answer) {
            0 => self.denial(query, zone, Rcode::NOERROR),
            _ => Outcome::reply(reply),
        }
    }
}

/// What an SRV record for `host` points to, in wire form.
fn target(host: &ExternalHost, zone: &Name) -> Vec<u8> {
    match &host.target {
        ExternalTarget::Address(_) => [&*host.labels, zone.wire()].concat(),
        ExternalTarget::Name(name) => name.wire().to_vec(),
    }
}

/// Adds where the names lead to the reply.
async fn resolve(mut pending: Pending, query: OwnedQuery) -> Outcome {
    let mut is_live = false;
    for name in &pending.names {
        for rtype in &pending.types {
            let flow = query.view(|query| query.resolve(name.view(), *rtype));
            let outcome = flow.outcome().await;
            is_live |= outcome.is_live;
            if let Answer::Reply(found) = outcome.answer {
                pending.reply.push_answers_of(&found, pending.section);
                if found.header().has(flag::TC) {
                    pending.reply.set_flag(flag::TC, true);
                }
            }
        }
    }
    Outcome::reply(pending.reply).live_if(is_live)
}
