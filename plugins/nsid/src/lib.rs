//! Plugin nsid: names the server that answered, RFC 5001.

use std::sync::Arc;

use catena_dns::{ReplyEdns, edns};
use catena_plugin::{
    Flow, Next, Outcome, Plugin, Query, Registration, Setup, SetupError, hostname,
};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "nsid",
    setup,
    properties: &[],
    metrics: &[],
    metadata: &[],
    readme: include_str!("../README.md"),
};

/// The EDNS option.
const NSID: u16 = 3;

fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    line.no_block()?;
    let words: Vec<&str> = line.args().map(|arg| arg.text()).collect();
    let name = match words.as_slice() {
        [] => hostname(),
        words => words.join(" "),
    };
    cx.add_stage(Nsid(Arc::new(name)));
    Ok(())
}

struct Nsid(Arc<String>);

impl Plugin for Nsid {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        let is_asked = query
            .edns()
            .is_some_and(|edns| edns.options().any(|(code, _)| code == NSID));
        if !is_asked {
            return next.serve(query);
        }
        next.serve(query).then(&self.0, query, tell)
    }
}

/// Puts the name into the reply, in place of an upstream's.
fn tell(name: &String, query: &Query<'_>, mut outcome: Outcome) -> Outcome {
    let Some(reply) = outcome.as_reply_mut() else {
        return outcome;
    };
    let told = match reply.edns() {
        None => ReplyEdns {
            udp_size: query.edns().map_or(0, |edns| edns.udp_size),
            // As in CoreDNS.
            flags: edns::DO,
            ..ReplyEdns::default()
        },
        Some(own) => own.clone(),
    };
    let own = reply.edns_mut();
    *own = ReplyEdns {
        options: smallvec::SmallVec::new(),
        ..told.clone()
    };
    let mut is_told = false;
    for (code, data) in edns::Options::new(&told.options) {
        is_told |= code == NSID;
        own.push(code, if code == NSID { name.as_bytes() } else { data });
    }
    if !is_told {
        own.push(NSID, name.as_bytes());
    }
    outcome
}

#[cfg(test)]
mod tests;
