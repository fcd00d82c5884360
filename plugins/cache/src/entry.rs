//! One stored answer: its packet, where its TTLs stand, and what was asked of it since.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use catena_dns::header::{read_u16, write_u16, write_u32};
use catena_dns::{HEADER_LEN, Header, Message, Rcode, Reply, flag};
use catena_plugin::Query;
use triomphe::ThinArc;

use crate::table::{Key, Variant};

/// Bits of [`Head::demand`] that count queries; those above say when the last one came.
const HITS_BITS: u32 = 24;
const HITS_MAX: u64 = (1 << HITS_BITS) - 1;
/// The bit of [`Head::refresh`] that says a refresh runs; those above say when to try again.
const REFRESHING: u64 = 1;

/// A point in time: milliseconds since the cache was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub u64);

impl Moment {
    /// Whole seconds from `earlier` to this; none if it is not earlier.
    fn seconds_since(self, earlier: Moment) -> u64 {
        self.0.saturating_sub(earlier.0) / 1000
    }

    fn plus(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(millis(time)))
    }
}

/// `time` in milliseconds.
pub(crate) fn millis(time: Duration) -> u64 {
    let whole = time.as_secs().saturating_mul(1000);
    whole.saturating_add(u64::from(time.subsec_millis()))
}

/// A stored answer; one piece of memory, so that a hit in a large table waits for it once.
///
/// Its octets are the packet, the offsets of its TTLs, and the wildcard it came from.
pub(crate) struct Entry(ThinArc<Head, u8>);

/// What there is to an entry besides its octets.
struct Head {
    stored: Moment,
    /// When the last query came and how many did, see [`Entry::note_query`].
    demand: AtomicU64,
    /// Whether a refresh runs, and when the next may, see [`Entry::begin_refresh`].
    refresh: AtomicU64,
    /// Seconds it may be used from `stored` on.
    ttl: u32,
    packet_len: u16,
    /// How many TTLs the packet holds.
    ttl_count: u16,
    name_len: u8,
    variant: Variant,
}

/// What an entry begins with, besides its packet.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    /// Seconds it may be used.
    pub ttl: u32,
    /// Now.
    pub stored: Moment,
    /// Queries counted for the entry it refreshes.
    pub hits: u32,
    /// The wildcard the answer was made from, or nothing.
    pub wildcard: &'a str,
}

impl Entry {
    /// Stores `reply`, which must answer the question of `key`.
    pub fn new(key: &Key<'_>, reply: &Reply, start: Start<'_>) -> Option<Entry> {
        let packet = reply.packet();
        let places = reply.records().map(|record| record.ttl_at());
        let ttl_count = u16::try_from(reply.records().count()).ok()?;
        let room = packet.len() + 2 * usize::from(ttl_count) + start.wildcard.len();
        let mut octets = Vec::with_capacity(room);
        octets.extend_from_slice(packet);
        for place in places {
            octets.extend_from_slice(&u16::try_from(place).ok()?.to_be_bytes());
        }
        octets.extend_from_slice(start.wildcard.as_bytes());
        let head = Head {
            stored: start.stored,
            demand: AtomicU64::new(
                start.stored.0 << HITS_BITS | u64::from(start.hits).min(HITS_MAX),
            ),
            refresh: AtomicU64::new(0),
            ttl: start.ttl,
            packet_len: u16::try_from(packet.len()).ok()?,
            ttl_count,
            name_len: u8::try_from(key.name.len()).ok()?,
            variant: key.variant,
        };
        Some(Entry(ThinArc::from_header_and_slice(head, &octets)))
    }

    #[inline]
    fn head(&self) -> &Head {
        &self.0.header.header
    }

    #[inline]
    fn octets(&self) -> &[u8] {
        &self.0.slice
    }

    /// Whether it answers the question of `key`.
    #[inline]
    pub fn answers(&self, key: &Key<'_>) -> bool {
        let (name, type_and_class, variant) = self.question();
        type_and_class == key.type_and_class
            && variant == key.variant
            && name.eq_ignore_ascii_case(key.name)
    }

    /// Its question: name as first asked, then type and class; and its variant.
    pub fn question(&self) -> (&[u8], [u8; 4], Variant) {
        let octets = self.octets().get(HEADER_LEN..).unwrap_or(&[]);
        let (name, rest) = octets
            .split_at_checked(usize::from(self.head().name_len))
            .unwrap_or((&[], &[]));
        let type_and_class = rest.first_chunk().copied().unwrap_or_default();
        (name, type_and_class, self.head().variant)
    }

    /// Which of the answers to its question it is.
    pub fn variant(&self) -> Variant {
        self.head().variant
    }

    /// Octets it takes, its place in a table included.
    pub fn size(&self) -> usize {
        self.octets().len() + size_of::<Head>()
    }

