//! Equal queries that are under way at the same time are asked upstream once.
//!
//! That saves work, and it takes the ground from birthday attacks (RFC 5452 section 5): many
//! equal queries at once would give a forger as many ids and ports to hit.

use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use catena_dns::edns::Options;
use catena_dns::{HEADER_LEN, QueryMessage, flag};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::upstream::Way;

const SHARDS: usize = 16;

/// EDNS client subnet, RFC 7871.
const SUBNET: u16 = 8;
/// Options that do not change what is answered: subnet (looked at apart), cookie, keepalive,
/// padding.
const IRRELEVANT: [u16; 4] = [SUBNET, 10, 11, 12];

/// What is compared: all of a query that its answer depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(SmallVec<[u8; 64]>);

impl Key {
    /// The key of a query that goes `way`.
    pub fn new(query: &QueryMessage<'_>, way: Way) -> Key {
        let header = query.header();
        let kept = flag::OPCODE | flag::RD | flag::CD | flag::AD;
        let mut key = SmallVec::new();
        key.extend_from_slice(&(header.flags & kept).to_be_bytes());
        key.push(way as u8);
        key.extend_from_slice(&query.qtype().0.to_be_bytes());
        key.extend_from_slice(&query.qclass().0.to_be_bytes());
        key.extend_from_slice(query.name().wire());
        if let Some(edns) = query.edns() {
            key.extend_from_slice(&edns.udp_size.to_be_bytes());
            key.extend_from_slice(&edns.flags.to_be_bytes());
            key.push(edns.version);
            for (code, data) in edns
                .options()
                .filter(|(code, _)| !IRRELEVANT.contains(code))
            {
                key.extend_from_slice(&code.to_be_bytes());
                key.extend_from_slice(&u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
                key.extend_from_slice(data);
            }
        }
        Key(key)
    }
}

/// A client subnet as it was sent.
pub(crate) type Subnet = SmallVec<[u8; 24]>;

/// The client subnet in `options`; empty without one.
pub(crate) fn subnet(options: &[u8]) -> Subnet {
    let found = Options::new(options).find(|(code, _)| *code == SUBNET);
    found.map_or_else(Subnet::new, |(_, data)| Subnet::from_slice(data))
}

/// Whether an answer with these options is for one subnet only: it names a scope, RFC 7871
/// section 7.2.1.
pub(crate) fn is_for_one_subnet(options: &[u8]) -> bool {
    subnet(options).get(3).is_some_and(|scope| *scope != 0)
}

/// Whether queries with `packet` can be compared at all: nothing but a question and an OPT.
///
/// A signed query, or one with records in it, is sent as it is.
pub(crate) fn is_plain(query: &QueryMessage<'_>) -> bool {
    let [_, answers, authorities, additionals] = query.header().counts;
    let opt = u16::from(query.edns().is_some());
    debug_assert!(query.packet().len() >= HEADER_LEN, "it was admitted");
    answers == 0 && authorities == 0 && additionals == opt
}

/// The queries under way, by what they ask; `T` is what they are answered with.
pub(crate) struct Merging<T> {
    hasher: RandomState,
    shards: [Shard<T>; SHARDS],
}

type Shard<T> = Mutex<HashMap<Key, Arc<Flight<T>>, RandomState>>;

/// A query under way that others may wait for.
pub(crate) struct Flight<T> {
    /// The client subnet it was sent with.
    pub subnet: Subnet,
    result: OnceLock<Option<T>>,
    ended: Notify,
}

/// What a query finds.
pub(crate) enum Join<T> {
    /// Nobody asks this yet: the caller does.
    Lead(Arc<Flight<T>>),
    /// It is being asked.
    Follow(Arc<Flight<T>>),
}

impl<T> Merging<T> {
    /// No queries yet.
    pub fn new() -> Self {
        Merging {
            hasher: RandomState::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    fn shard(&self, key: &Key) -> &Shard<T> {
        let hash = self.hasher.hash_one(key);
        let place = usize::try_from(hash >> 32).unwrap_or(0) % SHARDS;
        // The remainder is always a place; the first is as good as a panic.
        self.shards.get(place).unwrap_or(&self.shards[0])
    }

    /// Finds the query that asks `key`, or becomes it.
    pub fn join(&self, key: &Key, subnet: impl FnOnce() -> Subnet) -> Join<T> {
        let mut shard = self.shard(key).lock();
        if let Some(flight) = shard.get(key) {
            return Join::Follow(Arc::clone(flight));
        }
        let (result, ended) = (OnceLock::new(), Notify::new());
        let flight = Arc::new(Flight {
            subnet: subnet(),
            result,
            ended,
        });
        shard.insert(key.clone(), Arc::clone(&flight));
        Join::Lead(flight)
    }

    /// Ends a query that was led: from now on the next one asks anew.
    ///
    /// `result` is called only if others wait; `None` tells them to ask themselves.
    pub fn end(&self, key: &Key, flight: &Arc<Flight<T>>, result: impl FnOnce() -> Option<T>) {
        let removed = self.shard(key).lock().remove(key);
        drop(removed);
        // Nobody can join any more; one count is the leader's own.
        if Arc::strong_count(flight) > 1 {
            let _first = flight.result.set(result());
            flight.ended.notify_waiters();
        }
    }
}

impl<T> Flight<T> {
    /// Waits for the end; `None` if the leader gave up.
    pub async fn result(&self) -> Option<&T> {
        let ended = self.ended.notified();
        tokio::pin!(ended);
        // From here on a notification is not missed.
        ended.as_mut().enable();
        if self.result.get().is_none() {
            ended.await;
        }
        self.result.get()?.as_ref()
    }
}
