//! A small HTTP client: each request bounded in time, each answer in size.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::HeaderValue;
use hyper::{Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use tokio::time::timeout;

/// Idle connections to one server at most.
const IDLE_MAX: usize = 8;

/// Connections that are asked once.
static ONCE: LazyLock<Client> = LazyLock::new(|| Client::plain_with_idle(0));

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// What was to be asked is no request.
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    /// The server could not be asked, or broke off.
    #[error("{0}")]
    Connection(String),
    /// It took too long.
    #[error("it took longer than {0:?}")]
    Late(Duration),
    /// The answer is too long.
    #[error("its answer is longer than {0} octets")]
    Long(usize),
    /// The server said no.
    #[error("it answered {0}")]
    Status(StatusCode),
}

/// The value of `authorization` that lets the holder of `token` in; logs do not show it.
pub fn bearer(token: &str) -> Result<HeaderValue, hyper::http::Error> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A client that keeps connections for the next request.
#[derive(Clone)]
pub struct Client(Connections);

#[derive(Clone)]
enum Connections {
    Plain(Pool<HttpConnector, Full<Bytes>>),
    Tls(Pool<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Client {
    /// A client that speaks `http` only.
    pub fn plain() -> Client {
        Client::plain_with_idle(IDLE_MAX)
    }

    fn plain_with_idle(idle: usize) -> Client {
        let mut builder = Pool::builder(TokioExecutor::new());
        let pool = builder.pool_max_idle_per_host(idle);
        Client(Connections::Plain(pool.build(HttpConnector::new())))
    }

    /// A client that speaks `http` and, as `tls` says, `https`.
    pub fn new(tls: ClientConfig) -> Client {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let mut builder = Pool::builder(TokioExecutor::new());
        let pool = builder.pool_max_idle_per_host(IDLE_MAX);
        Client(Connections::Tls(pool.build(connector)))
    }

    /// Asks, and reads the answer whole, whatever its status.
    pub async fn fetch(
        &self,
        request: Request<Full<Bytes>>,
        body_max: usize,
        patience: Duration,
    ) -> Result<Response<Bytes>, FetchError> {
        let exchange = async {
            let answer = match &self.0 {
                Connections::Plain(pool) => pool.request(request).await,
                Connections::Tls(pool) => pool.request(request).await,
            };
            let (head, body) = answer.map_err(|error| refused(&error))?.into_parts();
            let body = Limited::new(body, body_max).collect().await;
            let body =
                body.map_err(
                    |error| match error.is::<http_body_util::LengthLimitError>() {
                        true => FetchError::Long(body_max),
                        false => FetchError::Connection(error.to_string()),
                    },
                )?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        match timeout(patience, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchError::Late(patience)),
        }
    }
}

/// Reads the page at `url`, which must begin with `http:`, over a connection of its own.
pub async fn get(url: &str, body_max: usize, patience: Duration) -> Result<Bytes, FetchError> {
    let request = Request::get(url).body(Full::default())?;
    let answer = ONCE.fetch(request, body_max, patience).await?;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        status => Err(FetchError::Status(status)),
    }
}

/// The innermost cause: the outer ones say no more than that it failed.
fn refused(error: &(dyn std::error::Error + 'static)) -> FetchError {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    FetchError::Connection(cause.to_string())
}
