//! Reads the directives `kubernetes` and `kubernetai`, whose properties are the same.

use std::sync::Arc;
use std::time::Duration;

use catena_dns::Name;
use catena_kube::AccessReading;
use catena_plugin::zones::{Fallthrough, longest};
use catena_plugin::{Line, Setup, SetupError, duration};
use hashbrown::HashSet;

use crate::cluster::{Cluster, Watched};
use crate::names::{Names, Passes, Pods, Rules, Stage, Unsynced, Zone};
use crate::question::{Grammar, is_reverse};
use crate::selector;

const TTL: u32 = 5;
const STARTUP_TIMEOUT: Duration = Duration::from_secs(5);
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The properties.
pub const PROPERTIES: &[&str] = &[
    "endpoint",
    "tls",
    "kubeconfig",
    "apiserver_qps",
    "apiserver_burst",
    "apiserver_max_inflight",
    "namespaces",
    "namespace_labels",
    "labels",
    "pods",
    "endpoint_pod_names",
    "ttl",
    "noendpoints",
    "fallthrough",
    "ignore",
    "multicluster",
    "zonal",
    "startup_timeout",
];

/// What `kubernetai` knows beside those.
const FALLTHROUGH_ON: &str = "fallthrough_on";

/// The properties of `kubernetai`.
pub const KUBERNETAI_PROPERTIES: &[&str] = &{
    let mut all = [FALLTHROUGH_ON; PROPERTIES.len() + 1];
    all.split_at_mut(PROPERTIES.len())
        .0
        .copy_from_slice(PROPERTIES);
    all
};

/// A directive that is being read.
struct Reading {
    watched: Watched,
    rules: Rules,
    access: AccessReading,
    multicluster: Vec<Name>,
    is_zonal: bool,
}

/// Reads `kubernetes`, which stands in a block once.
pub fn kubernetes(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let mut reading = Reading::new(cx, &line)?;
    for property in line.properties() {
        reading.read(&property, cx)?;
    }
    let (rules, cluster) = reading.finish(&line)?;
    let peers = Arc::from([Arc::clone(&cluster)]);
    cx.add_stage(Stage(Arc::new(Names::new(rules, cluster, peers))));
    Ok(())
}

/// Reads each `kubernetai` of a block; the order of the text is that of preference.
pub fn kubernetai(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let mut all = Vec::new();
    for line in cx.occurrences() {
        let mut reading = Reading::new(cx, &line)?;
        reading.rules.passes.unsynced = Unsynced::Refused;
        for property in line.properties() {
            match property.name() {
                FALLTHROUGH_ON => fallthrough_on(&property, &mut reading.rules.passes)?,
                _ => reading.read(&property, cx)?,
            }
        }
        all.push(reading.finish(&line)?);
    }
    let peers: Arc<[Arc<Cluster>]> = all.iter().map(|(_, c)| Arc::clone(c)).collect();
    for (rules, cluster) in all {
        let names = Names::new(rules, cluster, Arc::clone(&peers));
        cx.add_stage(Stage(Arc::new(names)));
    }
    Ok(())
}

fn fallthrough_on(property: &Line<'_>, passes: &mut Passes) -> Result<(), SetupError> {
    property.args().required("nodata or servfail")?;
    for arg in property.args() {
        match arg.text() {
            "nodata" => passes.nodata = true,
            "servfail" => passes.unsynced = Unsynced::Doubted,
            other => {
                let error = arg.error(format_args!("unable to fall through on '{other}'"));
                return Err(error.with_hint("it knows nodata and servfail"));
            }
        }
    }
    Ok(())
}

