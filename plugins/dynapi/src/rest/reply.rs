//! Responses, and the fingerprints of records in them.

use std::convert::Infallible;

use bytes::Bytes;
use catena_http::Body;
use catena_records::RecordSet;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A response with `body`.
pub(crate) fn whole(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never: Infallible| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A response in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // What we write is always JSON.
    let body = serde_json::to_vec(body).unwrap_or_default();
    whole(status, "application/json", body)
}

/// A response in plain text.
pub(crate) fn text(status: StatusCode, body: String) -> Response<Body> {
    whole(status, "text/plain; charset=utf-8", body)
}

/// A response without a body.
pub(crate) fn empty() -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::new()).boxed_unsync());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// The entity tag of records: the same for the same records, and else another.
pub(crate) fn etag(set: &RecordSet) -> String {
    let mut digest = Sha256::new();
    digest.update(set.ttl.to_be_bytes());
    digest.update(set.lease.map_or(0, |lease| lease.0).to_be_bytes());
    for rdata in &set.data {
        digest.update(rdata.len().to_be_bytes());
        digest.update(rdata);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let digits = digest.iter().take(12).map(|octet| format!("{octet:02x}"));
    format!("\"{}\"", digits.collect::<String>())
}
