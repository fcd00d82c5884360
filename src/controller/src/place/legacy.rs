//! Names behind the older REST interface, `/dynapi`, which takes one address a name.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use super::PlaceError;
use super::web::{Web, refused};
use crate::entry::Entry;

const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_MAX: usize = 64 << 10;

pub(crate) struct Legacy {
    web: Web,
    url: String,
}

#[derive(Serialize)]
struct Body<'a> {
    zone: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    rtype: &'static str,
    address: IpAddr,
    ttl: u32,
}

impl Legacy {
    pub fn new(url: &str, web: Web) -> Legacy {
        let url = format!("{}/dynapi", url.trim_end_matches('/'));
        Legacy { web, url }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn put(&self, entry: &Entry) -> Result<(), PlaceError> {
        let (status, told) = self.ask(Method::PUT, entry).await?;
        match status.is_success() {
            true => Ok(()),
            false => Err(refused(status, &told)),
        }
    }

    pub async fn remove(&self, entry: &Entry) -> Result<(), PlaceError> {
        let (status, told) = self.ask(Method::DELETE, entry).await?;
        let is_gone = String::from_utf8_lossy(&told).contains("does not exist");
        match status {
            // Somebody else removed it.
            StatusCode::BAD_REQUEST if is_gone => Ok(()),
            status if status.is_success() => Ok(()),
            status => Err(refused(status, &told)),
        }
    }

    async fn ask(&self, method: Method, entry: &Entry) -> Result<(StatusCode, Bytes), PlaceError> {
        // IPv4 sorts first; the others have no room in this interface.
        let Some(address) = entry.addresses.first().copied() else {
            return Ok((StatusCode::OK, Bytes::new()));
        };
        let (zone, name) = (entry.zone.to_string(), entry.relative());
        let body = Body {
            zone: &zone,
            name: &name,
            rtype: match address {
                IpAddr::V4(_) => "A",
                IpAddr::V6(_) => "AAAA",
            },
            address,
            ttl: entry.ttl,
        };
        let body = serde_json::to_vec(&body).map_err(|error| PlaceError(error.to_string()))?;
        let request = Request::builder()
            .method(method)
            .uri(&self.url)
            .header("Content-Type", "application/json")
            .body(Full::from(body));
        self.web.ask(request, ANSWER_MAX, PATIENCE).await
    }
}