    /// When it was stored; tells it from another entry for the same question.
    pub fn stored(&self) -> Moment {
        self.head().stored
    }

    /// Seconds it may be used in all.
    pub fn ttl(&self) -> u32 {
        self.head().ttl
    }

    /// Seconds it may still be used; negative for one that is stale.
    #[inline]
    pub fn ttl_left(&self, now: Moment) -> i64 {
        let age = i64::try_from(now.seconds_since(self.head().stored)).unwrap_or(i64::MAX);
        i64::from(self.head().ttl) - age
    }

    /// When it expires.
    pub fn expires(&self) -> Moment {
        self.head()
            .stored
            .plus(Duration::from_secs(u64::from(self.head().ttl)))
    }

    /// Its response code.
    pub fn rcode(&self) -> Rcode {
        Rcode(self.flags() & flag::RCODE)
    }

    fn flags(&self) -> u16 {
        read_u16(self.octets(), 2).unwrap_or(0)
    }

    /// The name of the wildcard it was made from, if any.
    pub fn wildcard(&self) -> &str {
        let at = usize::from(self.head().packet_len) + 2 * usize::from(self.head().ttl_count);
        let octets = self.octets().get(at..).unwrap_or(&[]);
        std::str::from_utf8(octets).unwrap_or("")
    }

    /// The answer to `query`, every record with `ttl`.
    ///
    /// AA is set, for old stub resolvers that take no other answer. AD goes only to clients that
    /// asked for it (RFC 6840 sections 5.7 and 5.8) or for DNSSEC.
    #[inline]
    pub fn reply(&self, query: &Query<'_>, ttl: u32) -> Reply {
        let (packet, rest) = self
            .octets()
            .split_at_checked(usize::from(self.head().packet_len))
            .unwrap_or((&[], &[]));
        let mut reply = Reply::copy_of(packet);
        reply.set_id(query.header().id);
        let asked = query.header();
        let mut flags = flag::QR
            | flag::AA
            | asked.flags & (flag::OPCODE | flag::RD | flag::CD)
            | self.flags() & (flag::RA | flag::RCODE);
        if wants_authenticated(asked, query) {
            flags |= self.flags() & flag::AD;
        }
        let octets = reply.packet_mut();
        write_u16(octets, 2, flags);
        let places = rest
            .chunks_exact(2)
            .take(usize::from(self.head().ttl_count));
        for place in places.filter_map(|octets| read_u16(octets, 0)) {
            write_u32(octets, usize::from(place), ttl);
        }
        let question = packet.get(HEADER_LEN..HEADER_LEN + query.question().len());
        if question == Some(query.question()) {
            reply
        } else {
            in_other_letters(reply, query)
        }
    }

    /// Counts a query; those with less than `window` between them add up. Returns how many.
    pub fn note_query(&self, window: Duration, now: Moment) -> u32 {
        let earliest = now.0.saturating_sub(millis(window));
        let update = |demand: u64| {
            let hits = if demand >> HITS_BITS < earliest {
                1
            } else {
                ((demand & HITS_MAX) + 1).min(HITS_MAX)
            };
            Some(now.0 << HITS_BITS | hits)
        };
        let _previous = self.head().demand.fetch_update(Relaxed, Relaxed, update);
        self.hits()
    }

    /// Queries counted.
    pub fn hits(&self) -> u32 {
        u32::try_from(self.head().demand.load(Relaxed) & HITS_MAX).unwrap_or(u32::MAX)
    }

    /// Claims the right to refresh it: false while another refresh runs or must rest.
    pub fn begin_refresh(&self, now: Moment) -> bool {
        let state = self.head().refresh.load(Relaxed);
        state & REFRESHING == 0
            && state >> 1 <= now.0
            && self
                .head()
                .refresh
                .compare_exchange(state, state | REFRESHING, Relaxed, Relaxed)
                .is_ok()
    }

    /// Gives the right back; the next refresh may begin after `rest`.
    pub fn end_refresh(&self, now: Moment, rest: Duration) {
        self.head().refresh.store(now.plus(rest).0 << 1, Relaxed);
    }
}

/// Whether the client may see AD.
pub(crate) fn wants_authenticated(asked: Header, query: &Query<'_>) -> bool {
    asked.has(flag::AD) || query.dnssec_ok()
}

/// `reply` with the question of `query`, which differs in the case of letters.
///
/// Owner names that point at the question must keep their own case (RFC 4343 section 4), so names
/// are compressed anew: this is the one hit that decodes.
#[cold]
fn in_other_letters(reply: Reply, query: &Query<'_>) -> Reply {
    let Ok(mut message) = Message::decode(reply.packet()) else {
        return reply;
    };
    message.qname = query.name_as_asked().to_name();
    message.to_reply()
}
