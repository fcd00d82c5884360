//! Reads the directive.

use std::sync::Arc;
use std::time::Duration;

use catena_cluster::setup::{labels, startup_timeout};
use catena_kube::AccessReading;
use catena_plugin::{Line, Setup, SetupError};
use catena_rpc::{Registry, Watched};

use crate::serve::{RpcServices, Rules, Stage};

/// The properties.
pub(crate) const PROPERTIES: &[&str] = &[
    "endpoint",
    "tls",
    "kubeconfig",
    "labels",
    "poll",
    "agent_port",
    "ttl",
    "fallthrough",
    "startup_timeout",
];

/// Agents must not be asked without a pause.
const POLL_MIN: Duration = Duration::from_millis(100);

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let zones = cx.zones_or_server(&mut line.args());
    let (mut rules, mut watched) = (Rules::default(), Watched::default());
    let mut access = AccessReading::default();
    for property in line.properties() {
        match property.name() {
            "endpoint" => access.read_endpoint(&property)?,
            "tls" => access.read_tls(&property, cx)?,
            "kubeconfig" => access.read_kubeconfig(&property)?,
            "labels" => watched.labels = labels(&property, "label selector")?,
            "poll" => watched.poll = poll(&property)?,
            "agent_port" => {
                let arg = property.args().only("the port of register agents")?;
                watched.agent_port = arg.parse("a port")?;
            }
            "ttl" => rules.ttl = property.ttl()?,
            "fallthrough" => rules.fallthrough = property.fallthrough(),
            "startup_timeout" => rules.startup_timeout = startup_timeout(&property)?,
            _ => return Err(property.unknown()),
        }
    }
    watched.access = access.finish(&line)?;
    let registry = Registry::shared(watched);
    let services = RpcServices::new(zones, rules, registry);
    cx.add_stage(Stage(Arc::new(services)));
    Ok(())
}

fn poll(property: &Line<'_>) -> Result<Duration, SetupError> {
    let arg = property.args().only("a duration")?;
    let poll = arg.duration()?;
    match poll >= POLL_MIN {
        true => Ok(poll),
        false => Err(arg.error("agents cannot be asked more often than every 100ms")),
    }
}
