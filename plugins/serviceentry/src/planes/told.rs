//! What one control plane tells, on its way into the table of hosts.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use catena_mesh::{Addresses, Exports, HostName, Origin, Owner, Row, Writer};
use catena_plugin::metrics::{Counter, Gauge};
use catena_xds::{Error, Registry, Sink};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::metrics;

/// What one control plane tells.
pub(super) struct Told {
    rank: u64,
    /// In owners, and in place of a namespace: of several, the first counts as a whole.
    source: Arc<str>,
    services: bool,
    writer: Arc<Mutex<Writer>>,
    /// Counts those that have told a table; until this one has.
    first_told: Option<Arc<watch::Sender<usize>>>,
    /// The last table.
    rows: Arc<[catena_xds::Row]>,
    state: State,
    counts: Counts,
}

/// What was logged last: each change is, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Well,
    Lost,
    Wrong,
}

struct Counts {
    hosts: Gauge,
    contact: Gauge,
    connected: Gauge,
    told: Counter,
    empty: Counter,
    refused: Counter,
}

impl Told {
    /// The control plane at `place`, which has its `rank` among several.
    pub fn new(
        rank: u64,
        place: &impl ToString,
        services: bool,
        writer: Arc<Mutex<Writer>>,
        first_told: Arc<watch::Sender<usize>>,
    ) -> Told {
        let label = place.to_string();
        let result = |result| metrics::TABLES.with(&[&label, result]);
        Told {
            rank,
            services,
            writer,
            first_told: Some(first_told),
            rows: Arc::default(),
            state: State::New,
            counts: Counts {
                hosts: metrics::HOSTS.with(&[&label]),
                contact: metrics::LAST_CONTACT.with(&[&label]),
                connected: metrics::CONNECTED.with(&[&label]),
                told: result("taken"),
                empty: result("empty"),
                refused: result("refused"),
            },
            source: format!("istiod/{label}").into(),
        }
    }

    /// The rows that `row` makes.
    fn rows_of(&self, owner: &Owner, row: &catena_xds::Row) -> Vec<(HostName, Row)> {
        if row.registry != Registry::Other && !self.services {
            return Vec::new();
        }
        let made = Row {
            owner: owner.clone(),
            namespace: Arc::clone(&self.source),
            origin: match row.registry {
                Registry::Service => Origin::Service,
                Registry::PlainService => Origin::PlainService,
                Registry::Other => Origin::Entry,
            },
            created: self.rank,
            exports: Exports::All,
            has_exports: true,
            // The control plane has chosen what this workload is told.
            addresses: Addresses::given(row.addresses.clone()),
            ports: Arc::new([]),
        };
        let hosts = std::iter::once(&row.host).chain(&row.alt_hosts);
        let hosts = hosts.filter_map(|host| HostName::parse(host));
        hosts.map(|host| (host, made.clone())).collect()
    }

    fn change(&mut self, state: State, text: impl FnOnce(&str)) {
        if self.state != state {
            self.state = state;
            text(&self.source);
        }
    }
}

impl Sink for Told {
    fn told(&mut self, rows: Arc<[catena_xds::Row]>) {
        let mut writer = self.writer.lock();
        let owner = |host: &str| Owner::new(format!("{}/{host}", self.source));
        for change in Changes::new(&self.rows, &rows) {
            match change {
                Change::Gone(row) => writer.retract(&owner(&row.host)),
                Change::Is(row) => {
                    let owner = owner(&row.host);
                    writer.say(&owner, self.rows_of(&owner, row));
                }
            }
        }
        writer.publish();
        drop(writer);
        let hosts = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        self.counts.hosts.set(hosts);
        self.counts.told.inc();
        self.rows = rows;
        self.change(State::Well, |source| {
            tracing::info!(target: "plugin/serviceentry", "{source} tells {hosts} hosts");
        });
        if let Some(first_told) = self.first_told.take() {
            first_told.send_modify(|told| *told += 1);
        }
    }

    fn came_empty(&mut self) {
        self.counts.empty.inc();
        let hosts = self.rows.len();
        self.change(State::Wrong, |source| {
            tracing::warn!(
                target: "plugin/serviceentry",
                "{source} tells an empty table; the {hosts} hosts that it told before stay"
            );
        });
    }

    fn refused(&mut self, error: &Error) {
        self.counts.refused.inc();
        self.change(State::Wrong, |source| {
            tracing::error!(
                target: "plugin/serviceentry",
                "{source}: {error}; it is refused, and the last one stays"
            );
        });
    }

    fn heard(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        self.counts.contact.set(now);
        self.counts.connected.set(1);
    }

    fn lost(&mut self, error: &Error) {
        self.counts.connected.set(0);
        let hosts = self.rows.len();
        self.change(State::Lost, |source| {
            tracing::error!(
                target: "plugin/serviceentry",
                "{source} is lost: {error}; its {hosts} hosts stay"
            );
        });
    }
}

/// What became of a row.
#[derive(Debug, PartialEq, Eq)]
enum Change<'r> {
    Gone(&'r catena_xds::Row),
    Is(&'r catena_xds::Row),
}

/// The differences of two tables, which are sorted by host.
struct Changes<'r> {
    old: &'r [catena_xds::Row],
    new: &'r [catena_xds::Row],
}

impl<'r> Changes<'r> {
    fn new(old: &'r [catena_xds::Row], new: &'r [catena_xds::Row]) -> Changes<'r> {
        Changes { old, new }
    }
}

impl<'r> Iterator for Changes<'r> {
    type Item = Change<'r>;

    fn next(&mut self) -> Option<Change<'r>> {
        loop {
            let order = match (self.old.first(), self.new.first()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.host.cmp(&new.host),
            };
            let (old, new) = (self.old.split_first(), self.new.split_first());
            match (order, old, new) {
                (Ordering::Less, Some((old, rest)), _) => {
                    self.old = rest;
                    return Some(Change::Gone(old));
                }
                (Ordering::Greater, _, Some((new, rest))) => {
                    self.new = rest;
                    return Some(Change::Is(new));
                }
                (_, Some((old, older)), Some((new, newer))) => {
                    (self.old, self.new) = (older, newer);
                    if old != new {
                        return Some(Change::Is(new));
                    }
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use catena_xds::{Registry, Row};

    use super::{Change, Changes};

    fn row(host: &str, last: u8) -> Row {
        Row {
            host: host.into(),
            addresses: Box::new([[192, 0, 2, last].into()]),
            registry: Registry::Other,
            alt_hosts: Box::default(),
        }
    }

    #[test]
    fn only_what_differs_is_changed() {
        let old = [row("a", 1), row("b", 1), row("d", 1)];
        let new = [row("b", 2), row("c", 1), row("d", 1), row("e", 1)];
        let changes: Vec<String> = Changes::new(&old, &new)
            .map(|change| match change {
                Change::Gone(row) => format!("-{}", row.host),
                Change::Is(row) => format!("+{}", row.host),
            })
            .collect();
        assert_eq!(changes, ["-a", "+b", "+c", "+e"]);
    }
}
