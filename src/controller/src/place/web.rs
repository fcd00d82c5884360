//! Requests to a REST interface, with what it takes to be let in.

use std::time::Duration;

use bytes::Bytes;
use catena_http::client::{Client, bearer};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::Full;

use super::PlaceError;
use crate::Options;

pub(crate) struct Web {
    client: Client,
    token: Option<HeaderValue>,
}

impl Web {
    pub fn open(options: &Options) -> Result<Web, PlaceError> {
        let tls = options.tls_client();
        let tls = tls.map_err(|error| PlaceError(error.to_string()))?;
        let token = options.token.as_deref().map(bearer).transpose();
        Ok(Web {
            client: tls.map_or_else(Client::plain, |tls| Client::new(tls.config())),
            token: token.map_err(|_| PlaceError("the token cannot be in a header".to_owned()))?,
        })
    }

    /// Asks; the status and the body.
    pub async fn ask(
        &self,
        request: http::Result<Request<Full<Bytes>>>,
        body_max: usize,
        patience: Duration,
    ) -> Result<(StatusCode, Bytes), PlaceError> {
        let mut request = request.map_err(|error| PlaceError(error.to_string()))?;
        if let Some(token) = &self.token {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
        }
        let answer = self.client.fetch(request, body_max, patience).await;
        let answer = answer.map_err(|error| PlaceError(error.to_string()))?;
        Ok((answer.status(), answer.into_body()))
    }
}

/// What a refusal says, cut to a line of a log.
pub(super) fn refused(status: StatusCode, body: &[u8]) -> PlaceError {
    let told = String::from_utf8_lossy(body);
    let line: String = told
        .lines()
        .next()
        .unwrap_or("")
        .chars()
        .take(200)
        .collect();
    PlaceError(format!("{status}: {line}"))
}
