//! Plugin example: a template to copy; it answers TXT queries with a text.

use std::sync::Arc;

use catena_dns::{Name, RecordRef, RecordType, Reply, Section};
use catena_plugin::metrics::{Counter, CounterVec, PerServer};
use catena_plugin::zones;
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration, Setup, SetupError};

/// The row of the list of plugins.
pub static PLUGIN: Registration = Registration {
    name: "example",
    setup,
    properties: &["text"],
    metrics: &[&ANSWERS],
    metadata: &[],
    readme: include_str!("../README.md"),
};

static ANSWERS: CounterVec = CounterVec::new(
    "catena_example_answers_total",
    "Counter of texts that were given out.",
    &["server"],
);

/// Reads `example [ZONE...] { text TEXT }`; every mistake gets its place in the Corefile.
fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let mut text = "hello";
    for property in line.properties() {
        match property.name() {
            "text" => text = property.args().only("TEXT")?.text(),
            _ => return Err(property.unknown()),
        }
    }
    let Ok(length) = u8::try_from(text.len()) else {
        return Err(line.error("text is longer than 255 octets"));
    };
    let example = Example {
        zones: cx.zones_or_server(&mut line.args()),
        rdata: [&[length], text.as_bytes()].concat().into(),
        answers: PerServer::new(),
    };
    cx.add_stage(Stage(Arc::new(example)));
    Ok(())
}

/// All that the plugin knows; made at setup, so that a query finds everything prepared.
struct Example {
    zones: Vec<Name>,
    /// The RDATA of the TXT record.
    rdata: Box<[u8]>,
    answers: PerServer<Counter>,
}

/// The stage; the state is shared with replies that are still waited for.
struct Stage(Arc<Example>);

impl Plugin for Stage {
    fn serve(&self, query: &Query<'_>, next: Next<'_>) -> Flow {
        if zones::longest(&self.0.zones, query.name()).is_none() {
            return next.serve(query);
        }
        match query.qtype() {
            RecordType::TXT => self.0.answer(query).into(),
            _ => next.serve(query).then(&self.0, query, Example::sign_off),
        }
    }
}

impl Example {
    fn answer(&self, query: &Query<'_>) -> Outcome {
        let mut reply = Reply::authoritative(query);
        reply.push_or_tc(Section::Answer, self.record(query));
        if let Some(answers) = self
            .answers
            .get(query.server(), |label| ANSWERS.with(&[label]))
        {
            answers.inc();
        }
        Outcome::reply(reply)
    }

    /// Adds the text to what the stages further in have answered.
    fn sign_off(&self, query: &Query<'_>, mut outcome: Outcome) -> Outcome {
        if let Some(reply) = outcome.as_reply_mut() {
            reply.push(Section::Additional, self.record(query));
        }
        outcome
    }

    fn record<'r>(&'r self, query: &'r Query<'_>) -> RecordRef<'r> {
        RecordRef::new(query.name_as_asked(), (RecordType::TXT, 60), &self.rdata)
    }
}

#[cfg(test)]
mod tests;
