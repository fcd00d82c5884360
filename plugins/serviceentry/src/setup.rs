//! Reads the directive.

mod istiod;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use catena_cluster::setup::{labels, startup_timeout};
use catena_dns::Name;
use catena_http::Address;
use catena_kube::AccessReading;
use catena_mesh::Families;
use catena_plugin::zones::Fallthrough;
use catena_plugin::{Line, Setup, SetupError};

use crate::answer::{Order, Style};
use crate::client::{Clients, Sight, Workload, search_domains};
use crate::cluster::{Cluster, LegacyDefault, Making, Watched};
use crate::object::DefaultExports;
use crate::planes::Planes;
use crate::serve::{Rules, ServiceEntries, Stage};
use crate::source::Source;
use crate::strict;

use istiod::{Istiod, Us};

/// The properties.
pub(crate) const PROPERTIES: &[&str] = &[
    "endpoint",
    "tls",
    "kubeconfig",
    "labels",
    "services",
    "clients",
    "workload",
    "addresses",
    "search",
    "cluster_domain",
    "root_namespace",
    "export_to",
    "automatic",
    "dual_stack",
    "ttl",
    "order",
    "fallthrough",
    "unsynced",
    "why",
    "strict_compat",
    "startup_timeout",
    "istiod",
    "tls_servername",
    "token",
    "protocol",
    "empty_table",
    "cluster",
    "network",
    "pod",
    "service_account",
];

const TTL: u32 = 30;
const STARTUP_TIMEOUT: Duration = Duration::from_secs(5);
const ROOT_NAMESPACE: &str = "istio-system";
const CLUSTER_DOMAIN: &str = "cluster.local.";

/// A directive that is being read.
struct Reading {
    access: AccessReading,
    istiod: Istiod,
    labels: String,
    exports: Option<DefaultExports>,
    is_hashed: bool,
    legacy: Option<LegacyDefault>,
    sight: Sight,
    workload: Option<Workload>,
    addresses: Vec<IpAddr>,
    ttl: Option<u32>,
    style: Style,
    fallthrough: Fallthrough,
    passes_unsynced: bool,
    startup_timeout: Duration,
    why: Option<Address>,
}

pub(crate) fn setup(cx: &mut Setup<'_>) -> Result<(), SetupError> {
    let line = cx.only()?;
    let zones = cx.zones_or_server(&mut line.args());
    let mut reading = Reading::new();
    let asks_planes = line.properties().any(|line| line.name() == "istiod");
    for property in line.properties() {
        match property.name() {
            "tls" if asks_planes => reading.istiod.read_tls(&property, cx)?,
            _ => reading.read(&property, cx)?,
        }
    }
    let (rules, source) = reading.finish(&line)?;
    let entries = ServiceEntries::new(zones, rules, source);
    cx.add_stage(Stage(Arc::new(entries)));
    Ok(())
}

impl Reading {
    fn new() -> Reading {
        Reading {
            access: AccessReading::default(),
            istiod: Istiod::default(),
            labels: String::new(),
            exports: None,
            is_hashed: false,
            legacy: None,
            sight: Sight {
                clients: Clients::Anybody,
                search: None,
                own_search: Arc::new([]),
                domain: CLUSTER_DOMAIN.parse().unwrap_or_else(|_| Name::root()),
                services: false,
                root: ROOT_NAMESPACE.into(),
                is_dual_stack: false,
                takes_automatic: true,
            },
            workload: None,
            addresses: Vec::new(),
            ttl: None,
            style: Style {
                ttl: TTL,
                order: Order::Given,
            },
            fallthrough: Fallthrough::Never,
            passes_unsynced: false,
            startup_timeout: STARTUP_TIMEOUT,
            why: None,
        }
    }

    fn read(&mut self, property: &Line<'_>, cx: &Setup<'_>) -> Result<(), SetupError> {
        match property.name() {
            "endpoint" => self.access.read_endpoint(property)?,
            "tls" => self.access.read_tls(property, cx)?,
            "kubeconfig" => self.access.read_kubeconfig(property)?,
            "labels" => self.labels = labels(property, "label selector")?,
            "ttl" => self.ttl = Some(property.ttl()?),
            "order" => self.style.order = order(property)?,
            "fallthrough" => self.fallthrough = property.fallthrough(),
            "unsynced" => {
                word(property, "pass")?;
                self.passes_unsynced = true;
            }
            "why" => {
                self.why = Some(property.args().only("the address to listen on")?.read()?);
            }
            "startup_timeout" => self.startup_timeout = startup_timeout(property)?,
            "clients" => {
                word(property, "pods")?;
                self.sight.clients = Clients::Pods;
            }
            "workload" => self.workload = Some(workload(property)?),
            "addresses" => {
                property.args().required("an address")?;
                for arg in property.args() {
                    self.addresses.push(arg.parse("an address")?);
                }
            }
            _ => return self.read_mesh(property, cx),
        }
        Ok(())
    }

