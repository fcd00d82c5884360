//! Counts queries and replies: every handle is looked up once, then found by its place.

use std::sync::OnceLock;

use catena_dns::{HEADER_LEN, Rcode, RecordType};

use super::{Counter, Histogram, server};
use crate::{Answer, Outcome, Query, Transport, clock};

/// Types with a label of their own; all others are `other`.
const TYPES: [RecordType; 19] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::HTTPS,
    RecordType::PTR,
    RecordType::SRV,
    RecordType::TXT,
    RecordType::MX,
    RecordType::NS,
    RecordType::SOA,
    RecordType::CNAME,
    RecordType::DS,
    RecordType::DNSKEY,
    RecordType::SVCB,
    RecordType::NSEC,
    RecordType::NSEC3,
    RecordType::RRSIG,
    RecordType::IXFR,
    RecordType::AXFR,
    RecordType::ANY,
];
/// Handles for requests: two protocols, two families of addresses, the types and `other`.
const REQUESTS: usize = 2 * 2 * (TYPES.len() + 1);
/// Handles for responses: pairs of response code and plugin; those above are looked up each time.
const RESPONSES: usize = 64;

/// The counts of one zone at one listener; a handle is made when it is first needed.
pub struct QueryCounts {
    server: String,
    zone: String,
    view: String,
    requests: [OnceLock<Counter>; REQUESTS],
    wanting_dnssec: OnceLock<Counter>,
    durations: OnceLock<Histogram>,
    request_sizes: [OnceLock<Histogram>; 2],
    response_sizes: [OnceLock<Histogram>; 2],
    responses: [OnceLock<Response>; RESPONSES],
}

struct Response {
    rcode: Rcode,
    plugin: &'static str,
    counter: Counter,
}

impl QueryCounts {
    /// Nothing counted yet; the labels are given.
    pub fn new(server: &str, zone: &str, view: &str) -> QueryCounts {
        QueryCounts {
            server: server.to_owned(),
            zone: zone.to_owned(),
            view: view.to_owned(),
            requests: [const { OnceLock::new() }; REQUESTS],
            wanting_dnssec: OnceLock::new(),
            durations: OnceLock::new(),
            request_sizes: [const { OnceLock::new() }; 2],
            response_sizes: [const { OnceLock::new() }; 2],
            responses: [const { OnceLock::new() }; RESPONSES],
        }
    }

    /// Counts `query` and what came of it.
    pub fn count(&self, query: &Query<'_>, outcome: &Outcome) {
        let labels = [self.server.as_str(), self.zone.as_str(), self.view.as_str()];
        let context = query.context();
        let protocol = usize::from(context.transport == Transport::Tcp);
        self.count_request(query, protocol);
        if query.dnssec_ok() {
            let make = || server::REQUEST_DO.with(&labels);
            self.wanting_dnssec.get_or_init(make).inc();
        }
        let passed = clock::now().duration_since(context.arrived);
        let make = || server::REQUEST_DURATION.with(&labels);
        let durations = self.durations.get_or_init(make);
        durations.observe(passed.as_secs_f64());
        let [server, zone, view] = labels;
        let sized = [server, zone, view, context.transport.name()];
        if let Some(sizes) = self.request_sizes.get(protocol) {
            let make = || server::REQUEST_SIZE.with(&sized);
            observe_size(sizes.get_or_init(make), query.packet().len());
        }
        if let Some(sizes) = self.response_sizes.get(protocol) {
            let make = || server::RESPONSE_SIZE.with(&sized);
            observe_size(sizes.get_or_init(make), response_size(query, outcome));
        }
        self.count_response(outcome);
    }

    fn count_request(&self, query: &Query<'_>, protocol: usize) {
        let context = query.context();
        let family = usize::from(context.client.ip().to_canonical().is_ipv6());
        let known = TYPES.iter().position(|known| *known == query.qtype());
        let qtype = known.unwrap_or(TYPES.len());
        let place = (qtype * 2 + family) * 2 + protocol;
        let make = || {
            let name = TYPES.get(qtype).and_then(|qtype| qtype.name());
            server::REQUESTS.with(&[
                &self.server,
                &self.zone,
                &self.view,
                context.transport.name(),
                if family == 0 { "1" } else { "2" },
                name.unwrap_or("other"),
            ])
        };
        if let Some(counter) = self.requests.get(place) {
            counter.get_or_init(make).inc();
        }
    }

    fn count_response(&self, outcome: &Outcome) {
        // Silence counts as NOERROR, as in CoreDNS.
        let rcode = outcome.rcode().unwrap_or(Rcode::NOERROR);
        let plugin = outcome.by.unwrap_or("");
        let make = || Response {
            rcode,
            plugin,
            counter: self.response_counter(rcode, plugin),
        };
        // The slots fill from the front, so the first empty one ends the search.
        for slot in &self.responses {
            let response = slot.get_or_init(make);
            if response.rcode == rcode && response.plugin == plugin {
                return response.counter.inc();
            }
        }
        self.response_counter(rcode, plugin).inc();
    }

    fn response_counter(&self, rcode: Rcode, plugin: &str) -> Counter {
        let name = rcode.to_string();
        server::RESPONSES.with(&[&self.server, &self.zone, &self.view, &name, plugin])
    }
}

/// Octets of the reply as the chain made it; what the server adds outermost is not in it.
fn response_size(query: &Query<'_>, outcome: &Outcome) -> usize {
    match &outcome.answer {
        Answer::Reply(reply) => reply.packet().len(),
        Answer::Fail(_) => HEADER_LEN + query.question().len(),
        Answer::Silent | Answer::Stream(_) => 0,
    }
}

fn observe_size(sizes: &Histogram, size: usize) {
    // A message has 65535 octets at most.
    sizes.observe(f64::from(u32::try_from(size).unwrap_or(u32::MAX)));
}
