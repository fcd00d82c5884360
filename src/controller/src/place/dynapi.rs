//! Names behind the REST interface of `dynapi`, one request a name.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use catena_dns::{Name, NameRef};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde::{Deserialize, Serialize};

use super::mark::{Mark, Seen};
use super::web::Web;
use super::{Found, PlaceError};
use crate::entry::Entry;

/// Names on a page of a list.
const PAGE: usize = 1000;
/// The longest page.
const PAGE_MAX: usize = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Dynapi {
    web: Web,
    /// The URL above `/v1`.
    url: String,
    mark: Mark,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<[String; 1]>,
}

#[derive(Deserialize)]
struct Listed {
    records: Vec<Set>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Set {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    ttl: u32,
    records: Vec<String>,
}

const FAMILIES: [&str; 2] = ["A", "AAAA"];

impl Dynapi {
    pub fn new(url: &str, web: Web, mark: Mark) -> Dynapi {
        let url = url.trim_end_matches('/').to_owned();
        Dynapi { web, url, mark }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// All addresses in `zones`, and whose they are.
    pub async fn read(&self, zones: &HashSet<Name>) -> Result<Found, PlaceError> {
        let mut seen = Seen::new(&self.mark);
        for zone in zones {
            self.list(zone, &mut seen).await?;
        }
        Ok(seen.found())
    }

    async fn list(&self, zone: &Name, seen: &mut Seen<'_>) -> Result<(), PlaceError> {
        let base = format!("{}/v1/zones/{zone}/records?limit={PAGE}", self.url);
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
                note(&zone, &set, seen);
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
                records: None,
            })
        });
        let mark = self.marking("add", &name, entry.ttl);
        self.change(entry, changes.chain([mark]).collect()).await
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
            records: None,
        });
        let mark = self.marking("remove", &name, entry.ttl);
        self.change(entry, changes.chain([mark]).collect()).await
    }

    /// The mark comes or goes beside other texts of the name.
    fn marking<'a>(&self, op: &'static str, name: &'a str, ttl: u32) -> Change<'a> {
        Change {
            op,
            name,
            rtype: "TXT",
            ttl: Some(ttl),
            addresses: Vec::new(),
            records: Some([self.mark.quoted()]),
        }
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

/// Adds a set to what was seen.
fn note(zone: &Arc<Name>, set: &Set, seen: &mut Seen<'_>) {
    let Ok(name) = Name::parse(&set.name, NameRef::ROOT) else {
        return;
    };
    for record in &set.records {
        let name = name.clone();
        match (set.rtype.as_str(), record.parse::<IpAddr>()) {
            ("A" | "AAAA", Ok(address)) => seen.address(zone, name, (address, set.ttl)),
            ("TXT", _) => seen.text(zone, name, record.trim_matches('"').as_bytes()),
            _ => {}
        }
    }
}
