//! Sorts outcomes into the classes of answers that can be chosen for the log.

use std::time::{SystemTime, UNIX_EPOCH};

use catena_dns::header::read_u32;
use catena_dns::{Opcode, Rcode, RecordType, RecordView, Reply, Section, edns};
use catena_plugin::{Answer, Outcome, Query};

/// What an answer is, with CoreDNS's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The answer, or at least no error.
    NoError,
    /// The name does not exist.
    NameError,
    /// A failure that a cache may keep for a moment.
    ServerError,
    /// The name exists, the type does not.
    NoData,
    /// The servers of a zone below.
    Delegation,
    /// A transfer or NOTIFY.
    Meta,
    /// All else, and no answer at all.
    OtherError,
}

impl Kind {
    /// Looks at `outcome` as it leaves the chain.
    pub(crate) fn of(query: &Query<'_>, outcome: &Outcome) -> Kind {
        let is_transfer = matches!(query.qtype(), RecordType::AXFR | RecordType::IXFR);
        let is_meta = is_transfer || query.header().opcode() == Opcode::NOTIFY;
        match &outcome.answer {
            Answer::Silent => Kind::OtherError,
            _ if is_meta => Kind::Meta,
            Answer::Stream(_) => Kind::Meta,
            Answer::Fail(rcode) => Kind::without_records(*rcode),
            Answer::Reply(reply) => Kind::of_reply(reply),
        }
    }

    fn of_reply(reply: &Reply) -> Kind {
        let wants_dnssec = reply.edns().is_some_and(|edns| edns.flags & edns::DO != 0);
        if wants_dnssec && has_expired_signature(reply) {
            return Kind::OtherError;
        }
        let rcode = reply.rcode();
        match (reply.count(Section::Answer) > 0, rcode) {
            (true, Rcode::NOERROR) => return Kind::NoError,
            (true, Rcode::NXDOMAIN) => return Kind::OtherError,
            _ => {}
        }
        let holds = |rtype| {
            let mut records = reply.records();
            records.any(|record| record.section == Section::Authority && record.rtype == rtype)
        };
        match rcode {
            Rcode::NOERROR if holds(RecordType::SOA) => Kind::NoData,
            Rcode::NOERROR if holds(RecordType::NS) => Kind::Delegation,
            other => Kind::without_records(other),
        }
    }

    fn without_records(rcode: Rcode) -> Kind {
        match rcode {
            Rcode::NOERROR => Kind::NoError,
            Rcode::NXDOMAIN => Kind::NameError,
            Rcode::SERVFAIL | Rcode::NOTIMP => Kind::ServerError,
            _ => Kind::OtherError,
        }
    }

    /// The metadata `log/type`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::NoError => "NOERROR",
            Kind::NameError => "NXDOMAIN",
            Kind::ServerError => "SERVERERROR",
            Kind::NoData => "NODATA",
            Kind::Delegation => "DELEGATION",
            Kind::Meta => "META",
            Kind::OtherError => "OTHERERROR",
        }
    }

    fn class(self) -> Classes {
        match self {
            Kind::NoError | Kind::Delegation => Classes::SUCCESS,
            Kind::NameError | Kind::NoData => Classes::DENIAL,
            Kind::ServerError | Kind::Meta | Kind::OtherError => Classes::ERROR,
        }
    }

    /// The metadata `log/class`.
    pub(crate) fn class_name(self) -> &'static str {
        match self.class() {
            Classes::SUCCESS => "success",
            Classes::DENIAL => "denial",
            _ => "error",
        }
    }
}

/// A set of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes(u8);

impl Classes {
    pub(crate) const SUCCESS: Classes = Classes(1);
    pub(crate) const DENIAL: Classes = Classes(2);
    pub(crate) const ERROR: Classes = Classes(4);
    pub(crate) const ALL: Classes = Classes(7);

    pub(crate) fn named(name: &str) -> Option<Classes> {
        Some(match name {
            "success" => Classes::SUCCESS,
            "denial" => Classes::DENIAL,
            "error" => Classes::ERROR,
            "all" => Classes::ALL,
            _ => return None,
        })
    }

    pub(crate) fn and(self, other: Classes) -> Classes {
        Classes(self.0 | other.0)
    }

    pub(crate) fn contain(self, kind: Kind) -> bool {
        self.0 & kind.class().0 != 0
    }
}

/// Whether a signature's validity (RFC 4034 section 3.1.5) does not hold now.
fn has_expired_signature(reply: &Reply) -> bool {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    // Times in signatures wrap at 32 bits.
    let now = u32::try_from(seconds & u64::from(u32::MAX)).unwrap_or(0);
    let is_not_after = |left: u32, right: u32| right.wrapping_sub(left) < 1 << 31;
    let is_valid = |record: &RecordView| {
        let time = |at| read_u32(reply.packet(), record.rdata + at);
        match (time(8), time(12)) {
            (Some(expiration), Some(inception)) => {
                is_not_after(inception, now) && is_not_after(now, expiration)
            }
            _ => false,
        }
    };
    let mut records = reply.records();
    records.any(|record| record.rtype == RecordType::RRSIG && !is_valid(&record))
}
