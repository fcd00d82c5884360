//! The agent's HTTP: who offers what, and registrations from the same pod.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catena_http::{Answer, Asked, Body, Page, Pages, Peer, Service};
use catena_rpc::interfaces;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;

use crate::Options;
use crate::leases::{Refusal, Terms};
use crate::sources::Sources;

/// Where an application registers its interfaces.
const REGISTERED: &str = "/v1/interfaces";
const JSON: &str = "application/json";
/// The longest body of a registration, and how long it may take.
const BODY_MAX: usize = 16 << 10;
const BODY_TIME: Duration = Duration::from_secs(5);

pub(crate) struct Api {
    sources: Arc<Sources>,
}

impl Api {
    /// Answers as `options` say; an error if the file with registrations makes no sense.
    pub fn new(options: Options) -> std::io::Result<Api> {
        let sources = Arc::new(Sources::new(options)?);
        Ok(Api { sources })
    }
}

impl Pages for Api {
    fn answer(&self, asked: &Asked) -> Option<Answer> {
        match asked.path.as_str() {
            "/healthz" => Some(Answer::Now(Page::text(200, "ok"))),
            interfaces::PATH => {
                let sources = Arc::clone(&self.sources);
                Some(Answer::Later(Box::pin(async move {
                    let told = sources.told().await;
                    // Strings and lists: nothing in it can fail.
                    Page::new(JSON, serde_json::to_vec(&told).unwrap_or_default())
                })))
            }
            _ => None,
        }
    }

    fn service(&self, asked: &Asked) -> Option<Arc<dyn Service>> {
        let rest = asked.path.strip_prefix(REGISTERED)?;
        let is_ours = rest.is_empty() || rest.starts_with('/');
        is_ours.then(|| Arc::new(Registrations(Arc::clone(&self.sources))) as _)
    }
}

/// Registrations, for applications on the same machine.
struct Registrations(Arc<Sources>);

impl Service for Registrations {
    fn respond(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        let sources = Arc::clone(&self.0);
        let is_near = peer.address.ip().to_canonical().is_loopback();
        Box::pin(async move {
            match is_near {
                true => respond(&sources, request).await,
                false => refusal(StatusCode::FORBIDDEN, "only from the same pod"),
            }
        })
    }
}

async fn respond(sources: &Sources, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let interface = path.strip_prefix(REGISTERED).unwrap_or("");
    let interface = interface.trim_start_matches('/');
    match (request.method(), interface) {
        (&Method::GET, "") => {
            let told = sources.leases.lock().told();
            json(StatusCode::OK, &told.unwrap_or_default())
        }
        (&Method::PUT, interface) if !interface.is_empty() => {
            let terms = match terms(request).await {
                Ok(terms) => terms,
                Err(text) => return refusal(StatusCode::BAD_REQUEST, &text),
            };
            let put = sources
                .leases
                .lock()
                .put(interface, terms, sources.usual_ttl());
            sources.keep().await;
            match put {
                Ok(registered) => json(StatusCode::OK, &registered),
                Err(Refusal::Full) => {
                    refusal(StatusCode::INSUFFICIENT_STORAGE, &Refusal::Full.to_string())
                }
                Err(other) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &other.to_string()),
            }
        }
        (&Method::DELETE, interface) if !interface.is_empty() => {
            let was_there = sources.leases.lock().remove(interface);
            sources.keep().await;
            match was_there {
                true => json(StatusCode::OK, &()),
                false => refusal(StatusCode::NOT_FOUND, "it is not registered"),
            }
        }
        _ => refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "it takes GET, PUT and DELETE",
        ),
    }
}

/// What the body says; an empty one says nothing.
async fn terms(request: Request<Incoming>) -> Result<Terms, String> {
    let body = Limited::new(request.into_body(), BODY_MAX).collect();
    let body = match tokio::time::timeout(BODY_TIME, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Err(format!("the body is longer than {BODY_MAX} octets")),
        Err(_) => return Err("the body does not come".to_owned()),
    };
    match body.is_empty() {
        true => Ok(Terms::default()),
        false => serde_json::from_slice(&body).map_err(|error| error.to_string()),
    }
}

#[derive(Serialize)]
struct Wrong<'a> {
    error: &'a str,
}

fn refusal(status: StatusCode, error: &str) -> Response<Body> {
    json(status, &Wrong { error })
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // Strings and numbers: nothing in it can fail.
    let body = Bytes::from(serde_json::to_vec(body).unwrap_or_default());
    let mut response = Response::new(Full::new(body).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response
}

#[cfg(test)]
mod tests;
