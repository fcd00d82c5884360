//! What goes wrong, in the form of RFC 9457.

use catena_http::Body;
use catena_records::Refusal;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::reply;

/// Kinds of problems; the text of each is part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidJson,
    Unauthorized,
    Denied,
    ZoneNotFound,
    SetNotFound,
    LeaseNotFound,
    NotFound,
    MethodNotAllowed,
    Conflict,
    Gone,
    ConditionFailed,
    BodyTooLarge,
    UnsupportedContentType,
    InvalidName,
    UnsupportedType,
    InvalidAddress,
    InvalidSet,
    Full,
    Busy,
    Unavailable,
}

impl Code {
    /// All of them, in the order of the API's document.
    #[cfg(test)]
    pub const ALL: &[Code] = &[
        Code::InvalidJson,
        Code::Unauthorized,
        Code::Denied,
        Code::ZoneNotFound,
        Code::SetNotFound,
        Code::LeaseNotFound,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::Conflict,
        Code::Gone,
        Code::ConditionFailed,
        Code::BodyTooLarge,
        Code::UnsupportedContentType,
        Code::InvalidName,
        Code::UnsupportedType,
        Code::InvalidAddress,
        Code::InvalidSet,
        Code::Full,
        Code::Busy,
        Code::Unavailable,
    ];

    /// The status and the text of the code.
    fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Code::InvalidJson => (400, "invalid_json", "The body is not the JSON expected"),
            Code::Unauthorized => (401, "unauthorized", "Credentials are missing or unknown"),
            Code::Denied => (403, "update_denied", "This is not allowed to you"),
            Code::ZoneNotFound => (404, "zone_not_found", "There is no such zone"),
            Code::SetNotFound => (404, "record_set_not_found", "There are no such records"),
            Code::LeaseNotFound => (404, "lease_not_found", "There is no such lease"),
            Code::NotFound => (404, "resource_not_found", "There is nothing at this path"),
            Code::MethodNotAllowed => (405, "method_not_allowed", "The method is not known here"),
            Code::Conflict => (409, "record_conflict", "The records cannot stand together"),
            Code::Gone => (
                410,
                "revision_gone",
                "The changes since then are not known any more",
            ),
            Code::ConditionFailed => (412, "condition_failed", "The condition does not hold"),
            Code::BodyTooLarge => (413, "body_too_large", "There is too much in one request"),
            Code::UnsupportedContentType => {
                (415, "unsupported_content_type", "The body must be JSON")
            }
            Code::InvalidName => (422, "invalid_name", "The name makes no sense"),
            Code::UnsupportedType => (422, "unsupported_record_type", "The type is not supported"),
            Code::InvalidAddress => (422, "invalid_address", "An address makes no sense"),
            Code::InvalidSet => (422, "invalid_record_set", "The records make no sense"),
            Code::Full => (507, "zone_full", "The zone is full"),
            Code::Busy => (503, "too_many_requests", "Too many requests are waiting"),
            Code::Unavailable => (503, "store_unavailable", "The store takes no changes now"),
        }
    }

    /// The text of the code.
    pub fn text(self) -> &'static str {
        self.parts().1
    }

    /// A problem without details.
    pub fn problem(self) -> Problem {
        self.with(self.parts().2)
    }

    /// A problem of this kind.
    pub fn with(self, detail: impl Into<String>) -> Problem {
        let detail = detail.into();
        Problem { code: self, detail }
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub code: Code,
    pub detail: String,
}

impl Problem {
    /// As `application/problem+json`.
    pub fn reply(&self) -> Response<Body> {
        let (status, code, title) = self.code.parts();
        let body = json!({
            "type": "about:blank",
            "title": title,
            "status": status,
            "detail": self.detail,
            "code": code,
            "error": self.detail,
        });
        let mut response = reply::json(StatusCode::from_u16(status).unwrap_or_default(), &body);
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, problem);
        match status {
            401 => {
                let bearer = HeaderValue::from_static("Bearer");
                headers.insert(WWW_AUTHENTICATE, bearer);
            }
            503 => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }

    /// As a line of text, for the older API.
    pub fn plain(&self) -> Response<Body> {
        let (status, _, _) = self.code.parts();
        let status = StatusCode::from_u16(status).unwrap_or_default();
        reply::text(status, format!("{}\n", self.detail))
    }
}

/// The codes of conditions inside a change, as numbers that a [`Refusal`] carries.
pub(crate) const SET_NOT_FOUND: u16 = 404;
pub(crate) const EXISTS: u16 = 400;
pub(crate) const CONDITION_FAILED: u16 = 412;
pub(crate) const INVALID: u16 = 422;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let code = match &refusal {
            Refusal::OutOfZone(..) => Code::InvalidName,
            Refusal::Type(_) => Code::UnsupportedType,
            Refusal::Alias(_) | Refusal::Apex(_) => Code::Conflict,
            Refusal::Single(..) | Refusal::SetTooLarge => Code::InvalidSet,
            Refusal::ZoneFull(_) => Code::Full,
            Refusal::NoLease(_) => Code::LeaseNotFound,
            Refusal::Condition(SET_NOT_FOUND, _) => Code::SetNotFound,
            Refusal::Condition(CONDITION_FAILED, _) => Code::ConditionFailed,
            Refusal::Condition(INVALID, _) => Code::InvalidSet,
            Refusal::Condition(..) => Code::Conflict,
            Refusal::TooLarge(_) => Code::BodyTooLarge,
            Refusal::Busy => Code::Busy,
            Refusal::NoZone(_) => Code::ZoneNotFound,
            _ => Code::Unavailable,
        };
        code.with(refusal.to_string())
    }
}
