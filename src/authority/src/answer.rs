//! Answers from a zone: RFC 1034 section 4.3.2 as CoreDNS has it.

use std::collections::HashSet;
use std::sync::Arc;

use catena_dns::{Name, NameBuf, NameRef, Rcode, RecordType, Reply, Section, flag};
use catena_index::{Found, Node, Record, Zone};
use catena_plugin::{Flow, Outcome, Query};

use crate::alias;

/// What a zone makes of a query.
pub enum Answered<'z> {
    /// An answer, or the wait for one.
    Flow(Flow),
    /// There is no such name; another plugin may know it.
    Nothing(Negative<'z>),
}

impl From<Answer<'_>> for Answered<'_> {
    fn from(answer: Answer<'_>) -> Self {
        Answered::Flow(answer.finish().into())
    }
}

/// A name without records: missing, or an empty non-terminal.
pub struct Negative<'z> {
    zone: &'z Zone,
    rcode: Rcode,
    /// The nearest name above that exists; `None` for an empty non-terminal.
    encloser: Option<Node<'z>>,
}

impl Negative<'_> {
    /// The same, but that the name exists: for the own name of a zone without others, which to
    /// CoreDNS does not.
    #[must_use]
    pub fn of_name_that_exists(mut self) -> Self {
        self.rcode = Rcode::NOERROR;
        self
    }

    /// The reply that says so.
    pub fn reply(self, query: &Query<'_>) -> Outcome {
        let mut answer = Answer::new(self.zone, query);
        answer.reply.set_rcode(self.rcode);
        answer.push_soa();
        if answer.dnssec {
            answer.push_denial(query.name(), self.encloser);
        }
        answer.finish()
    }
}

/// Answers `query`, whose name is in `zone`.
#[inline]
pub fn answer<'z>(zone: &'z Arc<Zone>, query: &Query<'_>) -> Answered<'z> {
    let (name, qtype) = (query.name(), query.qtype());
    match zone.find(name, qtype) {
        Some(Found::Name(node)) if node.is(zone.apex()) => from_apex(zone, query, node),
        Some(Found::Name(node)) if node.is_empty() => match zone.wildcard_beside(name) {
            // As in CoreDNS, though RFC 4592 section 2.2.2 has it otherwise.
            Some(wildcard) => from_wildcard(zone, query, wildcard),
            None => Answered::Nothing(Negative {
                zone,
                rcode: Rcode::NOERROR,
                encloser: None,
            }),
        },
        Some(Found::Name(node)) => from_node(zone, query, node),
        Some(Found::Wildcard(node)) => from_wildcard(zone, query, node),
        Some(Found::Cut(node)) => {
            let mut answer = Answer::new(zone, query);
            answer.push_referral(node);
            Answered::Flow(answer.finish_referral().into())
        }
        Some(Found::Dname(node)) => Answered::Flow(alias::follow_dname(zone, query, node)),
        Some(Found::Missing(encloser)) => Answered::Nothing(Negative {
            zone,
            rcode: Rcode::NXDOMAIN,
            encloser: Some(encloser),
        }),
        None => Answered::Flow(Outcome::fail(Rcode::SERVFAIL).into()),
    }
}

fn from_apex<'z>(zone: &'z Arc<Zone>, query: &Query<'_>, apex: Node<'z>) -> Answered<'z> {
    let mut answer = Answer::new(zone, query);
    match query.qtype() {
        RecordType::SOA => {
            answer.push_soa_to(Section::Answer);
            answer.push_apex_ns();
            return answer.into();
        }
        RecordType::NS => {
            answer.push_set(Section::Answer, apex, (apex.name(), RecordType::NS));
            answer.push_glue(apex);
            return answer.into();
        }
        _ => {}
    }
    let is_own = |rtype| rtype != RecordType::NS && rtype != RecordType::RRSIG;
    if apex.records().any(|record| is_own(record.rtype())) {
        return from_node(zone, query, apex);
    }
    // To CoreDNS an apex with no more than SOA and NS is a name without records.
    let rcode = match zone.has_names_below() {
        true => Rcode::NOERROR,
        false => Rcode::NXDOMAIN,
    };
    Answered::Nothing(Negative {
        zone,
        rcode,
        encloser: None,
    })
}

fn from_node<'z>(zone: &'z Arc<Zone>, query: &Query<'_>, node: Node<'z>) -> Answered<'z> {
    let qtype = query.qtype();
    let mut answer = Answer::new(zone, query);
    if qtype != RecordType::CNAME && node.has_alias() {
        return Answered::Flow(alias::follow(zone, query, node, node.name()));
    }
    if answer.push_set(Section::Answer, node, (query.name(), qtype)) == 0 {
        answer.push_soa();
        if answer.dnssec {
            answer.push_set(Section::Authority, node, (node.name(), RecordType::NSEC));
        }
        return answer.into();
    }
    answer.push_apex_ns();
    answer.push_addresses();
    answer.into()
}

fn from_wildcard<'z>(zone: &'z Arc<Zone>, query: &Query<'_>, node: Node<'z>) -> Answered<'z> {
    let (name, qtype) = (query.name(), query.qtype());
    let mut answer = Answer::new(zone, query);
    if node.is_empty() {
        answer.push_soa();
        return answer.into();
    }
    query.set_metadata("zone/wildcard", || node.name().to_string());
    if qtype != RecordType::CNAME && node.has_alias() {
        return Answered::Flow(alias::follow(zone, query, node, name));
    }
    if answer.push_set(Section::Answer, node, (name, qtype)) == 0 {
        answer.push_soa();
        if answer.dnssec {
            answer.push_set(Section::Authority, node, (node.name(), RecordType::NSEC));
            if let Some(denial) = zone.denial(name).filter(|denial| !denial.is(node)) {
                let owner = denial.name();
                answer.push_set(Section::Authority, denial, (owner, RecordType::NSEC));
            }
        }
        return answer.into();
    }
    answer.push_apex_ns();
    if answer.dnssec
        && let Some(denial) = zone.denial(name)
    {
        // It says that no nearer name exists, RFC 4035 section 3.1.3.3.
        answer.push_set(
            Section::Authority,
            denial,
            (denial.name(), RecordType::NSEC),
        );
    }
    answer.push_addresses();
    answer.into()
}

