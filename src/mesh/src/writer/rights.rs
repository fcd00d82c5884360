//! Who has an automatic address that several claim.
//!
//! What somebody wrote into an entry by hand, or a Service has, goes before what was handed out;
//! of entries the oldest counts, as for the allocators that hand addresses out. The same host in
//! several entries of one namespace shares its address. All others yield, until an allocator has
//! given them another one.

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashSet;
use smallvec::SmallVec;

use super::{Writer, rank};
use crate::table::HostsAt;
use crate::{HostName, Owner, Reach, Row};

/// An automatic address that several claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The address.
    pub address: IpAddr,
    /// Who has it.
    pub owner: Owner,
    /// Who claims it too, and does not have it.
    pub yielding: Vec<Owner>,
}

impl Writer {
    /// How many automatic addresses several claim.
    pub fn disputes(&self) -> usize {
        self.disputes.len()
    }

    /// The disputes that began since this was last asked.
    pub fn new_disputes(&mut self) -> Vec<Dispute> {
        let news = std::mem::take(&mut self.news);
        let known = news.iter().filter_map(|address| self.disputes.get(address));
        known.cloned().collect()
    }

    /// Notes which hosts changed their claims, and gives each address that somebody claims as
    /// an automatic one to who has the best right to it.
    pub(super) fn settle(&mut self) {
        let open: Vec<HostName> = self.open.keys().cloned().collect();
        let mut claimed = HashSet::new();
        for host in open {
            self.claim(&host, &mut claimed);
        }
        for address in claimed {
            self.settle_one(address);
        }
    }

    /// Keeps the hosts by address as the claims of `name` are; adds to `claimed` what it claims
    /// or claimed where automatic addresses are.
    fn claim(&mut self, name: &HostName, claimed: &mut HashSet<IpAddr>) {
        let new = self.open.get(name).map_or(&[][..], Vec::as_slice);
        let all = |rows: &[Row]| -> HashSet<IpAddr> {
            rows.iter()
                .flat_map(|row| row.addresses.claimed())
                .collect()
        };
        let old = self.latest(name, |host| {
            host.map_or_else(HashSet::new, |host| all(&host.rows))
        });
        let handed_out = all_automatic(new);
        let new = all(new);
        let name = Arc::new(name.clone());
        for address in old.union(&new) {
            let is_automatic = handed_out.contains(address);
            let (was, is) = (old.contains(address), new.contains(address));
            if was != is || is_automatic {
                self.move_in(*address, &name, is, is_automatic);
            }
            if self.at(*address).is_some_and(|at| at.is_automatic) {
                claimed.insert(*address);
            } else if was && !is {
                self.end_dispute(*address);
            }
        }
    }

    /// Lists `name` at `address`, or lists it there no more.
    fn move_in(&mut self, address: IpAddr, name: &Arc<HostName>, is: bool, is_automatic: bool) {
        let shards = &self.table.at;
        let known = |at: &HostsAt| at.address == address;
        self.at.change(shards, shards.hash(&address), known, |at| {
            let mut hosts_at = at.take().unwrap_or_else(|| HostsAt {
                address,
                hosts: SmallVec::new(),
                is_automatic: false,
            });
            hosts_at.is_automatic |= is_automatic;
            let hosts = &mut hosts_at.hosts;
            match hosts.binary_search_by(|host| host.order().cmp(&name.order())) {
                Ok(place) if !is => drop(hosts.remove(place)),
                Err(place) if is => hosts.insert(place, Arc::clone(name)),
                _ => {}
            }
            *at = (!hosts.is_empty()).then_some(hosts_at);
        });
    }

    /// Gives one address to who has the best right to it.
    fn settle_one(&mut self, address: IpAddr) {
        let hosts = self.at(address).map(|at| at.hosts).unwrap_or_default();
        let mut best: Option<(Arc<HostName>, Row)> = None;
        for host in &hosts {
            let rows = self.rows(host).into_iter().flatten();
            for row in rows.filter(|row| row.addresses.claimed().any(|own| own == address)) {
                let is_better = |(_, best): &(_, Row)| right(row).cmp(&right(best)).is_lt();
                if best.as_ref().is_none_or(is_better) {
                    best = Some((Arc::clone(host), row.clone()));
                }
            }
        }
        let Some((host, owner)) = best else {
            return self.end_dispute(address);
        };
        let mut yielding = Vec::new();
        for name in &hosts {
            for row in self.rows(name).into_iter().flatten() {
                let is_claimed = row.addresses.claimed().any(|own| own == address);
                if !is_claimed || row.addresses.reach != Reach::Automatic {
                    continue;
                }
                let is_own = *name == host && row.namespace == owner.namespace;
                row.addresses.settle(address, is_own);
                if !is_own {
                    yielding.push(row.owner.clone());
                }
            }
        }
        if yielding.is_empty() {
            return self.end_dispute(address);
        }
        let dispute = Dispute {
            address,
            owner: owner.owner,
            yielding,
        };
        if self.disputes.insert(address, dispute).is_none() {
            self.news.insert(address);
        }
    }

    fn end_dispute(&mut self, address: IpAddr) {
        self.disputes.remove(&address);
        self.news.remove(&address);
    }

    fn at(&self, address: IpAddr) -> Option<HostsAt> {
        let shards = &self.table.at;
        let is = |at: &HostsAt| at.address == address;
        self.at
            .read(shards, shards.hash(&address), is, |at| at.cloned())
    }
}

/// Addresses that rows have as automatic ones.
fn all_automatic(rows: &[Row]) -> HashSet<IpAddr> {
    let rows = rows.iter();
    let automatic = rows.filter(|row| row.addresses.reach == Reach::Automatic);
    automatic.flat_map(|row| row.addresses.claimed()).collect()
}

/// The lesser the better.
fn right(row: &Row) -> (bool, (u64, &str, &Owner)) {
    (row.addresses.reach == Reach::Automatic, rank(row))
}
