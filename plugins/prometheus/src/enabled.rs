//! `coredns_plugin_enabled`: the plugins of the blocks that serve, and of no others.

use std::collections::BTreeMap;

use catena_plugin::StartContext;
use catena_plugin::metrics::server::PLUGIN_ENABLED;
use parking_lot::Mutex;

/// Server, zone, view and plugin.
type Labels = [String; 4];

/// How many blocks of living generations have each plugin.
static SHARED: Mutex<BTreeMap<Labels, usize>> = Mutex::new(BTreeMap::new());

/// The rows of one server block; they go with it.
pub(crate) struct Enabled(Vec<Labels>);

impl Enabled {
    /// The rows of the block that `context` starts.
    pub(crate) fn of(context: &StartContext<'_>) -> Enabled {
        let mut rows = Vec::new();
        for listener in context.listeners {
            for zone in &context.server.zones {
                for part in context.parts {
                    let server = listener.address.to_string();
                    let view = context.server.view.clone();
                    rows.push([server, zone.to_string(), view, part.name.to_owned()]);
                }
            }
        }
        let mut shared = SHARED.lock();
        for row in &rows {
            *shared.entry(row.clone()).or_insert(0) += 1;
            PLUGIN_ENABLED.with(&texts(row)).set(1);
        }
        Enabled(rows)
    }
}

impl Drop for Enabled {
    fn drop(&mut self) {
        let mut shared = SHARED.lock();
        for row in &self.0 {
            let Some(count) = shared.get_mut(row) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                shared.remove(row);
                PLUGIN_ENABLED.remove(&texts(row));
            }
        }
    }
}

fn texts(row: &Labels) -> [&str; 4] {
    row.each_ref().map(String::as_str)
}
