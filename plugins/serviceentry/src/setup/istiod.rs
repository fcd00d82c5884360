//! Reads which control planes are asked, and as whom.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use catena_dns::Name;
use catena_plugin::{Line, Setup, SetupError};
use catena_transport::upstream::TlsClientFiles;
use catena_xds::{ControlPlane, Guard, Node, Protocol, endpoint};

use crate::client::Workload;
use crate::planes::Asked;

/// Tables of fewer hosts may well become empty.
const GUARD: usize = 5;

/// Control planes that are being read.
pub(super) struct Istiod {
    places: Vec<String>,
    /// What `tls` names; `None` without it.
    tls: Option<TlsClientFiles>,
    server_name: Option<String>,
    token: Option<PathBuf>,
    protocol: Protocol,
    guard: Guard,
    cluster: String,
    network: String,
    pod: String,
    service_account: String,
}

impl Default for Istiod {
    fn default() -> Istiod {
        Istiod {
            places: Vec::new(),
            tls: None,
            server_name: None,
            token: None,
            protocol: Protocol::default(),
            guard: Guard::Below(GUARD),
            cluster: "Kubernetes".to_owned(),
            network: String::new(),
            pod: "catena".to_owned(),
            service_account: String::new(),
        }
    }
}

/// What is said about us by properties that are not about control planes.
pub(super) struct Us<'u> {
    pub workload: Option<&'u Workload>,
    pub addresses: &'u [IpAddr],
    pub domain: &'u Name,
    pub services: bool,
    pub takes_automatic: bool,
}

impl Istiod {
    /// Whether there are any.
    pub fn is_asked(&self) -> bool {
        !self.places.is_empty()
    }

    /// Reads a property that only control planes know.
    pub fn read(&mut self, property: &Line<'_>, cx: &Setup<'_>) -> Result<(), SetupError> {
        match property.name() {
            "istiod" => return self.read_places(property),
            "token" => {
                let arg = property.args().only("the file of a token")?;
                self.token = Some(cx.server.path(arg.text()));
            }
            "protocol" => {
                let arg = property.args().only("delta or sotw")?;
                self.protocol = match arg.text() {
                    "delta" => Protocol::Delta,
                    "sotw" => Protocol::StateOfTheWorld,
                    other => {
                        let error = arg.error(format_args!("protocol cannot be '{other}'"));
                        return Err(error.with_hint("it knows delta and sotw"));
                    }
                };
            }
            "empty_table" => {
                let arg = property.args().only("believe, or a number of hosts")?;
                self.guard = match arg.text() {
                    "believe" => Guard::Off,
                    _ => Guard::Below(arg.parse("a number of hosts")?),
                };
            }
            "tls_servername" => self.server_name = Some(word(property, "a name")?),
            "cluster" => self.cluster = word(property, "the ID of a cluster")?,
            "network" => self.network = word(property, "the ID of a network")?,
            "pod" => self.pod = word(property, "the name of a pod")?,
            "service_account" => {
                self.service_account = word(property, "the name of a service account")?;
            }
            _ => return Err(property.unknown()),
        }
        Ok(())
    }

    fn read_places(&mut self, property: &Line<'_>) -> Result<(), SetupError> {
        property.args().required("the address of a control plane")?;
        for arg in property.args() {
            let text = arg.text();
            let read = endpoint(text, false);
            read.map_err(|error| arg.error(format_args!("control plane '{text}': {error}")))?;
            self.places.push(text.to_owned());
        }
        Ok(())
    }

    /// Reads `tls [CERT KEY] [CA]`.
    pub fn read_tls(&mut self, property: &Line<'_>, cx: &Setup<'_>) -> Result<(), SetupError> {
        let args = property.args();
        if args.len() > 3 {
            return Err(property.error("tls takes no more than a certificate, a key and a CA"));
        }
        let files = args.map(|arg| cx.server.path(arg.text()));
        self.tls = Some(TlsClientFiles::listed(files));
        Ok(())
    }

    /// What is to be asked.
    pub fn finish(self, us: &Us<'_>, line: &Line<'_>) -> Result<Asked, SetupError> {
        let has_files = self.tls.is_some();
        let node = self.node(us);
        let planes = self.places.iter().map(|text| {
            let endpoint = endpoint(text, has_files).map_err(|error| line.error(error))?;
            let is_plain = !endpoint.wants_tls(has_files);
            if is_plain && self.token.is_some() {
                let text = format_args!("a token would be read by all on the way to {text}");
                return Err(line.error(text).with_hint("add tls"));
            }
            Ok(ControlPlane {
                endpoint,
                tls: (!is_plain).then(|| self.tls.clone().unwrap_or_default()),
                server_name: self.server_name.clone(),
                token: self.token.clone(),
                node: node.clone(),
                protocol: self.protocol,
            })
        });
        Ok(Asked {
            planes: planes.collect::<Result<_, SetupError>>()?,
            guard: self.guard,
            services: us.services,
        })
    }

    fn node(&self, us: &Us<'_>) -> Node {
        let text = |text: &str| text.to_owned();
        let workload = us.workload;
        let labels = workload.map_or(&[][..], |workload| &workload.labels);
        let labels = labels
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()));
        let capture = ("DNS_CAPTURE".to_owned(), us.takes_automatic.to_string());
        let domain = us.domain.to_string();
        Node {
            namespace: workload.map_or(text("default"), |workload| workload.namespace.to_string()),
            name: self.pod.clone(),
            addresses: match us.addresses {
                [] => vec![Ipv4Addr::LOCALHOST.into()],
                addresses => addresses.to_vec(),
            },
            cluster: self.cluster.clone(),
            domain: text(domain.trim_end_matches('.')),
            service_account: self.service_account.clone(),
            network: self.network.clone(),
            labels: labels.collect(),
            metadata: vec![capture],
        }
    }
}

fn word(property: &Line<'_>, what: &'static str) -> Result<String, SetupError> {
    Ok(property.args().only(what)?.text().to_owned())
}
