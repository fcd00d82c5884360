//! A connection to one API server: requests at a bounded rate, made anew when it forgets us.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::access::{root_cause, with_causes};
use crate::envelope::Status;
use crate::{Access, AccessError, Encoding};

/// What `client-go` allows itself when nobody says how much.
const QPS: f32 = 5.0;
const BURST: u32 = 10;
/// How long a server may take to begin its answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// The longest refusal that is read.
const REFUSAL_MAX: usize = 64 << 10;
/// The longest object that is read: etcd takes no longer ones.
const OBJECT_MAX: usize = 8 << 20;

/// What a [`Client`] may do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClientOptions {
    /// Requests a second; 0 for what `client-go` does.
    pub qps: f32,
    /// Requests at once after a quiet time; 0 for what `client-go` does.
    pub burst: u32,
    /// Requests that wait for an answer at the same time; 0 for any number.
    pub max_inflight: usize,
}

/// Is told of each request.
pub type Observer = fn(&Exchange<'_>);

/// A request that was made.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Host and port of the server.
    pub host: &'a str,
    /// The status; `None` if there was no answer.
    pub code: Option<u16>,
    /// From the request to the head of the answer.
    pub took: Duration,
    /// How long the rate limit held it back before.
    pub held_back: Duration,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Files or variables are not right.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The server could not be asked, or broke off.
    #[error("{0}")]
    Connection(String),
    /// The server said no.
    #[error("{message} ({code})")]
    Status {
        /// The HTTP status.
        code: u16,
        /// What it said.
        message: String,
    },
}

impl Exchange<'_> {
    /// The status as a label of metrics.
    pub fn code_label(&self) -> String {
        self.code
            .map_or("<error>".to_owned(), |code| code.to_string())
    }
}

impl Refusal {
    /// The HTTP status, if the server said no.
    pub fn code(&self) -> Option<u16> {
        match self {
            Refusal::Status { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// A connection to one API server.
pub struct Client {
    access: Access,
    observer: Observer,
    bucket: Bucket,
    inflight: Semaphore,
    /// Made when first needed, and again after a 401: credentials are read again.
    connection: Mutex<Option<Connection>>,
}

#[derive(Clone)]
struct Connection {
    client: kube::Client,
    host: Arc<str>,
}

/// A change of one object, or a question for it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What is to be done.
    pub method: Method,
    /// The path of the object, or of the collection that it is made in.
    pub path: &'a str,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body; empty for none.
    pub body: &'a [u8],
}

/// What is to be done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read it.
    Get,
    /// Make it.
    Post,
    /// Put this in its place.
    Put,
    /// Change it.
    Patch,
}

/// An answer that has begun.
pub(crate) struct Answer {
    pub encoding: Encoding,
    pub body: Body,
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(access: Access, options: ClientOptions, observer: Observer) -> Client {
        let inflight = match options.max_inflight {
            0 => Semaphore::MAX_PERMITS,
            max => max.min(Semaphore::MAX_PERMITS),
        };
        Client {
            access,
            observer,
            bucket: Bucket::new(&options),
            inflight: Semaphore::new(inflight),
            connection: Mutex::new(None),
        }
    }

    /// Looks whether all files and variables are there that the server is asked with.
    pub fn check_access(&self) -> Result<(), AccessError> {
        self.access.check()
    }

    /// Asks for `uri`, a path with a query.
    pub(crate) async fn ask(&self, uri: &str, encoding: Encoding) -> Result<Answer, Refusal> {
        self.exchange(request(uri, encoding)?).await
    }

    /// Makes a call about one object, in JSON; the object as it is after that.
    pub async fn call(&self, call: Call<'_>) -> Result<Bytes, Refusal> {
        let method = match call.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
        };
        let body = Body::from(call.body.to_vec());
        let request = builder(call.path, Encoding::Json)
            .method(method)
            .header(CONTENT_TYPE, call.content_type)
            .body(body);
        let request = request.map_err(|error| Refusal::Connection(error.to_string()))?;
        let answer = self.exchange(request).await?;
        let body = Limited::new(answer.body, OBJECT_MAX).collect();
        match timeout(ANSWER_MAX, body).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) => Err(Refusal::Connection(error.to_string())),
            Err(_) => Err(Refusal::Connection("an answer takes too long".to_owned())),
        }
    }

    async fn exchange(&self, request: http::Request<Body>) -> Result<Answer, Refusal> {
        let connection = self.connection().await?;
        let began = Instant::now();
        self.bucket.take().await;
        let held_back = began.elapsed();
        // Fails only if it is closed, which nobody does.
        let slot = self.inflight.acquire().await;
        let sent = Instant::now();
        let answer = timeout(ANSWER_MAX, connection.client.send(request)).await;
        drop(slot);
        let code = match &answer {
            Ok(Ok(answer)) => Some(answer.status().as_u16()),
            _ => None,
        };
        (self.observer)(&Exchange {
            host: &connection.host,
            code,
            took: sent.elapsed(),
            held_back,
        });
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                let message = format!("{}: {}", connection.host, root_cause(&error));
                return Err(Refusal::Connection(message));
            }
            Err(_) => {
                let message = format!("{} does not answer", connection.host);
                return Err(Refusal::Connection(message));
            }
        };
        let content_type = answer.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let encoding = Encoding::of(content_type.unwrap_or(""));
        if answer.status().is_success() {
            let body = answer.into_body();
            return Ok(Answer { encoding, body });
        }
        if answer.status() == http::StatusCode::UNAUTHORIZED {
            *self.connection.lock().await = None;
        }
        Err(refusal(answer, encoding).await)
    }

    async fn connection(&self) -> Result<Connection, Refusal> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let config = self.access.config().await?;
        let host = config.cluster_url.authority().map_or("", |a| a.as_str());
        let host = Arc::from(host);
        let client = kube::Client::try_from(config)
            .map_err(|error| Refusal::Connection(with_causes(&error)))?;
        Ok(connection.insert(Connection { client, host }).clone())
    }
}

