//! The table of names: made anew after each change, whole at any time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;

use crate::object::{Id, RpcService, Service};

/// Names of one table at most; further ones are left out, and said to be.
const COUNT_MAX: usize = 1 << 20;

/// Names of RPC interfaces with where they lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// By the text of the name, in lower case and with a final dot.
    pub targets: BTreeMap<Box<str>, Target>,
    /// Names that several Services claim: the name, who has it, who does not.
    pub conflicts: Vec<Conflict>,
    /// Whether all selected Services are known; else one of their agents was never heard.
    pub complete: bool,
}

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name in wire form.
    pub name: Name,
    /// What of the name is the suffix.
    pub suffix: Arc<Name>,
    /// The Service.
    pub service: Id,
    /// Its addresses, or those of its endpoints; sorted, perhaps none.
    pub addresses: Arc<[IpAddr]>,
}

/// A name that more than one Service claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The name.
    pub name: Box<str>,
    /// The Service that has it: the one of the oldest object.
    pub winner: Id,
    /// The one that has not.
    pub loser: Id,
}

/// A table in the making; the oldest objects must come first.
pub(crate) struct Making {
    names: Names,
    left_out: usize,
}

impl Making {
    pub fn new() -> Making {
        let names = Names {
            complete: true,
            ..Names::default()
        };
        Making { names, left_out: 0 }
    }

    /// Adds the names that `rpc` gives to the interfaces of `service`.
    pub fn add(
        &mut self,
        rpc: &RpcService,
        service: &Service,
        interfaces: &[Box<str>],
        addresses: &Arc<[IpAddr]>,
    ) {
        let suffix = Arc::new(rpc.suffix.clone());
        for interface in interfaces {
            let Ok(name) = Name::parse(interface, suffix.view()) else {
                // Together they are longer than a name may be.
                self.left_out += 1;
                continue;
            };
            let room = self.names.targets.len() < COUNT_MAX;
            let text: Box<str> = name.to_string().into();
            match self.names.targets.entry(text) {
                Entry::Vacant(free) if room => {
                    free.insert(Target {
                        name,
                        suffix: Arc::clone(&suffix),
                        service: service.id.clone(),
                        addresses: Arc::clone(addresses),
                    });
                }
                Entry::Vacant(_) => self.left_out += 1,
                Entry::Occupied(taken) if taken.get().service == service.id => {}
                Entry::Occupied(taken) => self.names.conflicts.push(Conflict {
                    name: taken.key().clone(),
                    winner: taken.get().service.clone(),
                    loser: service.id.clone(),
                }),
            }
        }
    }

    /// Notes a Service whose interfaces were never told.
    pub fn miss(&mut self) {
        self.names.complete = false;
    }

    /// The table, and how many names had no room in it.
    pub fn finish(self) -> (Names, usize) {
        (self.names, self.left_out)
    }
}
