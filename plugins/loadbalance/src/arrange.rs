//! Changes the order of records: addresses in place, the rest by taking the message apart.
//!
//! Addresses of one owner and type stand next to each other and have RDATA of one length, so
//! they change places by swapping TTL and RDATA: names, and what points at them, stay.

use std::net::IpAddr;

use catena_dns::{Message, NameBuf, Record, RecordType, RecordView, Reply, Section};
use smallvec::SmallVec;

use crate::serve::{LoadBalance, Policy};

/// Octets of records that are kept on the stack: 23 of IPv6, more of IPv4.
const OCTETS: usize = 512;

type Views = SmallVec<[RecordView; 16]>;
type Order = SmallVec<[usize; 16]>;

/// Whether aliases must be put before addresses, or mail exchangers be shuffled.
///
/// Some stub resolvers, glibc's among them, want a CNAME before the addresses it leads to.
pub(crate) fn needs_sorting(reply: &Reply) -> bool {
    if reply.count(Section::Answer) < 2 {
        return false;
    }
    let (mut addresses, mut exchangers) = (0, 0);
    for record in reply
        .records()
        .take_while(|record| record.section == Section::Answer)
    {
        match record.rtype {
            RecordType::A | RecordType::AAAA => addresses += 1,
            RecordType::MX => exchangers += 1,
            RecordType::CNAME if addresses > 0 => return true,
            _ => {}
        }
    }
    exchangers > 1
}

/// The message with its answers in order: aliases, others, addresses, mail exchangers (shuffled).
pub(crate) fn sorted(mut message: Message) -> Reply {
    message.answers.sort_by_key(|record| match record.rtype {
        RecordType::CNAME => 0,
        RecordType::A | RecordType::AAAA => 2,
        RecordType::MX => 3,
        _ => 1,
    });
    let is_exchanger = |record: &Record| record.rtype == RecordType::MX;
    if let Some(first) = message.answers.iter().position(is_exchanger)
        && let Some(exchangers) = message.answers.get_mut(first..)
    {
        shuffle(exchangers);
    }
    message.to_reply()
}

/// Rearranges the addresses of each owner.
pub(crate) fn addresses(reply: &mut Reply, config: &LoadBalance) {
    let views: Views = reply.records().collect();
    let packet = reply.packet_mut();
    let mut rest = views.as_slice();
    while !rest.is_empty() {
        let (run, tail) = rest.split_at(run_length(packet, rest));
        rest = tail;
        if run.len() > 1 {
            let order = order(packet, run, config);
            permute(packet, run, &order);
        }
    }
}

/// How many records from the start are addresses of one owner; at least 1.
fn run_length(packet: &[u8], views: &[RecordView]) -> usize {
    let Some((first, others)) = views.split_first() else {
        return 0;
    };
    if !matches!(first.rtype, RecordType::A | RecordType::AAAA) {
        return 1;
    }
    let alike = |other: &&RecordView| {
        other.rtype == first.rtype
            && other.section == first.section
            && other.end - other.rdata == first.end - first.rdata
            && same_owner(packet, first, other)
    };
    1 + others.iter().take_while(alike).count()
}

fn same_owner(packet: &[u8], one: &RecordView, other: &RecordView) -> bool {
    let owner = |view: &RecordView| packet.get(view.start..view.rdata - 10);
    // Two equal pointers, as nearly always.
    if owner(one).is_some_and(|octets| octets.len() == 2) && owner(one) == owner(other) {
        return true;
    }
    let (mut left, mut right) = (NameBuf::new(), NameBuf::new());
    left.read(packet, one.start).is_ok()
        && right.read(packet, other.start).is_ok()
        && left.view() == right.view()
}

/// The places of `run` in their new order.
fn order(packet: &[u8], run: &[RecordView], config: &LoadBalance) -> Order {
    let mut order: Order = (0..run.len()).collect();
    match &config.policy {
        Policy::Shuffle => shuffle(&mut order),
        Policy::Weighted(weights) => {
            let mut owner = NameBuf::new();
            if let Some(first) = run.first()
                && owner.read(packet, first.start).is_ok()
            {
                let addresses = run.iter().map(|view| address(packet, view));
                order.swap(0, weights.draw(owner.view(), addresses));
            }
        }
    }
    if !config.prefer.is_empty() {
        let rank = |at: &usize| {
            let address = run.get(*at).and_then(|view| address(packet, view));
            let mut subnets = config.prefer.iter();
            let found = subnets.position(|net| address.is_some_and(|ip| net.contains(ip)));
            found.unwrap_or(usize::MAX)
        };
        order.sort_by_cached_key(rank);
    }
    order
}

fn address(packet: &[u8], view: &RecordView) -> Option<IpAddr> {
    let rdata = packet.get(view.rdata..view.end)?;
    match rdata.len() {
        4 => Some(IpAddr::from(*rdata.first_chunk::<4>()?)),
        16 => Some(IpAddr::from(*rdata.first_chunk::<16>()?)),
        _ => None,
    }
}

/// Gives the records of `run` the TTLs and RDATA of the records at `order`.
fn permute(packet: &mut [u8], run: &[RecordView], order: &[usize]) {
    let slot = |view: &RecordView| view.ttl_at()..view.end;
    let mut octets: SmallVec<[u8; OCTETS]> = SmallVec::new();
    for view in order.iter().filter_map(|at| run.get(*at)) {
        octets.extend_from_slice(packet.get(slot(view)).unwrap_or(&[]));
    }
    let mut rest = octets.as_slice();
    for view in run {
        let range = slot(view);
        let Some((new, tail)) = rest.split_at_checked(range.len()) else {
            return;
        };
        if let Some(old) = packet.get_mut(range) {
            old.copy_from_slice(new);
        }
        rest = tail;
    }
}

/// Puts `items` into an order as likely as any other.
fn shuffle<T>(items: &mut [T]) {
    for at in 1..items.len() {
        items.swap(at, rand::random_range(0..=at));
    }
}
