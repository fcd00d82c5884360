//! Names behind the older REST interface, `/dynapi`, which takes one address a name.

use std::net::IpAddr;
use std::time::Duration;

use catena_http::client::Client;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use super::PlaceError;
use crate::Options;
use crate::entry::Entry;

const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_MAX: usize = 64 << 10;

pub(crate) struct Legacy {
    client: Client,
    url: String,
    token: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    zone: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    rtype: &'a str,
    address: String,
    ttl: u32,
}

impl Legacy {
    pub fn open(url: &str, options: &Options) -> Result<Legacy, PlaceError> {
        let tls = options
            .tls
            .client()
            .map_err(|error| PlaceError(error.to_string()))?;
        Ok(Legacy {
            client: tls.map_or_else(Client::plain, |tls| Client::new(tls.config())),
            url: format!("{}/dynapi", url.trim_end_matches('/')),
            token: options.token.clone(),
        })
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
        match status {
            // Somebody else removed it.
            StatusCode::BAD_REQUEST if told.contains("does not exist") => Ok(()),
            status if status.is_success() => Ok(()),
            status => Err(refused(status, &told)),
        }
    }

    async fn ask(&self, method: Method, entry: &Entry) -> Result<(StatusCode, String), PlaceError> {
        // IPv4 sorts first; the others have no room in this interface.
        let Some(address) = entry.addresses.first() else {
            return Ok((StatusCode::OK, String::new()));
        };
        let (zone, name) = (entry.zone.to_string(), entry.relative());
        let body = Body {
            zone: &zone,
            name: &name,
            rtype: match address {
                IpAddr::V4(_) => "A",
                IpAddr::V6(_) => "AAAA",
            },
            address: address.to_string(),
            ttl: entry.ttl,
        };
        let fail = |error: &dyn std::fmt::Display| PlaceError(error.to_string());
        let body = serde_json::to_vec(&body).map_err(|error| fail(&error))?;
        let mut request = Request::builder()
            .method(method)
            .uri(&self.url)
            .header("Content-Type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let request = request
            .body(Full::from(body))
            .map_err(|error| fail(&error))?;
        let answer = self.client.fetch(request, ANSWER_MAX, PATIENCE).await;
        let answer = answer.map_err(|error| fail(&error))?;
        let told = String::from_utf8_lossy(answer.body()).into_owned();
        Ok((answer.status(), told))
    }
}

pub(super) fn refused(status: StatusCode, told: &str) -> PlaceError {
    let line = told.lines().next().unwrap_or("");
    let line: String = line.chars().take(200).collect();
    PlaceError(format!("{status}: {line}"))
}
