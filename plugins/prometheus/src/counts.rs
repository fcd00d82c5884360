//! Which counts a query belongs to: its listener's, for the longest zone of the block.

use catena_dns::{Name, NameRef};
use catena_plugin::metrics::{PerServer, QueryCounts};
use catena_plugin::{Outcome, Query};

/// The counts of one server block.
pub(crate) struct Counts {
    zones: Vec<Name>,
    view: String,
    by_server: PerServer<Vec<QueryCounts>>,
}

impl Counts {
    /// Counts for queries in `zones`; those elsewhere count for the root.
    pub(crate) fn new(zones: &[Name], view: &str) -> Counts {
        let mut zones = zones.to_vec();
        // The longest first; the root takes the rest.
        zones.push(Name::root());
        zones.sort_by_key(|zone| std::cmp::Reverse(zone.wire().len()));
        zones.dedup();
        let by_server = PerServer::new();
        Counts {
            zones,
            view: view.to_owned(),
            by_server,
        }
    }

    /// Counts `query` and what came of it.
    pub(crate) fn count(&self, query: &Query<'_>, outcome: Outcome) -> Outcome {
        let zones = self.by_server.get(query.server(), |server| {
            let zones = self.zones.iter();
            zones
                .map(|zone| QueryCounts::new(server, &zone.to_string(), &self.view))
                .collect()
        });
        let counts = zones.and_then(|zones| zones.get(self.place(query.name())));
        if let Some(counts) = counts {
            counts.count(query, &outcome);
        }
        outcome
    }

    fn place(&self, name: NameRef<'_>) -> usize {
        let mut zones = self.zones.iter();
        let place = zones.position(|zone| name.is_within(zone.view()));
        place.unwrap_or(self.zones.len())
    }
}
