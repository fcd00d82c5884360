//! The open ports of a worker: many for each server, each connected, none for long.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use hashbrown::HashMap;
use rand::RngExt as _;
use slab::Slab;
use smallvec::SmallVec;
use tokio::time::Instant;

use crate::upstream::Endpoint;

/// So many ports are open to one server before one is used again.
pub(crate) const PORTS_PER_SERVER: usize = 320;
/// After so many queries a port is closed and another one opened.
const USES: u32 = 512;
/// A port without queries is closed after so long.
pub(crate) const IDLE: Duration = Duration::from_secs(10);

/// An open port.
pub(crate) struct Port {
    pub(crate) socket: UdpSocket,
    pub(crate) local: SocketAddr,
    pub(crate) endpoint: Endpoint,
    pub(crate) used: Instant,
    uses: u32,
    queries: SmallVec<[usize; 2]>,
}

impl Port {
    pub(crate) fn new(socket: UdpSocket, endpoint: Endpoint) -> io::Result<Self> {
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            endpoint,
            used: Instant::now(),
            uses: 0,
            queries: SmallVec::new(),
        })
    }
}

/// All ports of a worker.
#[derive(Default)]
pub(crate) struct Ports {
    open: Slab<Port>,
    /// The ports to each server, those used longest ago first.
    servers: HashMap<Endpoint, VecDeque<usize>>,
}

/// Where a query is to be sent from.
pub(crate) enum Choice {
    /// This port.
    Use(usize),
    /// A new one.
    Open,
}

impl Ports {
    /// Chooses a port: a new one while there is room, else one of those not used lately.
    ///
    /// No port is used twice before half of the others were used, and which of those comes
    /// next is drawn at random.
    pub(crate) fn choose(&mut self, endpoint: Endpoint, limit: usize) -> Choice {
        let full = self.open.len() >= limit;
        let Some(ring) = self
            .servers
            .get_mut(&endpoint)
            .filter(|ring| !ring.is_empty())
        else {
            if full {
                self.close_one_elsewhere();
            }
            return Choice::Open;
        };
        if !full && ring.len() < PORTS_PER_SERVER {
            return Choice::Open;
        }
        let drawn = rand::rng().random_range(..ring.len().div_ceil(2));
        ring.swap(0, drawn);
        let Some(port) = ring.pop_front() else {
            return Choice::Open;
        };
        if self
            .open
            .get(port)
            .is_none_or(|port| port.uses >= USES && port.queries.is_empty())
        {
            self.open.try_remove(port);
            return Choice::Open;
        }
        ring.push_back(port);
        Choice::Use(port)
    }

    /// Any port to `endpoint`, when no other can be opened.
    pub(crate) fn any(&mut self, endpoint: Endpoint) -> Option<usize> {
        let ring = self.servers.get_mut(&endpoint)?;
        let port = ring.pop_front()?;
        ring.push_back(port);
        Some(port)
    }

    pub(crate) fn add(&mut self, port: Port) -> usize {
        let endpoint = port.endpoint;
        let key = self.open.insert(port);
        self.servers.entry(endpoint).or_default().push_back(key);
        key
    }

    pub(crate) fn get(&self, port: usize) -> Option<&Port> {
        self.open.get(port)
    }

    pub(crate) fn remove(&mut self, port: usize) {
        if let Some(closed) = self.open.try_remove(port)
            && let Some(ring) = self.servers.get_mut(&closed.endpoint)
        {
            ring.retain(|one| *one != port);
        }
    }

    pub(crate) fn get_mut(&mut self, port: usize) -> Option<&mut Port> {
        self.open.get_mut(port)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The queries that wait at `port`.
    pub(crate) fn queries(&self, port: usize) -> &[usize] {
        self.open.get(port).map_or(&[], |port| &port.queries)
    }

    pub(crate) fn add_query(&mut self, port: usize, query: usize) {
        if let Some(port) = self.open.get_mut(port) {
            port.queries.push(query);
            port.uses = port.uses.saturating_add(1);
        }
    }

    pub(crate) fn remove_query(&mut self, port: usize, query: usize) {
        if let Some(port) = self.open.get_mut(port) {
            port.queries.retain(|one| *one != query);
        }
    }

    /// Closes the ports that had no query for a while.
    pub(crate) fn close_idle(&mut self, now: Instant) {
        self.open
            .retain(|_, port| !port.queries.is_empty() || port.used + IDLE > now);
        self.servers.retain(|_, ring| {
            ring.retain(|port| self.open.contains(*port));
            !ring.is_empty()
        });
    }

    /// Makes room for a server that has no port by taking one of the server with the most.
    fn close_one_elsewhere(&mut self) {
        let Some(ring) = self.servers.values_mut().max_by_key(|ring| ring.len()) else {
            return;
        };
        let idle = ring.iter().position(|port| {
            self.open
                .get(*port)
                .is_none_or(|port| port.queries.is_empty())
        });
        if let Some(port) = idle.and_then(|idle| ring.remove(idle)) {
            self.open.try_remove(port);
        }
    }
}