/// A reply that is being written from a zone.
pub(crate) struct Answer<'z> {
    pub reply: Reply,
    zone: &'z Zone,
    qtype: RecordType,
    pub dnssec: bool,
}

impl<'z> Answer<'z> {
    pub fn new(zone: &'z Zone, query: &Query<'_>) -> Self {
        Answer::resume(zone, query, Reply::authoritative(query))
    }

    /// Goes on with `reply`.
    pub fn resume(zone: &'z Zone, query: &Query<'_>, reply: Reply) -> Self {
        Answer {
            reply,
            zone,
            qtype: query.qtype(),
            dnssec: query.dnssec_ok(),
        }
    }

    pub fn finish(self) -> Outcome {
        Outcome::reply(self.reply)
    }

    /// A referral says nothing of its own; one behind an alias keeps the alias's authority.
    pub fn finish_referral(mut self) -> Outcome {
        if self.reply.count(Section::Answer) == 0 {
            self.reply.set_flag(flag::AA, false);
        }
        self.finish()
    }

    /// Writes the records of a type as records of `owner`, with signatures if they are wanted.
    pub fn push_set(
        &mut self,
        section: Section,
        node: Node<'_>,
        (owner, rtype): (NameRef<'_>, RecordType),
    ) -> usize {
        let mut count = 0;
        for record in node.records_of(rtype) {
            self.push(section, record, owner);
            count += 1;
        }
        if self.dnssec && count > 0 {
            for signature in node.signatures_of(rtype) {
                self.push(section, signature, owner);
            }
        }
        count
    }

    fn push(&mut self, section: Section, record: Record<'_>, owner: NameRef<'_>) {
        self.reply.push_or_tc(section, record.owned_by(owner));
    }

    pub fn push_soa(&mut self) {
        self.push_soa_to(Section::Authority);
    }

    fn push_soa_to(&mut self, section: Section) {
        let apex = self.zone.apex();
        if let Some(soa) = self.zone.soa() {
            self.push(section, soa, apex.name());
        }
        if self.dnssec {
            for signature in apex.signatures_of(RecordType::SOA) {
                self.push(section, signature, apex.name());
            }
        }
    }

    #[inline]
    pub fn push_apex_ns(&mut self) {
        let apex = self.zone.apex();
        self.push_set(Section::Authority, apex, (apex.name(), RecordType::NS));
    }

    /// The NS records of a cut, its addresses, and its DS records if they are wanted.
    pub fn push_referral(&mut self, cut: Node<'_>) {
        for record in cut.records_of(RecordType::NS) {
            self.push(Section::Authority, record, cut.name());
        }
        if self.dnssec {
            self.push_set(Section::Authority, cut, (cut.name(), RecordType::DS));
        }
        self.push_glue(cut);
    }

    /// The addresses of the name servers of `cut` that are below it.
    fn push_glue(&mut self, cut: Node<'_>) {
        for record in cut.records_of(RecordType::NS) {
            if let Ok(server) = NameRef::from_wire(record.rdata())
                && server.is_within(cut.name())
            {
                self.push_addresses_of(server);
            }
        }
    }

    fn push_addresses_of(&mut self, name: NameRef<'_>) {
        if let Some(node) = self.zone.node(name) {
            for rtype in [RecordType::A, RecordType::AAAA] {
                self.push_set(Section::Additional, node, (node.name(), rtype));
            }
        }
    }

    /// The addresses of names in the answer that are in this zone, each once.
    pub fn push_addresses(&mut self) {
        let skip = match self.qtype {
            RecordType::MX | RecordType::SVCB | RecordType::HTTPS => 2,
            RecordType::SRV => 6,
            _ => return,
        };
        let (mut targets, mut seen) = (Vec::new(), HashSet::new());
        let mut name = NameBuf::new();
        for record in self.reply.records() {
            let is_answer = record.section == Section::Answer && record.rtype == self.qtype;
            if is_answer && name.read(self.reply.packet(), record.rdata + skip).is_ok() {
                let target = name.view().to_lower();
                let is_inside = target.view().is_within(self.zone.origin());
                if is_inside && seen.insert(target.clone()) {
                    targets.push(target);
                }
            }
        }
        for target in &targets {
            self.push_addresses_of(target.view());
        }
    }

    /// The NSEC records that prove that `name`, and a wildcard for it, does not exist.
    fn push_denial(&mut self, name: NameRef<'_>, encloser: Option<Node<'_>>) {
        let Some(denial) = self.zone.denial(name) else {
            return;
        };
        self.push_set(
            Section::Authority,
            denial,
            (denial.name(), RecordType::NSEC),
        );
        let wildcard = encloser.and_then(|encloser| {
            let wildcard = Name::from_labels([&b"*"[..]], encloser.name()).ok()?;
            self.zone.denial(wildcard.view())
        });
        if let Some(other) = wildcard.filter(|other| !other.is(denial)) {
            self.push_set(Section::Authority, other, (other.name(), RecordType::NSEC));
        }
    }
}
