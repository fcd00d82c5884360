//! What a server puts around objects: events, lists, and its own `Status`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protobuf::Fields;
use crate::{Encoding, Metadata};

/// What every protobuf object begins with.
const MAGIC: &[u8] = b"k8s\0";
/// The annotation of the bookmark that ends a list sent as events.
const LIST_END: &str = "k8s.io/initial-events-end";

/// An object as the server encoded it.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// How.
    pub encoding: Encoding,
    /// The octets: a JSON object, or a protobuf message without its envelope.
    pub bytes: &'a [u8],
}

/// One event of a watch.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The object is new or has changed.
    Applied(Object<'a>),
    /// The object is gone; this is its last state.
    Deleted(Object<'a>),
    /// Nothing happened up to this version.
    Bookmark { version: String, ends_list: bool },
    /// The watch ends; the server says why.
    Failed(Status),
}

/// Why a server refuses.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Status {
    pub message: String,
    pub reason: String,
    pub code: u16,
}

/// A page of a list.
#[derive(Debug, Default)]
pub(crate) struct Page<'a> {
    pub version: String,
    /// Where the next page begins; empty at the last.
    pub next: String,
    pub items: Vec<Object<'a>>,
}

/// Reads one event; `None` for what is none.
pub(crate) fn event(frame: &[u8], encoding: Encoding) -> Option<Event<'_>> {
    let (kind, bytes) = match encoding {
        Encoding::Json => {
            let event: JsonEvent<'_> = serde_json::from_slice(frame).ok()?;
            (event.kind, event.object.get().as_bytes())
        }
        Encoding::Protobuf => {
            let (mut kind, mut object) = ("", &[][..]);
            let mut fields = Fields::new(frame);
            for (number, value) in fields.by_ref() {
                match number {
                    1 => kind = value.text(),
                    2 => object = value.field(1)?.bytes(),
                    _ => {}
                }
            }
            if !fields.is_whole() {
                return None;
            }
            (kind, unwrap(object)?)
        }
    };
    let object = Object { encoding, bytes };
    Some(match kind {
        "ADDED" | "MODIFIED" => Event::Applied(object),
        "DELETED" => Event::Deleted(object),
        "BOOKMARK" => bookmark(&object),
        "ERROR" => Event::Failed(Status::of(&object)),
        _ => return None,
    })
}

/// Takes a protobuf object out of its envelope.
fn unwrap(bytes: &[u8]) -> Option<&[u8]> {
    let unknown = bytes.strip_prefix(MAGIC)?;
    Some(Fields::new(unknown).find_value(2)?.bytes())
}

/// Reads a page of a list.
pub(crate) fn page(body: &[u8], encoding: Encoding) -> Option<Page<'_>> {
    match encoding {
        Encoding::Json => {
            let list: JsonList<'_> = serde_json::from_slice(body).ok()?;
            let items = list.items.into_iter().map(|item| Object {
                encoding,
                bytes: item.get().as_bytes(),
            });
            Some(Page {
                version: list.metadata.resource_version,
                next: list.metadata.next,
                items: items.collect(),
            })
        }
        Encoding::Protobuf => {
            let mut page = Page::default();
            let mut fields = Fields::new(unwrap(body)?);
            for (number, value) in fields.by_ref() {
                match number {
                    1 => {
                        for (number, value) in Fields::new(value.bytes()) {
                            match number {
                                2 => value.text().clone_into(&mut page.version),
                                3 => value.text().clone_into(&mut page.next),
                                _ => {}
                            }
                        }
                    }
                    2 => page.items.push(Object {
                        encoding,
                        bytes: value.bytes(),
                    }),
                    _ => {}
                }
            }
            fields.is_whole().then_some(page)
        }
    }
}

impl Object<'_> {
    /// Whether it is encoded as the API server's own kinds are.
    pub fn is_protobuf(&self) -> bool {
        self.encoding == Encoding::Protobuf
    }

    /// Writes the object's version to `out`; leaves it if the object has none.
    pub(crate) fn version(&self, out: &mut String) {
        match self.encoding {
            Encoding::Json => {
                if let Ok(object) = serde_json::from_slice::<JsonObject>(self.bytes) {
                    *out = object.metadata.resource_version;
                }
            }
            Encoding::Protobuf => {
                let metadata = Fields::new(self.bytes).find_value(1);
                if let Some(version) = metadata.and_then(|metadata| metadata.field(6)) {
                    out.clear();
                    out.push_str(version.text());
                }
            }
        }
    }
}

fn bookmark<'a>(object: &Object<'_>) -> Event<'a> {
    let mut version = String::new();
    object.version(&mut version);
    let ends_list = match object.encoding {
        Encoding::Json => serde_json::from_slice::<JsonObject>(object.bytes)
            .is_ok_and(|object| object.metadata.annotations.list_end == "true"),
        Encoding::Protobuf => Metadata::of(object.bytes)
            .is_some_and(|metadata| metadata.annotation(LIST_END) == Some("true")),
    };
    Event::Bookmark { version, ends_list }
}

impl Status {
    fn of(object: &Object<'_>) -> Status {
        match object.encoding {
            Encoding::Json => serde_json::from_slice(object.bytes).unwrap_or_default(),
            Encoding::Protobuf => {
                let mut status = Status::default();
                for (number, value) in Fields::new(object.bytes) {
                    match number {
                        3 => value.text().clone_into(&mut status.message),
                        5 => value.text().clone_into(&mut status.reason),
                        6 => status.code = u16::try_from(value.number()).unwrap_or(0),
                        _ => {}
                    }
                }
                status
            }
        }
    }

    /// Reads the body of a refusal.
    pub(crate) fn of_body(body: &[u8], encoding: Encoding) -> Status {
        let bytes = match encoding {
            Encoding::Json => Some(body),
            Encoding::Protobuf => unwrap(body),
        };
        bytes.map_or_else(Status::default, |bytes| {
            Status::of(&Object { encoding, bytes })
        })
    }
}

#[derive(Deserialize)]
struct JsonEvent<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct JsonList<'a> {
    #[serde(default)]
    metadata: JsonMeta,
    #[serde(borrow, default)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct JsonObject {
    #[serde(default)]
    metadata: JsonMeta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonMeta {
    #[serde(rename = "resourceVersion")]
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
    annotations: JsonAnnotations,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonAnnotations {
    #[serde(rename = "k8s.io/initial-events-end")]
    list_end: String,
}

#[cfg(test)]
mod tests;
