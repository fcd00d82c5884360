//! Writes the table: takes rows owner by owner, and shows readers what changed.

mod rights;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{SystemTime, UNIX_EPOCH};

use catena_index::shards::Edit;
use hashbrown::HashSet;

pub use rights::Dispute;

use crate::above::{self, Above};
use crate::sidecar::Sidecars;
use crate::table::{Host, HostsAt, Table};
use crate::{Client, Exports, HostName, Owner, Row, Sidecar};

/// The one that changes a table.
pub struct Writer {
    table: Arc<Table>,
    /// What each owner says something of.
    said: HashMap<Owner, Box<[HostName]>>,
    /// The rows of hosts that changed since they were published.
    open: HashMap<HostName, Vec<Row>>,
    exact: Edit<Host>,
    below: Edit<Host>,
    at: Edit<HostsAt>,
    above: Edit<Above>,
    clients: Edit<Client>,
    /// Automatic addresses that several claim.
    disputes: BTreeMap<IpAddr, Dispute>,
    /// Those of them that nobody was told of yet.
    news: BTreeSet<IpAddr>,
}

impl Writer {
    /// The writer of `table`; there must not be another.
    pub fn new(table: Arc<Table>) -> Writer {
        Writer {
            exact: Edit::default(),
            below: Edit::default(),
            at: Edit::default(),
            above: Edit::default(),
            clients: Edit::default(),
            said: HashMap::new(),
            open: HashMap::new(),
            disputes: BTreeMap::new(),
            news: BTreeSet::new(),
            table,
        }
    }

    /// Takes all that `owner` says now; what it said before and does not say again is gone.
    pub fn say(&mut self, owner: &Owner, rows: Vec<(HostName, Row)>) {
        let before = self.said.remove(owner).unwrap_or_default();
        for host in &before {
            if let Some(rows) = self.rows(host) {
                rows.retain(|row| row.owner != *owner);
            }
        }
        let mut hosts: Vec<HostName> = Vec::with_capacity(rows.len());
        for (host, row) in rows {
            if hosts.contains(&host) {
                continue;
            }
            match self.rows(&host) {
                Some(rows) => rows.push(row),
                None => {
                    self.open.insert(host.clone(), vec![row]);
                }
            }
            hosts.push(host);
        }
        if !hosts.is_empty() {
            self.said.insert(owner.clone(), hosts.into());
        }
    }

    /// Forgets what `owner` said.
    pub fn retract(&mut self, owner: &Owner) {
        self.say(owner, Vec::new());
    }

    /// Forgets what owners said whose text begins with `source` and that are not in `named`.
    pub fn keep(&mut self, source: &str, named: &HashSet<Owner>) {
        let owners = self.said.keys();
        let is_gone = |owner: &&Owner| owner.text().starts_with(source) && !named.contains(*owner);
        let gone: Vec<Owner> = owners.filter(is_gone).cloned().collect();
        for owner in &gone {
            self.retract(owner);
        }
    }

    /// Says anew who may see what does not say it itself, by its namespace.
    pub fn set_default_exports(&mut self, exports: impl Fn(&Arc<str>) -> Exports) {
        let hosts: HashSet<HostName> = self.said.values().flatten().cloned().collect();
        for host in &hosts {
            let rows = self.rows(host).into_iter().flatten();
            for row in rows.filter(|row| !row.has_exports) {
                row.exports = exports(&row.namespace);
            }
        }
    }

    /// The rows of a host to be changed; `None` if it is new.
    fn rows(&mut self, host: &HostName) -> Option<&mut Vec<Row>> {
        if !self.open.contains_key(host) {
            let known = self.latest(host, |known| known.map(|known| known.rows.to_vec()))?;
            self.open.insert(host.clone(), known);
        }
        self.open.get_mut(host)
    }

    /// Shows `look` a host as it was last put where readers find it.
    fn latest<R>(&self, host: &HostName, look: impl FnOnce(Option<&Host>) -> R) -> R {
        let (shards, edit) = match host {
            HostName::Exact(_) => (&self.table.exact, &self.exact),
            HostName::Below(_) => (&self.table.below, &self.below),
        };
        let wire = host.name().wire();
        edit.read(shards, shards.hash(wire), |known| known.is_at(wire), look)
    }

    /// Takes the clients that are known by an address, or forgets them.
    pub fn set_client(&mut self, address: IpAddr, client: Option<Client>) {
        let shards = &self.table.clients;
        let is = |known: &Client| known.address == address;
        let hash = shards.hash(&address);
        self.clients
            .change(shards, hash, is, |known| *known = client);
    }

    /// Takes all Sidecar resources that there are.
    pub fn set_sidecars(&mut self, mut all: Vec<Arc<Sidecar>>) {
        all.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        self.table.sidecars.store(Arc::new(Sidecars { all }));
        self.touch();
    }

    /// Shows readers what was changed; says how many hosts that was.
    pub fn publish(&mut self) -> usize {
        self.settle();
        let open = std::mem::take(&mut self.open);
        let mut changed = 0;
        for (host, rows) in open {
            changed += usize::from(self.close(&host, rows));
        }
        self.exact.publish(&self.table.exact);
        self.below.publish(&self.table.below);
        self.at.publish(&self.table.at);
        self.above.publish(&self.table.above);
        self.clients.publish(&self.table.clients);
        if changed > 0 {
            self.touch();
        }
        changed
    }

    /// Puts a host's rows where readers will find them; says whether they are others than before.
    fn close(&mut self, host: &HostName, mut rows: Vec<Row>) -> bool {
        rows.sort_by(|a, b| rank(a).cmp(&rank(b)));
        let (was_there, is_same) = self.latest(host, |known| {
            let old: &[Row] = known.map_or(&[], |known| &known.rows);
            (known.is_some(), *old == *rows)
        });
        if is_same {
            return false;
        }
        if rows.iter().any(|row| row.origin.is_service()) {
            self.table.has_services.store(true, Relaxed);
        }
        if host.is_wildcard() {
            let depth = host.name().label_count().min(63);
            self.table.depths.fetch_or(1 << depth, Relaxed);
        }
        let is_there = !rows.is_empty();
        let after = is_there.then(|| Host::new(host.clone(), rows));
        let (shards, edit) = match host {
            HostName::Exact(_) => (&self.table.exact, &mut self.exact),
            HostName::Below(_) => (&self.table.below, &mut self.below),
        };
        let wire = host.name().wire();
        let is = |known: &Host| known.is_at(wire);
        edit.change(shards, shards.hash(wire), is, |known| *known = after);
        if was_there != is_there {
            self.count(host, is_there);
        }
        true
    }

    fn count(&mut self, host: &HostName, has_come: bool) {
        match has_come {
            true => self.table.hosts.fetch_add(1, Relaxed),
            false => self.table.hosts.fetch_sub(1, Relaxed),
        };
        let skip = usize::from(!host.is_wildcard());
        let names = host.name().ancestors().skip(skip);
        above::count((&self.table.above, &mut self.above), names, has_come);
    }

    fn touch(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.map_or(0, |now| now.as_secs() & u64::from(u32::MAX));
        let now = u32::try_from(seconds).unwrap_or(0);
        self.table.serial.store(now, Relaxed);
    }
}

/// The order of a host's rows.
fn rank(row: &Row) -> (u64, &str, &Owner) {
    (row.created, &row.namespace, &row.owner)
}
