//! Metadata: what a query means, and whose pod it comes from.

use std::sync::Arc;

use catena_plugin::Query;

use super::{Names, Pods};
use crate::object::Pod;
use crate::question::{Asked, Path, parse};

/// The labels, without the beginning that all have.
pub const METADATA: &[&str] = &[
    "kubernetes/endpoint",
    "kubernetes/kind",
    "kubernetes/namespace",
    "kubernetes/port-name",
    "kubernetes/protocol",
    "kubernetes/service",
    "kubernetes/cluster",
    "kubernetes/zone",
    "kubernetes/parse-error",
    "kubernetes/client-namespace",
    "kubernetes/client-pod-name",
    "kubernetes/client-label/",
];

impl Names {
    pub(super) fn metadata(&self, label: &str, query: &Query<'_>) -> Option<String> {
        let label = label.strip_prefix("kubernetes/")?;
        if let Some(asked) = label.strip_prefix("client-") {
            let pod = self.client_pod(query)?;
            return match asked {
                "namespace" => Some(pod.namespace.to_string()),
                "pod-name" => Some(pod.name.to_string()),
                _ => {
                    let key = asked.strip_prefix("label/")?;
                    let mut labels = pod.labels.iter();
                    let (_, value) = labels.find(|(known, _)| **known == *key)?;
                    Some(value.to_string())
                }
            };
        }
        let zone = self.zone(query.name())?;
        let text = |octets: &[u8]| Some(String::from_utf8_lossy(octets).into_owned());
        let (path, kind) = match parse(query.name(), zone.name.view(), zone.grammar) {
            Asked::Invalid if label == "parse-error" => {
                return Some("invalid query name".to_owned());
            }
            Asked::Invalid => return None,
            Asked::Nothing => (Path::default(), ""),
            Asked::Name(path) => {
                let kind = path.kind.name();
                (path, kind)
            }
        };
        match label {
            "kind" => Some(kind.to_owned()),
            "namespace" => text(path.namespace),
            "service" => text(path.service),
            "endpoint" => text(path.endpoint),
            "port-name" => text(path.port),
            "protocol" => text(path.protocol),
            "cluster" if zone.grammar.multicluster => text(path.cluster),
            "zone" if zone.grammar.zonal => {
                text(path.topology.as_ref().map_or(&[][..], |t| &t.zone))
            }
            _ => None,
        }
    }

    /// The pod that the query comes from, as far as its address tells.
    pub(super) fn client_pod(&self, query: &Query<'_>) -> Option<Arc<Pod>> {
        if self.rules.pods != Pods::Verified {
            return None;
        }
        let address = query.client().ip().to_canonical();
        let mut first = None;
        self.cluster.store.pods_at(address, |pod| {
            first.get_or_insert_with(|| Arc::clone(pod));
        });
        first
    }
}
