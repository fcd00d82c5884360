//! The recordings of Istio in `tests/istio/corpus`; the README there says what they hold.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What was recorded of one set of objects and its changes.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The name of its folder.
    pub name: String,
    folder: PathBuf,
}

/// A response of a control plane.
#[derive(Clone, Debug)]
pub struct Response {
    /// The phase that it came in.
    pub phase: String,
    /// The message.
    pub octets: Vec<u8>,
}

impl Recording {
    /// All of them, by name.
    pub fn all() -> Vec<Recording> {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/istio/corpus");
        let folders = std::fs::read_dir(corpus).unwrap().map(|entry| {
            let folder = entry.unwrap().path();
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            Recording { name, folder }
        });
        let mut found: Vec<_> = folders.filter(|found| found.folder.is_dir()).collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }

    /// The file `stem.json`; null if there is none.
    pub fn json(&self, stem: &str) -> Value {
        let path = self.folder.join(stem).with_extension("json");
        let file = std::fs::read(path);
        file.map_or(Value::Null, |file| serde_json::from_slice(&file).unwrap())
    }

    /// The names of the phases, in order.
    pub fn phases(&self) -> Vec<String> {
        texts(self.json("scenario").get("phases").unwrap())
    }

    /// Who asked, with the responses that each got in a stream: `xds-sotw` or `xds-delta`.
    pub fn responses(&self, stem: &str) -> Vec<(String, Vec<Response>)> {
        let file = self.json(stem);
        let viewers = file.get("viewers").unwrap().as_array().unwrap();
        let of = |viewer: &Value| {
            let all = viewer.get("responses").unwrap().as_array().unwrap();
            (text(viewer, "viewer"), all.iter().map(response).collect())
        };
        viewers.iter().map(of).collect()
    }

    /// The table that `viewer` was told last in or before `phase`.
    pub fn table(&self, viewer: &str, phase: &str) -> Value {
        let file = self.json("nametable");
        let viewers = file.get("viewers").unwrap().as_array().unwrap();
        let mut viewers = viewers.iter();
        let viewer = viewers
            .find(|found| text(found, "viewer") == viewer)
            .unwrap();
        let mut phases = viewer.get("phases").unwrap().as_array().unwrap().iter();
        let phase = phases.find(|found| text(found, "phase") == phase).unwrap();
        phase.get("table").unwrap().clone()
    }
}

fn response(value: &Value) -> Response {
    Response {
        phase: text(value, "phase"),
        octets: STANDARD.decode(text(value, "bytes_base64")).unwrap(),
    }
}

/// The text `name` of `value`.
pub fn text(value: &Value, name: &str) -> String {
    value.get(name).unwrap().as_str().unwrap().to_owned()
}

/// The texts of a list.
pub fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}
