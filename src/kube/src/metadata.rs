//! What every object says of itself: which one it is, when it was made, labels and annotations.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::protobuf::{Fields, Value, entry};
use crate::{Encoding, Object};

/// The label of an endpoint slice that names its Service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl Id {
    /// The object `name` in `namespace`; `None` if it lacks one of them.
    pub fn new(namespace: &str, name: &str) -> Option<Id> {
        let is_whole = !namespace.is_empty() && !name.is_empty();
        is_whole.then(|| Id {
            namespace: namespace.into(),
            name: name.into(),
        })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Metadata in protobuf; labels and annotations are read when somebody asks for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metadata<'a> {
    /// The object's name; may be empty.
    pub name: &'a str,
    /// Its namespace; may be empty.
    pub namespace: &'a str,
    /// When it was made, in seconds of Unix time; 0 if it does not say.
    pub created: u64,
    /// Whether it is about to end.
    pub is_ending: bool,
    message: &'a [u8],
}

impl<'a> Metadata<'a> {
    /// The metadata of an object in protobuf; `None` if it has none.
    pub fn of(object: &'a [u8]) -> Option<Metadata<'a>> {
        let message = Fields::new(object).find_value(1)?.bytes();
        let mut metadata = Metadata {
            message,
            ..Metadata::default()
        };
        for (number, value) in Fields::new(message) {
            match number {
                1 => metadata.name = value.text(),
                3 => metadata.namespace = value.text(),
                8 => metadata.created = value.field(1).map_or(0, Value::number),
                9 => metadata.is_ending = true,
                _ => {}
            }
        }
        Some(metadata)
    }

    /// Its labels.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        entries(self.message, 11)
    }

    /// The value of the label `key`; empty if there is none.
    pub fn label(&self, key: &str) -> &'a str {
        value_of(self.labels(), key).unwrap_or("")
    }

    /// The value of the annotation `key`.
    pub fn annotation(&self, key: &str) -> Option<&'a str> {
        value_of(entries(self.message, 12), key)
    }
}

fn entries(message: &[u8], map: u64) -> impl Iterator<Item = (&str, &str)> {
    let entries = Fields::new(message).filter(move |(number, _)| *number == map);
    entries.map(|(_, value)| entry(value.bytes()))
}

fn value_of<'a>(
    mut entries: impl Iterator<Item = (&'a str, &'a str)>,
    key: &str,
) -> Option<&'a str> {
    entries
        .find(|(known, _)| *known == key)
        .map(|(_, value)| value)
}

/// Metadata in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JsonMetadata {
    /// The object's namespace; may be empty.
    pub namespace: String,
    /// Its name; may be empty.
    pub name: String,
    /// The version that was read.
    pub resource_version: String,
    /// When it was made, as RFC 3339 text; empty if it does not say.
    #[serde(deserialize_with = "or_default")]
    pub creation_timestamp: String,
    /// Its labels.
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
}

/// Takes null for what is missing.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Object<'_> {
    /// What `new` makes of namespace and name, for objects of which nothing else matters.
    pub fn id<T>(&self, new: impl FnOnce(&str, &str) -> Option<T>) -> Option<T> {
        #[derive(Deserialize)]
        struct Named {
            metadata: JsonMetadata,
        }
        match self.encoding {
            Encoding::Json => {
                let named: Named = serde_json::from_slice(self.bytes).ok()?;
                new(&named.metadata.namespace, &named.metadata.name)
            }
            Encoding::Protobuf => {
                let metadata = Metadata::of(self.bytes)?;
                new(metadata.namespace, metadata.name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Id, Metadata};
    use crate::{Encoding, Object};

    /// A pod `web` in `shop`, made at 60, about to end, with a label and an annotation.
    const POD: &[u8] = b"\x0a\x21\x0a\x03web\x1a\x04shop\x42\x02\x08\x3c\x4a\x00\
        \x5a\x06\x0a\x01a\x12\x01b\x62\x06\x0a\x01c\x12\x01d";

    #[test]
    fn metadata_tell_which_object_it_is_and_more_on_request() {
        let pod = Metadata::of(POD).unwrap_or_default();
        assert_eq!((pod.namespace, pod.name), ("shop", "web"));
        assert_eq!((pod.created, pod.is_ending), (60, true));
        assert_eq!(pod.labels().collect::<Vec<_>>(), [("a", "b")]);
        assert_eq!((pod.label("a"), pod.label("c")), ("b", ""));
        assert_eq!(
            (pod.annotation("a"), pod.annotation("c")),
            (None, Some("d"))
        );
        assert!(Metadata::of(b"\x12\x00").is_none());
    }

    #[test]
    fn an_object_is_known_by_its_id_in_both_encodings() {
        let json = br#"{"metadata": {"namespace": "shop", "name": "web", "labels": null}}"#;
        for (encoding, bytes) in [(Encoding::Protobuf, POD), (Encoding::Json, json)] {
            assert_eq!(
                Object { encoding, bytes }.id(Id::new),
                Id::new("shop", "web")
            );
        }
        let nameless = Object {
            encoding: Encoding::Json,
            bytes: br#"{"metadata": {"namespace": "shop"}}"#,
        };
        assert_eq!(nameless.id(Id::new), None);
    }
}
