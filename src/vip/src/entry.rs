//! A ServiceEntry, as far as its automatic addresses go.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use catena_kube::{Id, JsonMetadata, or_default};
use serde::Deserialize;

/// The label that says whether an entry wants automatic addresses.
const LABEL: &str = "networking.istio.io/enable-autoallocate-ip";

/// An automatic address of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The host.
    pub host: Arc<str>,
    /// The address.
    pub address: IpAddr,
}

/// What matters of a ServiceEntry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which it is.
    pub id: Id,
    /// The version that was read.
    pub version: Box<str>,
    /// When it was made, in seconds of Unix time.
    pub created: i64,
    /// The hosts that are to have automatic addresses, each once.
    pub wanted: Vec<Arc<str>>,
    /// The addresses that somebody wrote into it.
    pub given: Vec<IpAddr>,
    /// The automatic addresses that its status holds.
    pub held: Vec<Held>,
    /// Whether the status lists anything, be it addresses or not.
    pub has_list: bool,
}

impl Entry {
    /// Reads an object in JSON; `None` if it makes no sense.
    pub fn read(bytes: &[u8]) -> Option<Entry> {
        let object: Object = serde_json::from_slice(bytes).ok()?;
        let (metadata, spec) = (object.metadata, object.spec.unwrap_or_default());
        let created = metadata.creation_timestamp.parse::<jiff::Timestamp>();
        let listed = object.status.unwrap_or_default().addresses;
        let held = listed.iter().filter_map(|address| {
            Some(Held {
                host: Arc::from(&*address.host),
                address: address.value.parse().ok()?,
            })
        });
        let given = spec.addresses.iter().filter_map(|text| plain(text));
        Some(Entry {
            id: Id::new(&metadata.namespace, &metadata.name)?,
            version: metadata.resource_version.into(),
            created: created.map_or(0, |time| time.as_second()),
            wanted: wanted(&spec, metadata.labels.get(LABEL).map(String::as_str)),
            given: given.collect(),
            held: held.collect(),
            has_list: !listed.is_empty(),
        })
    }
}

/// The hosts that are to have automatic addresses.
fn wanted(spec: &Spec, label: Option<&str>) -> Vec<Arc<str>> {
    let is_none = matches!(spec.resolution.as_deref(), None | Some("" | "NONE"));
    let is_off = label.is_some_and(|value| value.eq_ignore_ascii_case("false"));
    if is_none || is_off || !spec.addresses.is_empty() {
        return Vec::new();
    }
    let takes_wildcards = spec.resolution.as_deref() == Some("DYNAMIC_DNS");
    let mut seen = HashSet::new();
    let hosts = spec.hosts.iter();
    let hosts = hosts.filter(|host| takes_wildcards || !host.starts_with('*'));
    hosts
        .filter(|host| seen.insert(&**host))
        .map(|host| Arc::from(&**host))
        .collect()
}

/// An address that stands alone, or as a network of one.
fn plain(text: &str) -> Option<IpAddr> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let full = if address.is_ipv4() { "32" } else { "128" };
    length
        .is_none_or(|length| length == full)
        .then_some(address)
}

#[derive(Deserialize)]
struct Object {
    metadata: JsonMetadata,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    hosts: Vec<Box<str>>,
    #[serde(deserialize_with = "or_default")]
    addresses: Vec<Box<str>>,
    resolution: Option<Box<str>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    /// Missing, null and empty mean the same.
    #[serde(deserialize_with = "or_default")]
    addresses: Vec<Listed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listed {
    value: Box<str>,
    host: Box<str>,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::Entry;

    fn read(label: &str, spec: &str, status: &str) -> Entry {
        let text = format!(
            r#"{{"metadata": {{"namespace": "app", "name": "one", "resourceVersion": "7",
            "creationTimestamp": "1970-01-01T00:01:00Z", "labels": {label}}},
            "spec": {spec}, "status": {status}}}"#
        );
        Entry::read(text.as_bytes()).unwrap()
    }

    fn wanted(label: &str, spec: &str) -> Vec<String> {
        let entry = read(label, spec, "null");
        entry.wanted.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn hosts_want_addresses_unless_a_rule_is_against_it() {
        let hosts = r#""hosts": ["b.test", "*.w.test", "a.test", "b.test"]"#;
        let with = |more: &str| format!("{{{hosts}, {more}}}");
        let dns = with(r#""resolution": "DNS""#);
        assert_eq!(wanted("null", &dns), ["b.test", "a.test"]);
        assert_eq!(
            wanted("{}", &with(r#""resolution": "STATIC", "addresses": []"#)).len(),
            2
        );
        assert_eq!(
            wanted("null", &with(r#""resolution": "DYNAMIC_DNS""#)).len(),
            3
        );
        assert!(wanted("null", &with(r#""resolution": "NONE""#)).is_empty());
        assert!(wanted("null", &format!("{{{hosts}}}")).is_empty());
        let label = r#"{"networking.istio.io/enable-autoallocate-ip": "FALSE"}"#;
        assert!(wanted(label, &dns).is_empty());
        let given = with(r#""resolution": "DNS", "addresses": ["192.0.2.1"]"#);
        assert!(wanted("null", &given).is_empty());
    }

    #[test]
    fn missing_null_and_empty_lists_are_the_same() {
        let spec = r#"{"hosts": ["a.test"], "resolution": "DNS"}"#;
        for status in [
            "null",
            "{}",
            r#"{"addresses": null}"#,
            r#"{"addresses": []}"#,
        ] {
            let entry = read("null", spec, status);
            assert!(entry.held.is_empty() && !entry.has_list, "{status}");
        }
        let listed =
            r#"{"addresses": [{"value": "240.240.0.1", "host": "a.test"}, {"value": "x"}]}"#;
        let entry = read("null", spec, listed);
        assert_eq!(entry.held.len(), 1);
        assert!(entry.has_list);
        assert_eq!((entry.created, &*entry.version), (60, "7"));
    }

    #[test]
    fn networks_are_no_addresses_unless_they_are_of_one() {
        let spec = r#"{"addresses": ["192.0.2.1/32", "10.0.0.0/8", "2001:db8::1/128", "x"]}"#;
        let given = read("null", spec, "null").given;
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        assert_eq!(given, ["192.0.2.1", "2001:db8::1"]);
    }
}
