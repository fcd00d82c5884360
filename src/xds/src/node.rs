//! Who we say we are: a workload beside a sidecar, the only kind that is told names.

use std::net::IpAddr;

use crate::proto::{Kind, Node as NodeMessage, Struct, Value};

/// The version of Istio whose agent we speak like.
const ISTIO_VERSION: &str = "1.32.0";

/// A workload, as control planes know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The namespace, which decides what is visible.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// Its addresses; their families decide which addresses of Services are told.
    pub addresses: Vec<IpAddr>,
    /// The cluster whose ClusterIPs are told.
    pub cluster: String,
    /// The cluster's domain, such as `cluster.local`.
    pub domain: String,
    /// The service account; empty if it need not match that of the token or certificate.
    pub service_account: String,
    /// The network; empty for that of the control plane.
    pub network: String,
    /// Labels, by which `Sidecar` resources select workloads.
    pub labels: Vec<(String, String)>,
    /// More metadata; replaces what would be said otherwise.
    pub metadata: Vec<(String, String)>,
}

impl Node {
    /// The message that says so.
    pub(crate) fn message(&self) -> NodeMessage {
        let texts: Vec<String> = self.addresses.iter().map(IpAddr::to_string).collect();
        let (namespace, name) = (&self.namespace, &self.name);
        let first = texts.first().map_or("127.0.0.1", String::as_str);
        let labels = self.labels.iter().map(|(name, value)| field(name, value));
        let labels = Struct {
            fields: labels.collect(),
        };
        let mut fields: Struct = Struct::default();
        let known = [
            ("CLUSTER_ID", self.cluster.as_str()),
            ("NAMESPACE", namespace),
            ("NAME", name),
            ("SERVICE_ACCOUNT", &self.service_account),
            ("NETWORK", &self.network),
            ("INSTANCE_IPS", &texts.join(",")),
            ("ISTIO_VERSION", ISTIO_VERSION),
            // Without these, automatic addresses are not told.
            ("DNS_CAPTURE", "true"),
            ("DNS_AUTO_ALLOCATE", "true"),
        ];
        let known = known.iter().filter(|(_, value)| !value.is_empty());
        fields
            .fields
            .extend(known.map(|(name, value)| field(name, value)));
        if !labels.fields.is_empty() {
            let kind = Some(Kind::Struct(labels));
            fields.fields.insert("LABELS".to_owned(), Value { kind });
        }
        let more = self.metadata.iter().map(|(name, value)| field(name, value));
        fields.fields.extend(more);
        NodeMessage {
            id: format!(
                "sidecar~{first}~{name}.{namespace}~{namespace}.svc.{}",
                self.domain
            ),
            metadata: Some(fields),
        }
    }
}

fn field(name: &str, value: &str) -> (String, Value) {
    let kind = Some(Kind::Text(value.to_owned()));
    (name.to_owned(), Value { kind })
}