impl Reading {
    fn new(cx: &Setup<'_>, line: &Line<'_>) -> Result<Reading, SetupError> {
        let zones = cx.zones_or_server(&mut line.args());
        let mut primary = zones.iter().find(|zone| !is_reverse(zone.view()));
        if primary.is_none() {
            // CoreDNS does not count the two above all reverse zones as such.
            primary = zones.iter().find(|zone| zone.view().label_count() == 2);
        }
        let Some(primary) = primary.cloned() else {
            return Err(line.error("non-reverse zone name must be used"));
        };
        Ok(Reading {
            watched: Watched {
                endpoints: true,
                ..Watched::default()
            },
            rules: Rules {
                zones: zones
                    .into_iter()
                    .map(|zone| Zone::new(zone, Grammar::default()))
                    .collect(),
                primary,
                ttl: TTL,
                pods: Pods::default(),
                namespaces: HashSet::new(),
                ignores_empty: false,
                fallthrough: Fallthrough::Never,
                passes: Passes {
                    nodata: false,
                    unsynced: Unsynced::Passed,
                },
                startup_timeout: STARTUP_TIMEOUT,
                search: search_path(),
            },
            access: AccessReading::default(),
            multicluster: Vec::new(),
            is_zonal: false,
        })
    }

    fn read(&mut self, property: &Line<'_>, cx: &mut Setup<'_>) -> Result<(), SetupError> {
        let (watched, rules) = (&mut self.watched, &mut self.rules);
        match property.name() {
            "endpoint" => {
                let mut args = property.args();
                let first = args.required("the URL of the API server")?.text();
                if !args.is_empty() {
                    let message = format!(
                        "Multiple endpoints have been deprecated, only the first specified \
                         endpoint '{first}' is used"
                    );
                    cx.warn(property, &message);
                }
                self.access.endpoint = Some(first.to_owned());
            }
            "tls" => self.access.read_tls(property, cx)?,
            "kubeconfig" => self.access.read_kubeconfig(property)?,
            "apiserver_qps" => watched.options.qps = qps(property)?,
            "apiserver_burst" => watched.options.burst = count(property)?,
            "apiserver_max_inflight" => {
                watched.options.max_inflight = usize::try_from(count(property)?).unwrap_or(0);
            }
            "namespaces" => {
                property.args().required("a namespace")?;
                let names = property.args();
                let names = names.map(|name| name.text().to_ascii_lowercase().into_bytes());
                rules.namespaces.extend(names);
            }
            "namespace_labels" => {
                watched.namespace_labels = labels(property, "namespace_label selector")?;
            }
            "labels" => watched.labels = labels(property, "label selector")?,
            "pods" => rules.pods = pods(property)?,
            "endpoint_pod_names" => {
                property.no_args()?;
                watched.reading.pod_names = true;
            }
            "ttl" => rules.ttl = property.ttl()?,
            "noendpoints" => {
                property.no_args()?;
                watched.endpoints = false;
            }
            "fallthrough" => rules.fallthrough = property.fallthrough(),
            "ignore" => ignore(property, rules)?,
            "multicluster" => self.multicluster = property.args().zones(),
            "zonal" => {
                property.no_args()?;
                self.is_zonal = true;
            }
            "startup_timeout" => rules.startup_timeout = startup_timeout(property)?,
            _ => return Err(property.unknown()),
        }
        Ok(())
    }

    fn finish(mut self, line: &Line<'_>) -> Result<(Rules, Arc<Cluster>), SetupError> {
        let has_labels = line.properties().any(|p| p.name() == "namespace_labels");
        if has_labels && !self.rules.namespaces.is_empty() {
            let message = "namespaces and namespace_labels cannot both be set";
            return Err(line.parse_error(message));
        }
        if self.is_zonal && !self.watched.endpoints {
            let message = "zonal requires the endpoint cache; remove noendpoints";
            return Err(line.parse_error(message));
        }
        let names: Vec<Name> = self.rules.zones.iter().map(|z| z.name.clone()).collect();
        for zone in &self.multicluster {
            if !names.contains(zone) {
                let known: Vec<String> = names.iter().map(ToString::to_string).collect();
                return Err(line.parse_error(format_args!(
                    "is not authoritative for the multicluster zone {zone} (authoritative \
                     zones: [{}])",
                    known.join(" ")
                )));
            }
        }
        for zone in &mut self.rules.zones {
            zone.grammar = Grammar {
                multicluster: longest(&self.multicluster, zone.name.view()).is_some(),
                zonal: self.is_zonal,
            };
        }
        self.watched.imports = !self.multicluster.is_empty();
        self.watched.pods = self.rules.pods == Pods::Verified;
        self.watched.reading.zones = self.is_zonal;
        self.watched.access = self.access.finish(line)?;
        Ok((self.rules, Cluster::shared(self.watched)))
    }
}

