//! Plugin any: a short answer to queries for ANY, RFC 8482.

use catena_dns::{RecordRef, RecordType, Reply, Section};
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration, Setup, SetupError};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "any",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

/// The TTL, which is also the number of the RFC.
const TTL: u32 = 8482;
/// The HINFO record of RFC 8482 section 4.2: two strings.
const HINFO: &[u8] = b"\x0dANY obsoleted\x0cSee RFC 8482";

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    for line in cx.occurrences() {
        line.no_args()?;
        line.no_block()?;
    }
    cx.add_stage(Any);
    Ok(())
}

struct Any;

impl Plugin for Any {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        if query.qtype() != RecordType::ANY {
            return next.serve(query);
        }
        let mut reply = Reply::to(query);
        let record = RecordRef::new(query.name_as_asked(), (RecordType::HINFO, TTL), HINFO);
        reply.push(Section::Answer, record);
        Outcome::reply(reply).into()
    }
}

#[cfg(test)]
mod tests;
