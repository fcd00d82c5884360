//! What kind of answer a reply is: whether it may be stored, and for how long.

use std::time::{SystemTime, UNIX_EPOCH};

use catena_dns::header::read_u32;
use catena_dns::{
    Class, HEADER_LEN, NameBuf, NameRef, Rcode, RecordType, RecordView, Reply, Section, flag,
};
use catena_plugin::Query;

/// Aliases followed in one reply; a longer chain is taken for no answer.
const ALIASES_MAX: usize = 32;
/// Seconds for replies whose records do not say.
pub(crate) const TTL_DEFAULT: u32 = 5;

/// What a reply means for a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Data, or NOERROR with nothing that says there is none.
    Data,
    /// A pointer to other name servers.
    Delegation,
    /// The name does not exist.
    NameError,
    /// The name exists, the type does not.
    NoData,
    /// SERVFAIL or NOTIMP.
    Failure,
    /// Anything else: never stored.
    Other,
}

/// What was found out about a reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    /// What it means.
    pub meaning: Meaning,
    /// Whether it may be stored.
    pub storable: bool,
    /// Whether it holds what was asked for.
    pub answering: bool,
    /// The lowest TTL of its records; `None` if it has none.
    pub lowest_ttl: Option<u32>,
}

impl Verdict {
    /// The same, but for a reply that nobody may keep if `is_live`.
    pub fn unless(mut self, is_live: bool) -> Self {
        self.storable &= !is_live;
        self
    }
}

/// Whether `reply` answers the question of `query`, letter case aside, and has it in full.
pub(crate) fn is_for(query: &Query<'_>, reply: &Reply) -> bool {
    let (asked, header) = (query.question(), reply.header());
    let end = HEADER_LEN + asked.len();
    let Some(question) = reply.packet().get(HEADER_LEN..end) else {
        return false;
    };
    let (Some((name, rest)), Some((asked_name, asked_rest))) = (
        question.split_at_checked(question.len().saturating_sub(4)),
        asked.split_at_checked(asked.len().saturating_sub(4)),
    ) else {
        return false;
    };
    header.has(flag::QR)
        && header.counts[0] == 1
        && reply.records_at() == end
        && rest == asked_rest
        && name.eq_ignore_ascii_case(asked_name)
}

/// Finds out what `reply` to `query` means.
pub(crate) fn classify(query: &Query<'_>, reply: &Reply) -> Verdict {
    let survey = Survey::of(query, reply);
    let rcode = reply.rcode();
    let answering = rcode == Rcode::NOERROR && survey.answers > 0 && holds_answer(query, reply);
    let no_data = survey.answers > 0 && !answering;
    let meaning = match rcode {
        _ if survey.expired => Meaning::Other,
        Rcode::NOERROR if survey.answers > 0 && survey.soa && no_data => Meaning::NoData,
        Rcode::NOERROR if survey.answers > 0 => Meaning::Data,
        Rcode::NXDOMAIN if survey.answers > 0 => Meaning::Other,
        Rcode::NOERROR if survey.soa => Meaning::NoData,
        Rcode::NXDOMAIN => Meaning::NameError,
        Rcode::SERVFAIL | Rcode::NOTIMP => Meaning::Failure,
        Rcode::NOERROR if survey.ns => Meaning::Delegation,
        Rcode::NOERROR => Meaning::Data,
        _ => Meaning::Other,
    };
    // A denial needs the SOA that says for how long (RFC 2308 section 5). NOERROR with an empty
    // answer section may be stored all the same: some plugins put their data elsewhere.
    let unbounded = match meaning {
        Meaning::NameError => !survey.soa,
        Meaning::Data => !survey.soa && no_data,
        Meaning::Other => true,
        Meaning::Delegation | Meaning::NoData | Meaning::Failure => false,
    };
    Verdict {
        meaning,
        storable: !unbounded && !reply.header().has(flag::TC),
        answering: answering && meaning == Meaning::Data,
        lowest_ttl: survey.lowest_ttl,
    }
}