fn qps(property: &Line<'_>) -> Result<f32, SetupError> {
    let arg = property.args().only("a number of requests a second")?;
    let text = arg.text();
    match text.parse::<f32>() {
        Ok(qps) if qps >= 0.0 => Ok(qps),
        Ok(_) => Err(property.parse_error("apiserver_qps must be >= 0")),
        Err(error) => {
            Err(property.parse_error(format_args!("invalid apiserver_qps {text:?}: {error}")))
        }
    }
}

fn count(property: &Line<'_>) -> Result<u32, SetupError> {
    let (name, arg) = (property.name(), property.args().only("a number")?);
    let text = arg.text();
    match text.parse::<i64>() {
        Ok(number) if number < 0 => Err(property.parse_error(format_args!("{name} must be >= 0"))),
        Ok(number) => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
        Err(error) => Err(property.parse_error(format_args!("invalid {name} {text:?}: {error}"))),
    }
}

/// Reads a label selector; `what` it selects is told when it is none.
pub fn labels(property: &Line<'_>, what: &str) -> Result<String, SetupError> {
    property.args().required("a label selector")?;
    let words: Vec<&str> = property.args().map(|arg| arg.text()).collect();
    let text = words.join(" ");
    match selector::check(&text) {
        Ok(()) => Ok(text),
        Err(selector::BadSelector(why)) => {
            let message = format!(
                "unable to parse {what} value: '{text}': couldn't parse the selector string \
                 \"{text}\": {why}"
            );
            Err(property.error(message))
        }
    }
}

fn pods(property: &Line<'_>) -> Result<Pods, SetupError> {
    let arg = property.args().only("disabled, insecure or verified")?;
    match arg.text() {
        "disabled" => Ok(Pods::Disabled),
        "insecure" => Ok(Pods::Insecure),
        "verified" => Ok(Pods::Verified),
        other => Err(arg.error(format_args!(
            "wrong value for pods: {other},  must be one of: disabled, verified, insecure"
        ))),
    }
}

fn ignore(property: &Line<'_>, rules: &mut Rules) -> Result<(), SetupError> {
    match property.args().next() {
        // CoreDNS takes it, and it means nothing.
        None => Ok(()),
        Some(arg) if arg.text() == "empty_service" => {
            rules.ignores_empty = true;
            Ok(())
        }
        Some(arg) => {
            let text = arg.text();
            Err(arg.error(format_args!("unable to parse ignore value: '{text}'")))
        }
    }
}

/// Reads `startup_timeout DURATION`.
pub fn startup_timeout(property: &Line<'_>) -> Result<Duration, SetupError> {
    let arg = property.args().required("a duration")?;
    let text = arg.text();
    duration::parse(text).ok_or_else(|| {
        let error = arg.error(format_args!(
            "failed to parse startup_timeout: {text}, time: invalid duration {text:?}"
        ));
        error.with_hint("a number with a unit is expected, such as 5s")
    })
}

/// The search path of this machine, which completes that of pods.
fn search_path() -> Vec<Name> {
    let Ok(text) = std::fs::read_to_string(RESOLV_CONF) else {
        return Vec::new();
    };
    let mut path = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            // The last such line counts.
            Some("search") => path = words.filter_map(|word| word.parse().ok()).collect(),
            Some("domain") => path = words.take(1).filter_map(|word| word.parse().ok()).collect(),
            _ => {}
        }
    }
    path
}
