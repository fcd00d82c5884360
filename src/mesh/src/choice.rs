//! Which of a host's rows a viewer is told: Istio's rules for one host in many places.

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::{Egress, Host, Reach, Row, Sidecar};

/// For whom hosts are looked up.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'v> {
    /// The namespace that it is in; `None` if that is not known: it sees what all may see.
    pub namespace: Option<&'v str>,
    /// The Sidecar resource that applies to it.
    pub sidecar: Option<&'v Sidecar>,
    /// Which addresses of Services, and automatic ones, it is told.
    pub families: Families,
    /// Whether it is told automatic addresses.
    pub takes_automatic: bool,
}

impl Viewer<'static> {
    /// A client of which nothing is known.
    pub const ANYBODY: Viewer<'static> = Viewer {
        namespace: None,
        sidecar: None,
        families: Families::All,
        takes_automatic: true,
    };
}

/// Which addresses of Services, and automatic ones, a viewer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// All of them.
    All,
    /// Those of IPv4.
    V4,
    /// Those of IPv6.
    V6,
    /// The first one: what Istio tells a workload of both families, unless told otherwise.
    First,
}

impl Families {
    /// Those of a client with an IPv4 address, an IPv6 one, or both.
    pub fn of(v4: bool, v6: bool) -> Families {
        match (v4, v6) {
            (true, true) => Families::First,
            (true, false) => Families::V4,
            (false, true) => Families::V6,
            (false, false) => Families::All,
        }
    }
}

/// The rows of a host that a viewer is told.
#[derive(Clone, Debug)]
pub struct Choice<'h> {
    /// The rows, the oldest first; without any the viewer does not see the host.
    pub rows: SmallVec<[&'h Row; 2]>,
    families: Families,
    takes_automatic: bool,
}

impl<'h> Choice<'h> {
    /// The rows of `host` for `viewer`.
    ///
    /// Of all namespaces that have the host, the viewer's own counts; else one with a Service of
    /// Kubernetes, else the one whose row is the oldest, those that name the viewer's namespace
    /// before those for all. There a Service hides the entries beside it, if it has addresses.
    pub fn of(host: &'h Host, viewer: &Viewer<'_>) -> Choice<'h> {
        let mut choice = Choice {
            rows: SmallVec::new(),
            families: viewer.families,
            takes_automatic: viewer.takes_automatic,
        };
        match viewer.sidecar {
            None => choice.add(host, viewer, None),
            Some(sidecar) => {
                for egress in &sidecar.egress {
                    choice.add(host, viewer, Some(egress));
                }
            }
        }
        if choice.rows.len() > 1 {
            let is_answering = |row: &&Row| row.origin.is_service() && choice.tells(row);
            if let Some(service) = choice.rows.iter().copied().find(is_answering) {
                choice.rows.clear();
                choice.rows.push(service);
            }
        }
        choice
    }

    fn add(&mut self, host: &'h Host, viewer: &Viewer<'_>, egress: Option<&Egress>) {
        let sees = |row: &&Row| is_visible(host, row, viewer, egress);
        let namespace = match &*host.rows {
            [] => return,
            [only] => {
                if sees(&only) {
                    self.push(only);
                }
                return;
            }
            rows => {
                let visible = rows.iter().filter(sees);
                let named = visible
                    .clone()
                    .filter(|row| row.exports != crate::Exports::All);
                let public = visible.filter(|row| row.exports == crate::Exports::All);
                match first(named.chain(public), viewer.namespace) {
                    Some(row) => &row.namespace,
                    None => return,
                }
            }
        };
        for row in host.rows.iter().filter(sees) {
            if row.namespace == *namespace {
                self.push(row);
            }
        }
    }

    /// Takes a row, once.
    fn push(&mut self, row: &'h Row) {
        if !self.rows.iter().any(|known| std::ptr::eq(*known, row)) {
            self.rows.push(row);
        }
    }

    /// Whether the viewer sees the host.
    pub fn is_visible(&self) -> bool {
        !self.rows.is_empty()
    }

    /// Whether there is an address that the viewer is told.
    pub fn has_addresses(&self) -> bool {
        self.rows.iter().any(|row| self.tells(row))
    }

    fn tells(&self, row: &Row) -> bool {
        self.told(row).next().is_some()
    }

    /// The addresses of one row that the viewer is told, in the owner's order.
    pub fn told<'a>(&self, row: &'a Row) -> impl Iterator<Item = IpAddr> + Clone + use<'a> {
        let families = match (row.addresses.reach, self.families) {
            (Reach::All | Reach::Endpoints, _) => Families::All,
            (Reach::Families | Reach::Automatic, families) => families,
        };
        let is_told = match row.addresses.reach {
            Reach::All | Reach::Families => true,
            Reach::Endpoints => self.families != Families::V6,
            Reach::Automatic => self.takes_automatic,
        };
        let most = match families {
            _ if !is_told => 0,
            Families::First => 1,
            _ => usize::MAX,
        };
        let fits = move |address: &&IpAddr| match families {
            Families::V4 => address.is_ipv4(),
            Families::V6 => address.is_ipv6(),
            Families::All | Families::First => true,
        };
        row.addresses.list.iter().filter(fits).take(most).copied()
    }

    /// All addresses that the viewer is told: in the owner's order, or if there are several
    /// owners in their own order, each once.
    pub fn addresses(&self) -> SmallVec<[IpAddr; 4]> {
        let all = self.rows.iter().flat_map(|row| self.told(row));
        let mut all: SmallVec<[IpAddr; 4]> = all.collect();
        if self.rows.len() > 1 {
            all.sort_unstable();
            all.dedup();
        }
        all
    }
}

/// Whether `viewer` may see a row and wants to.
pub(crate) fn is_visible(
    host: &Host,
    row: &Row,
    viewer: &Viewer<'_>,
    egress: Option<&Egress>,
) -> bool {
    let own = viewer.namespace.unwrap_or("");
    row.exports.reaches(viewer.namespace)
        && egress.is_none_or(|egress| egress.imports(&host.name, row, own))
}

/// The row whose namespace has the host.
fn first<'h>(rows: impl Iterator<Item = &'h Row>, own: Option<&str>) -> Option<&'h Row> {
    let is_own = |row: &Row| own == Some(&*row.namespace);
    let mut first: Option<&Row> = None;
    for row in rows {
        let is_better = match first {
            None => true,
            Some(first) if is_own(first) => false,
            Some(first) => is_own(row) || (row.origin.is_service() && !first.origin.is_service()),
        };
        if is_better {
            first = Some(row);
        }
    }
    first
}
