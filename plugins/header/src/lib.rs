//! Plugin header: sets and clears flags of queries and replies.

mod setup;

use std::sync::Arc;

use catena_dns::header::write_u16;
use catena_dns::{Rcode, flag};
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "header",
    setup: setup::setup,
    properties: &["query", "response"],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

/// The flags that can be changed.
const FLAGS: [(&str, u16); 3] = [("aa", flag::AA), ("ra", flag::RA), ("rd", flag::RD)];

/// The stage.
struct Header {
    query: Change,
    reply: Arc<Change>,
}

/// Flags to set and to clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Change {
    set: u16,
    clear: u16,
}

impl Change {
    fn set(&mut self, bits: u16) {
        (self.set, self.clear) = (self.set | bits, self.clear & !bits);
    }

    fn clear(&mut self, bits: u16) {
        (self.set, self.clear) = (self.set & !bits, self.clear | bits);
    }
}

impl Plugin for Header {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let flags = query.header().flags;
        let changed = flags & !self.query.clear | self.query.set;
        let flow = match changed == flags {
            true => next.serve(query),
            false => {
                let mut packet = query.packet().to_vec();
                write_u16(&mut packet, 2, changed);
                let flow = query.with_packet(&packet, |changed| next.serve(changed));
                flow.unwrap_or_else(|| Outcome::fail(Rcode::SERVFAIL).into())
            }
        };
        flow.then(&self.reply, query, change_reply)
    }
}

fn change_reply(change: &Change, _: &Query<'_>, mut outcome: Outcome) -> Outcome {
    if let Some(reply) = outcome.as_reply_mut() {
        reply.set_flag(change.set, true);
        reply.set_flag(change.clear, false);
    }
    outcome
}

#[cfg(test)]
mod tests;
