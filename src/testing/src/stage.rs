//! The script as the last stage of a chain.

use catena_dns::Rcode;
use catena_plugin::{Flow, Next, Outcome, Plugin, Query, Registration, Setup, SetupError};

use crate::Script;
use crate::script::{Rule, answer_to};

/// The plugin `script`: a last stage whose rules stand in its block, see [`Script`].
pub(crate) static SCRIPT: Registration = Registration {
    name: "script",
    setup: |cx| read(cx).map(|script| cx.add_stage(ScriptStage(script))),
    properties: &[],
    metrics: &[],
    metadata: &["script/name"],
    readme: "",
};

/// Reads the rules of the block.
pub(crate) fn read(cx: &mut Setup<'_>) -> Result<Script, SetupError> {
    let mut rules = Vec::new();
    for line in cx.only()?.properties() {
        let args: Vec<_> = line.args().collect();
        let args = args.iter().map(|arg| arg.text());
        let words: Vec<&str> = std::iter::once(line.name()).chain(args).collect();
        Rule::read(&words, &mut rules).ok_or_else(|| line.error("not a rule"))?;
    }
    Ok(Script::new(rules))
}

/// A stage that answers from a [`Script`].
pub(crate) struct ScriptStage(pub Script);

impl Plugin for ScriptStage {
    fn serve(&self, query: &Query<'_>, _: Next<'_>) -> Flow {
        let Some((place, rule)) = self.0.rule(query) else {
            return Outcome::reply(answer_to(query, Rcode::NXDOMAIN).to_reply()).into();
        };
        if rule.after.is_zero() {
            return outcome(rule, query).into();
        }
        let (script, query, after) = (self.0.clone(), query.keep(), rule.after);
        Flow::wait(async move {
            tokio::time::sleep(after).await;
            let rule = script.at(place);
            query.view(|query| rule.map_or_else(Outcome::silent, |rule| outcome(rule, query)))
        })
    }

    fn metadata(&self, label: &str, query: &Query<'_>) -> Option<String> {
        // The last query seen, so that tests of `metadata` have a label to read.
        (label == "script/name").then(|| query.name().to_string())
    }
}

fn outcome(rule: &Rule, query: &Query<'_>) -> Outcome {
    let outcome = match rule.fail {
        _ if rule.drop => Outcome::silent(),
        Some(rcode) => Outcome::fail(rcode),
        None => Outcome::reply(rule.reply(query).to_reply()),
    };
    match &rule.error {
        Some(error) => outcome.with_error(error.clone()),
        None => outcome,
    }
}
