//! Names behind the REST interface of `dynapi`, one request a name.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use catena_dns::{Name, NameRef};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde::{Deserialize, Serialize};

use super::web::Web;
use super::{Found, PlaceError};
use crate::entry::{Entries, Entry};

/// Names on a page of a list.
const PAGE: usize = 1000;
/// The longest page.
const PAGE_MAX: usize = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Dynapi {
    web: Web,
    /// The URL above `/v1`.
    url: String,
}

#[derive(Serialize)]
struct Changes<'a> {
    changes: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    op: &'static str,
    name: &'a str,
    #[serde(rename = "type")]
    rtype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<IpAddr>,
}

#[derive(Deserialize)]
struct Listed {
    records: Vec<Set>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Set {
    name: String,
    ttl: u32,
    #[serde(default)]
    addresses: Vec<String>,
}

const FAMILIES: [&str; 2] = ["A", "AAAA"];

impl Dynapi {
    pub fn new(url: &str, web: Web) -> Dynapi {
        let url = url.trim_end_matches('/').to_owned();
        Dynapi { web, url }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// All addresses in `zones`.
    pub async fn read(&self, zones: &HashSet<Name>) -> Result<Found, PlaceError> {
        let mut found = Found::default();
        for zone in zones {
            for family in FAMILIES {
                self.list(zone, family, &mut found.unmarked).await?;
            }
        }
        Ok(found)
    }

    async fn list(&self, zone: &Name, family: &str, out: &mut Entries) -> Result<(), PlaceError> {
        let base = format!(
            "{}/v1/zones/{zone}/records?type={family}&limit={PAGE}",
            self.url
        );
        let zone = Arc::new(zone.clone());
        let mut after = String::new();
        loop {
            let url = match after.as_str() {
                "" => base.clone(),
                after => format!("{base}&after={after}"),
            };
            let request = Request::get(url).body(Full::default());
            let (status, body) = self.web.ask(request, PAGE_MAX, PATIENCE).await?;
            if status != StatusCode::OK {
                return Err(super::web::refused(status, &body));
            }
            let page: Listed = serde_json::from_slice(&body)
                .map_err(|error| PlaceError(format!("a list makes no sense: {error}")))?;
            for set in page.records {
                note(&zone, set, out);
            }
            match page.next.filter(|next| *next != after) {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }

    pub async fn put(&self, entry: &Entry, before: Option<&Entry>) -> Result<(), PlaceError> {
        let name = entry.name.to_string();
        let changes = FAMILIES.iter().filter_map(|family| {
            let addresses = of_family(entry, family);
            let is_gone = before.is_some_and(|before| !of_family(before, family).is_empty());
            let op = match addresses.is_empty() {
                false => "put",
                true if is_gone => "delete",
                true => return None,
            };
            Some(Change {
                op,
                name: &name,
                rtype: family,
                ttl: (op == "put").then_some(entry.ttl),
                addresses,
            })
        });
        self.change(entry, changes.collect()).await
    }

    pub async fn remove(&self, entry: &Entry) -> Result<(), PlaceError> {
        let name = entry.name.to_string();
        let families = FAMILIES
            .iter()
            .filter(|family| !of_family(entry, family).is_empty());
        let changes = families.map(|family| Change {
            op: "delete",
            name: &name,
            rtype: family,
            ttl: None,
            addresses: Vec::new(),
        });
        self.change(entry, changes.collect()).await
    }

    async fn change(&self, entry: &Entry, changes: Vec<Change<'_>>) -> Result<(), PlaceError> {
        let body = serde_json::to_vec(&Changes { changes });
        let body = body.map_err(|error| PlaceError(error.to_string()))?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/v1/zones/{}/changes", self.url, entry.zone))
            .header("Content-Type", "application/json")
            .body(Full::from(body));
        let (status, body) = self.web.ask(request, PAGE_MAX, PATIENCE).await?;
        match status.is_success() {
            true => Ok(()),
            false => Err(super::web::refused(status, &body)),
        }
    }
}

fn of_family(entry: &Entry, family: &str) -> Vec<IpAddr> {
    let addresses = entry.addresses.iter().copied();
    addresses
        .filter(|address| address.is_ipv4() == (family == "A"))
        .collect()
}

/// Adds the addresses of a set to those that are known of its name.
fn note(zone: &Arc<Name>, set: Set, out: &mut Entries) {
    let Ok(name) = Name::parse(&set.name, NameRef::ROOT) else {
        return;
    };
    let text: Box<str> = name.to_string().into();
    let known = out.get(&text).map(|entry| Arc::clone(&entry.addresses));
    let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
    let told = set.addresses.iter().filter_map(|text| text.parse().ok());
    addresses.extend(known.iter().flat_map(|all| all.iter().copied()).chain(told));
    let entry = Entry {
        name,
        zone: Arc::clone(zone),
        addresses: addresses.into_iter().collect(),
        ttl: set.ttl,
    };
    out.insert(text, entry);
}
