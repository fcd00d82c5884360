//! The table as it is told: its parts, and the rows of all of them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use prost::Message;

use crate::Error;
use crate::proto::{Any, NAME_TABLE, NameEntry, NameTable};

/// Rows that are taken of one table at most.
const ROWS_MAX: usize = 4_000_000;

/// A host and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// In lower case, without the last dot; may begin with `*.`.
    pub host: Box<str>,
    /// In the order told; at least one.
    pub addresses: Box<[IpAddr]>,
    /// Where it is known from.
    pub registry: Registry,
    /// More names of it.
    pub alt_hosts: Box<[Box<str>]>,
}

/// Where a host is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    /// A Service of Kubernetes, or a pod of one, which has short names too.
    Service,
    /// The same without short names, such as those of `clusterset.local`.
    PlainService,
    /// A ServiceEntry, or what else control planes know.
    Other,
}

/// The parts of a table by their names; today a table comes whole, in one part without a name.
#[derive(Debug, Default)]
pub(crate) struct Parts(BTreeMap<String, Arc<[Row]>>);

impl Parts {
    /// Sets one part.
    pub fn set(&mut self, name: String, rows: Arc<[Row]>) {
        self.0.insert(name, rows);
    }

    /// Takes one away.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The rows of all parts, sorted by host; the first part that has a host counts.
    pub fn rows(&self) -> Arc<[Row]> {
        let mut parts = self.0.values();
        let (first, second) = (parts.next(), parts.next());
        match (first, second) {
            (None, _) => Arc::default(),
            (Some(only), None) => Arc::clone(only),
            _ => {
                let rows = self.0.values().flat_map(|part| part.iter().cloned());
                sorted(rows.collect())
            }
        }
    }
}

/// The rows of one part, sorted by host.
pub(crate) fn read(part: &Any) -> Result<Arc<[Row]>, Error> {
    if part.type_url != NAME_TABLE {
        let text = format!("it is a {:?}", part.type_url);
        return Err(Error::Malformed(text));
    }
    let table = NameTable::decode(part.value.as_slice());
    let table = table.map_err(|error| Error::Malformed(error.to_string()))?;
    if table.table.len() > ROWS_MAX {
        return Err(Error::TooLarge(format!("{} rows", table.table.len())));
    }
    Ok(sorted(table.table.into_iter().filter_map(row).collect()))
}

fn sorted(mut rows: Vec<Row>) -> Arc<[Row]> {
    rows.sort_by(|one, other| one.host.cmp(&other.host));
    rows.dedup_by(|later, earlier| later.host == earlier.host);
    rows.into()
}

/// A row that says something: what is no address is left out, and a host without any.
fn row(entry: NameEntry) -> Option<Row> {
    let info = entry.info.unwrap_or_default();
    let is_service = info.registry == "Kubernetes";
    if is_service && entry.host.ends_with('.') {
        return None;
    }
    let host = host(&entry.host)?;
    let addresses = info.ips.iter().filter_map(|text| text.parse().ok());
    let addresses: Box<[IpAddr]> = addresses.collect();
    if addresses.is_empty() {
        return None;
    }
    let has_names = !info.shortname.is_empty() && !info.namespace.is_empty();
    Some(Row {
        host,
        addresses,
        registry: match (is_service, has_names) {
            (true, true) => Registry::Service,
            (true, false) => Registry::PlainService,
            (false, _) => Registry::Other,
        },
        alt_hosts: info
            .alt_hosts
            .iter()
            .filter_map(|text| self::host(text))
            .collect(),
    })
}

fn host(text: &str) -> Option<Box<str>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    (!text.is_empty()).then(|| text.to_ascii_lowercase().into())
}
