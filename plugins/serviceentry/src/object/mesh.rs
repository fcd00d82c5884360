//! Reads the configuration of a mesh, as far as it decides who sees what.

use std::sync::Arc;

use catena_kube::protobuf::{Fields, entry};
use catena_kube::{Id, Metadata};
use catena_mesh::Exports;
use serde::Deserialize;

use super::exports;

/// The part of the ConfigMap that is the configuration.
const KEY: &str = "mesh";

/// Who may see what does not say who may see it, as `exportTo` has it; all if nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DefaultExports(Box<[String]>);

impl DefaultExports {
    /// The one that says just this.
    pub fn new(name: &str) -> DefaultExports {
        DefaultExports([name.to_owned()].into())
    }

    /// Who may see what is in `namespace`.
    pub fn of(&self, namespace: &Arc<str>) -> Exports {
        let names = self.0.iter().map(String::as_str);
        exports(names, namespace).unwrap_or(Exports::All)
    }
}

/// Where a configuration is, and what it says; `None` if that makes no sense.
pub(crate) type ReadMesh = (Id, Option<DefaultExports>);

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Raw {
    #[serde(alias = "default_service_export_to")]
    default_service_export_to: Option<Box<[String]>>,
}

/// Reads a `v1.ConfigMap` with the configuration of a mesh.
pub(crate) fn read_mesh(message: &[u8]) -> Option<ReadMesh> {
    let meta = Metadata::of(message)?;
    let id = Id::new(meta.namespace, meta.name)?;
    let data = Fields::new(message).filter(|(number, _)| *number == 2);
    let mut parts = data.map(|(_, value)| entry(value.bytes()));
    let text = parts.find(|(key, _)| *key == KEY);
    let text = text.map_or("", |(_, text)| text);
    let raw = match text.trim().is_empty() {
        true => Ok(None),
        false => serde_saphyr::from_str::<Option<Raw>>(text),
    };
    let said = raw.ok().map(|raw| {
        let raw = raw.unwrap_or_default();
        DefaultExports(raw.default_service_export_to.unwrap_or_default())
    });
    Some((id, said))
}