fn request(uri: &str, encoding: Encoding) -> Result<http::Request<Body>, Refusal> {
    let request = builder(uri, encoding).body(Body::empty());
    request.map_err(|error| Refusal::Connection(error.to_string()))
}

fn builder(uri: &str, encoding: Encoding) -> http::request::Builder {
    // Custom resources have no protobuf, and errors may come as JSON in any case.
    let accept = match encoding {
        Encoding::Protobuf => format!("{},application/json", encoding.media_type()),
        Encoding::Json => encoding.media_type().to_owned(),
    };
    http::Request::get(uri)
        .header(ACCEPT, accept)
        .header(ACCEPT_ENCODING, "identity")
        .header(USER_AGENT, concat!("catena/", env!("CARGO_PKG_VERSION")))
}

async fn refusal(answer: http::Response<Body>, encoding: Encoding) -> Refusal {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), REFUSAL_MAX).collect();
    let said = match timeout(ANSWER_MAX, body).await {
        Ok(Ok(body)) => Status::of_body(&body.to_bytes(), encoding).message,
        _ => String::new(),
    };
    let message = match said.is_empty() {
        true => status.canonical_reason().unwrap_or("refused").to_owned(),
        false => said,
    };
    Refusal::Status {
        code: status.as_u16(),
        message,
    }
}

/// Tokens that come at a steady rate; a request takes one.
struct Bucket {
    rate: f32,
    size: f32,
    state: Mutex<(Instant, f32)>,
}

impl Bucket {
    fn new(options: &ClientOptions) -> Bucket {
        let rate = if options.qps > 0.0 { options.qps } else { QPS };
        let burst = match options.burst {
            0 => BURST,
            burst => burst,
        };
        let size = f32::from(u16::try_from(burst).unwrap_or(u16::MAX));
        Bucket {
            rate,
            size,
            state: Mutex::new((Instant::now(), size)),
        }
    }

    /// Waits for a token, in turn.
    async fn take(&self) {
        let mut state = self.state.lock().await;
        loop {
            let (filled_at, tokens) = *state;
            let now = Instant::now();
            let gained = (now - filled_at).as_secs_f32() * self.rate;
            let tokens = (tokens + gained).min(self.size);
            if tokens >= 1.0 {
                *state = (now, tokens - 1.0);
                return;
            }
            *state = (now, tokens);
            sleep(Duration::from_secs_f32(
                ((1.0 - tokens) / self.rate).clamp(0.001, 60.0),
            ))
            .await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, ClientOptions};
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn requests_beyond_the_burst_are_held_back() {
        let options = ClientOptions {
            qps: 2.0,
            burst: 3,
            max_inflight: 0,
        };
        let bucket = Bucket::new(&options);
        let began = Instant::now();
        for _ in 0..5 {
            bucket.take().await;
        }
        let passed = began.elapsed().as_secs_f32();
        assert!((0.9..1.2).contains(&passed), "{passed}");
    }
}