/// What one walk over the records tells.
#[derive(Default)]
struct Survey {
    answers: u16,
    soa: bool,
    ns: bool,
    expired: bool,
    lowest_ttl: Option<u32>,
}

impl Survey {
    fn of(query: &Query<'_>, reply: &Reply) -> Survey {
        let mut survey = Survey::default();
        for record in reply.records() {
            match (record.section, record.rtype) {
                (Section::Answer, _) => survey.answers += 1,
                (Section::Authority, RecordType::SOA) => survey.soa = true,
                (Section::Authority, RecordType::NS) => survey.ns = true,
                _ => {}
            }
            if record.rtype == RecordType::RRSIG && query.dnssec_ok() {
                survey.expired |= !is_valid_now(reply.packet(), &record);
            }
            let lowest = survey.lowest_ttl.unwrap_or(u32::MAX);
            survey.lowest_ttl = Some(lowest.min(record.ttl));
        }
        survey
    }
}

/// Whether the time is within the validity of an RRSIG (RFC 4034 section 3.1.5).
fn is_valid_now(packet: &[u8], record: &RecordView) -> bool {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    // The times of signatures are the low 32 bits, compared by RFC 1982.
    let now = since_1970.map_or(0, |time| time.as_secs() & u64::from(u32::MAX));
    let now = u32::try_from(now).unwrap_or(0);
    let field = |offset| read_u32(packet, record.rdata + offset).unwrap_or(now);
    let (expiration, inception) = (field(8), field(12));
    let is_past = |from: u32, to: u32| to.wrapping_sub(from) < 1 << 31;
    is_past(inception, now) && is_past(now, expiration)
}

/// Whether the answer section holds the type asked for at the end of the chain of aliases that
/// begins at the name asked for (RFC 1034 section 3.6.2).
///
/// A chain that forks (RFC 2181 section 10.1), loops or is too long has no end.
fn holds_answer(query: &Query<'_>, reply: &Reply) -> bool {
    let answers = Answers {
        reply,
        class: query.qclass(),
    };
    let mut name = NameBuf::lower(query.name());
    match query.qtype() {
        RecordType::ANY => return answers.at(name.view(), |_| true),
        RecordType::CNAME => return matches!(answers.alias(name.view()), Ok(Some(_))),
        _ => {}
    }
    for _ in 0..ALIASES_MAX {
        match answers.alias(name.view()) {
            Ok(Some(target)) => name = target,
            Ok(None) => return answers.at(name.view(), |record| record.rtype == query.qtype()),
            Err(Forked) => return false,
        }
    }
    false
}

/// A name is an alias of several others.
struct Forked;

/// The records of the answer section in one class.
struct Answers<'r> {
    reply: &'r Reply,
    class: Class,
}

impl Answers<'_> {
    /// Whether a record at `owner` is as `accept` wants.
    fn at(&self, owner: NameRef<'_>, accept: impl Fn(&RecordView) -> bool) -> bool {
        self.records()
            .any(|record| accept(&record) && self.is_at(&record, owner))
    }

    /// What `owner` is an alias of, if it is one.
    fn alias(&self, owner: NameRef<'_>) -> Result<Option<NameBuf>, Forked> {
        let mut found: Option<NameBuf> = None;
        let aliases = self
            .records()
            .filter(|record| record.rtype == RecordType::CNAME);
        for record in aliases.filter(|record| self.is_at(record, owner)) {
            let mut target = NameBuf::new();
            let read = target.read(self.reply.packet(), record.rdata);
            let first = found.get_or_insert_with(|| target.clone());
            if read.is_err() || first.view() != target.view() {
                return Err(Forked);
            }
        }
        Ok(found)
    }

    fn records(&self) -> impl Iterator<Item = RecordView> + '_ {
        self.reply
            .records()
            .take_while(|record| record.section == Section::Answer)
            .filter(|record| self.class == Class::ANY || record.class == self.class)
    }

    fn is_at(&self, record: &RecordView, owner: NameRef<'_>) -> bool {
        let mut name = NameBuf::new();
        let read = name.read(self.reply.packet(), record.start);
        read.is_ok() && name.view() == owner
    }
}

#[cfg(test)]
mod tests;