    /// What is a matter of the mesh.
    fn read_mesh(&mut self, property: &Line<'_>, cx: &Setup<'_>) -> Result<(), SetupError> {
        match property.name() {
            "services" => {
                property.no_args()?;
                self.sight.services = true;
            }
            "search" => {
                property.args().required("a search domain, or off")?;
                let is_off = property.args().map(|arg| arg.text()).eq(["off"]);
                let domains = match is_off {
                    true => Vec::new(),
                    false => property.args().zones(),
                };
                self.sight.search = Some(domains.into());
            }
            "cluster_domain" => {
                let domain: Name = property.args().only("a domain")?.parse("a domain")?;
                self.sight.domain = domain.view().to_lower();
            }
            "root_namespace" => {
                let arg = property.args().only("a namespace")?;
                self.sight.root = arg.text().into();
            }
            "strict_compat" => {
                let mut args = property.args();
                let default = args.next().map(|arg| arg.parse("an IPv4 address"));
                args.finish()?;
                let default: Option<Ipv4Addr> = default.transpose()?;
                self.legacy = Some(LegacyDefault(default.map(IpAddr::V4)));
            }
            "export_to" => {
                let arg = property.args().only("*, . or ~")?;
                self.exports = match arg.text() {
                    name @ ("*" | "." | "~") => Some(DefaultExports::new(name)),
                    other => return Err(arg.error(format_args!("nobody is meant by '{other}'"))),
                };
            }
            "automatic" => {
                let arg = property.args().only("status, hash or off")?;
                let (takes, hashes) = match arg.text() {
                    "status" => (true, false),
                    "hash" => (true, true),
                    "off" => (false, false),
                    other => {
                        let error = arg.error(format_args!("no automatic addresses '{other}'"));
                        return Err(error.with_hint("it knows status, hash and off"));
                    }
                };
                (self.sight.takes_automatic, self.is_hashed) = (takes, hashes);
            }
            "dual_stack" => {
                property.no_args()?;
                self.sight.is_dual_stack = true;
            }
            _ => return self.istiod.read(property, cx),
        }
        Ok(())
    }

    fn finish(mut self, line: &Line<'_>) -> Result<(Rules, Source), SetupError> {
        let source = match self.istiod.is_asked() {
            true => Source::Planes(self.planes(line)?),
            false => Source::Cluster(self.cluster(line)?),
        };
        if let Some(mut workload) = self.workload.take() {
            if self.sight.clients == Clients::Pods {
                return Err(line.error("clients are pods, or one workload, not both"));
            }
            let has = |wanted: fn(&IpAddr) -> bool| self.addresses.iter().any(wanted);
            workload.families = Families::of(has(IpAddr::is_ipv4), has(IpAddr::is_ipv6));
            self.sight.own_search = search_domains(&workload.namespace, &self.sight.domain);
            self.sight.clients = Clients::Workload(workload);
        } else if !self.addresses.is_empty() {
            return Err(line.error("addresses are those of a workload, and there is none"));
        }
        self.style.ttl = match (self.ttl, self.legacy) {
            (Some(ttl), _) => ttl,
            (None, Some(_)) => strict::TTL,
            (None, None) => TTL,
        };
        let rules = Rules {
            style: self.style,
            fallthrough: self.fallthrough,
            sight: self.sight,
            passes_unsynced: self.passes_unsynced,
            is_strict: self.legacy.is_some(),
            startup_timeout: self.startup_timeout,
            why: self.why,
        };
        Ok((rules, source))
    }

    fn planes(&mut self, line: &Line<'_>) -> Result<Arc<Planes>, SetupError> {
        if self.access != AccessReading::default() {
            return Err(line.error("an API server is asked, or control planes, not both"));
        }
        if self.sight.clients == Clients::Pods {
            return Err(line.error("control planes tell what one workload sees, not all pods"));
        }
        let us = Us {
            workload: self.workload.as_ref(),
            addresses: &self.addresses,
            domain: &self.sight.domain,
            services: self.sight.services,
            takes_automatic: self.sight.takes_automatic,
        };
        let istiod = std::mem::take(&mut self.istiod);
        Ok(Planes::shared(istiod.finish(&us, line)?))
    }

    fn cluster(&mut self, line: &Line<'_>) -> Result<Arc<Cluster>, SetupError> {
        let access = std::mem::take(&mut self.access).finish(line)?;
        Ok(Cluster::shared(Watched {
            access,
            labels: std::mem::take(&mut self.labels),
            services: self.sight.services,
            pods: self.sight.clients == Clients::Pods,
            making: Making {
                domain: self.sight.domain.clone(),
                // The older plugin exports all to all.
                exports: match self.legacy {
                    Some(_) => Some(DefaultExports::default()),
                    None => self.exports.take(),
                },
                root: self.sight.root.clone(),
                is_hashed: self.is_hashed,
                legacy: self.legacy,
            },
        }))
    }
}

/// Reads a property that knows one word.
fn word(property: &Line<'_>, known: &str) -> Result<(), SetupError> {
    let arg = property.args().only(known)?;
    match arg.text() == known {
        true => Ok(()),
        false => {
            let error = arg.error(format_args!(
                "{} cannot be '{}'",
                property.name(),
                arg.text()
            ));
            Err(error.with_hint(format!("it knows {known}")))
        }
    }
}

fn order(property: &Line<'_>) -> Result<Order, SetupError> {
    let arg = property.args().only("given, random or sorted")?;
    match arg.text() {
        "given" => Ok(Order::Given),
        "random" => Ok(Order::Random),
        "sorted" => Ok(Order::Sorted),
        other => {
            let error = arg.error(format_args!("order cannot be '{other}'"));
            Err(error.with_hint("it knows given, random and sorted"))
        }
    }
}

/// Reads `workload NAMESPACE [KEY=VALUE...]`.
fn workload(property: &Line<'_>) -> Result<Workload, SetupError> {
    let mut args = property.args();
    let namespace = args.required("the workload's namespace")?.text().into();
    let mut labels = Vec::new();
    for arg in args {
        let Some((key, value)) = arg.text().split_once('=') else {
            return Err(arg.error(format_args!("label '{}' is not KEY=VALUE", arg.text())));
        };
        labels.push((key.into(), value.into()));
    }
    Ok(Workload {
        namespace,
        labels: labels.into(),
        families: Families::All,
    })
}
