//! Reads the directive.

use std::sync::Arc;
use std::time::Duration;

use catena_plugin::networks::Network;
use catena_plugin::{Line, Setup, SetupError, duration};

use crate::serve::{LoadBalance, Policy, Stage};
use crate::weights::Weights;

/// How often a weight file is looked at.
const RELOAD: Duration = Duration::from_secs(30);

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut config = LoadBalance::default();
    for line in cx.occurrences() {
        let mut args = line.args();
        match args.next() {
            None => config.policy = Policy::Shuffle,
            Some(policy) => match policy.text() {
                "round_robin" => {
                    if !args.is_empty() {
                        return Err(line.error("unknown property for round_robin"));
                    }
                    config.policy = Policy::Shuffle;
                }
                "weighted" => {
                    let weights = weighted(&line, cx)?;
                    config = LoadBalance::default();
                    config.policy = Policy::Weighted(Arc::new(weights));
                    // The block belongs to the weights.
                    continue;
                }
                other => {
                    let error = policy.error(format_args!("unknown policy: {other}"));
                    return Err(error.with_hint("it knows round_robin and weighted"));
                }
            },
        }
        for property in line.properties() {
            match property.name() {
                "prefer" => prefer(&property, &mut config.prefer)?,
                _ => return Err(property.unknown()),
            }
        }
    }
    cx.add_stage(Stage(Arc::new(config)));
    Ok(())
}

fn prefer(property: &Line<'_>, networks: &mut Vec<Network>) -> Result<(), SetupError> {
    for arg in property.args() {
        let network = Network::parse(arg.text()).ok_or_else(|| {
            let text = arg.text();
            let error = format!("invalid CIDR \"{text}\": invalid CIDR address: {text}");
            arg.error(error).with_hint("such as 192.0.2.0/24")
        })?;
        networks.push(network);
    }
    Ok(())
}

fn weighted(line: &Line<'_>, cx: &Setup<'_>) -> Result<Weights, SetupError> {
    let mut args = line.args().skip(1);
    let Some(file) = args.next() else {
        return Err(line.error("missing weight file argument"));
    };
    if let Some(extra) = args.next() {
        return Err(extra.error("unexpected argument(s)"));
    }
    let mut reload = RELOAD;
    for property in line.properties() {
        match property.name() {
            "reload" => reload = interval(&property)?,
            "prefer" => {
                let error = property.error("unknown property 'prefer'");
                return Err(error.with_hint("it goes with round_robin only"));
            }
            _ => return Err(property.unknown()),
        }
    }
    Ok(Weights::new(cx.server.path(file.text()), reload))
}

fn interval(property: &Line<'_>) -> Result<Duration, SetupError> {
    let mut args = property.args();
    let Some(arg) = args.next() else {
        return Err(property.error("reload duration value is missing"));
    };
    if let Some(extra) = args.next() {
        return Err(extra.error("unexpected argument"));
    }
    duration::parse(arg.text()).ok_or_else(|| {
        let error = format!("invalid reload duration '{}'", arg.text());
        arg.error(error).with_hint("such as 10s; 0s is for never")
    })
}
