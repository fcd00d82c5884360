//! Manifests, put into an API server and taken out of it.

use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Map, Value};

use crate::kube::{Api, await_that};

const ISTIO: &str = "/apis/networking.istio.io/v1";
const CRDS: &str = include_str!("../istio/crds.yaml");

/// The documents of a manifest as JSON.
pub fn documents(text: &str) -> Vec<Value> {
    let documents = Yaml::load_from_str(text).unwrap();
    let values = documents.iter().map(json);
    values.filter(|value| !value.is_null()).collect()
}

fn json(yaml: &Yaml<'_>) -> Value {
    if let Some(mapping) = yaml.as_mapping() {
        let mut object = Map::new();
        for (key, value) in mapping {
            match key.as_str().unwrap() {
                "<<" => {
                    for (key, value) in json(value).as_object().unwrap() {
                        object.entry(key.clone()).or_insert_with(|| value.clone());
                    }
                }
                key => {
                    object.insert(key.to_owned(), json(value));
                }
            }
        }
        return Value::Object(object);
    }
    if let Some(list) = yaml.as_sequence() {
        return list.iter().map(json).collect();
    }
    if let Some(text) = yaml.as_str() {
        return text.into();
    }
    if let Some(number) = yaml.as_integer() {
        return number.into();
    }
    yaml.as_bool().map_or(Value::Null, Value::Bool)
}

/// The path of an object of a manifest.
pub fn path(object: &Value) -> String {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let (group, plural) = match object["kind"].as_str().unwrap() {
        "Namespace" => return format!("/api/v1/namespaces/{name}"),
        "CustomResourceDefinition" => {
            return format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
        }
        "Service" => ("/api/v1", "services"),
        "Pod" => ("/api/v1", "pods"),
        "ConfigMap" => ("/api/v1", "configmaps"),
        "EndpointSlice" => ("/apis/discovery.k8s.io/v1", "endpointslices"),
        "ServiceEntry" => (ISTIO, "serviceentries"),
        "WorkloadEntry" => (ISTIO, "workloadentries"),
        "Sidecar" => (ISTIO, "sidecars"),
        kind => unreachable!("no path for {kind}"),
    };
    format!("{group}/namespaces/{namespace}/{plural}/{name}")
}

/// Creates an object, or makes it what the manifest says.
pub fn apply(api: &Api, object: &Value) {
    let path = format!("{}?fieldManager=test&force=true", path(object));
    let body = object.to_string();
    let status = api.call_with("PATCH", &path, ("application/apply-patch+yaml", &body));
    assert!(matches!(status, 200 | 201), "{status}: {body}");
}

pub fn delete(api: &Api, object: &Value) {
    assert_eq!(api.call("DELETE", &path(object), ""), 200, "{object}");
}

/// Makes the status of a ServiceEntry what was recorded of it.
pub fn set_status(api: &Api, namespace: &str, name: &str, status: &Value) {
    let path = format!("{ISTIO}/namespaces/{namespace}/serviceentries/{name}/status");
    // What is null is taken away.
    let body = serde_json::json!({ "status": status }).to_string();
    let code = api.call_with("PATCH", &path, ("application/merge-patch+json", &body));
    assert_eq!(code, 200, "{namespace}/{name}");
}

/// Defines Istio's kinds.
pub fn define(api: &Api) {
    for definition in documents(CRDS) {
        apply(api, &definition);
    }
    for plural in ["serviceentries", "sidecars", "workloadentries"] {
        let path = format!("{ISTIO}/{plural}");
        await_that("the kind is served", || api.call("GET", &path, "") == 200);
    }
}
