//! `catena zone`: a zone of a running `dynapi` as a master file, out and in, over its REST API.

mod flags;

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use catena_http::client::{Client, FetchError, bearer};
use catena_transport::upstream::{TlsClient, TlsClientError};
use http::header::AUTHORIZATION;
use http::{Method, Request, StatusCode};
use http_body_util::Full;

pub use flags::{HELP, Options, parse};
use flags::{Source, Verb};

/// The largest master file: as much as `dynapi` takes; what comes out may be twice as long.
const FILE_MAX: u64 = 64 << 20;
const ANSWER_MAX: usize = 512 << 20;
/// How long a large zone may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why nothing was carried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// The master file is too large.
    #[error("{0} is larger than 64 MiB")]
    Large(String),
    /// Certificates are not right.
    #[error(transparent)]
    Tls(#[from] TlsClientError),
    /// The token or the URL is not right.
    #[error("{0}")]
    Request(#[from] http::Error),
    /// The server was not reached.
    #[error("{0}: {1}")]
    Fetch(String, FetchError),
    /// The server said no.
    #[error("{0}: {1}")]
    Refused(StatusCode, String),
}

/// Does what the command line says; a zone that comes out goes to `out`.
///
/// Gives what is to be told to the person: nothing for a zone that comes out.
pub async fn run(options: &Options, out: &mut dyn Write) -> Result<Option<String>, RunError> {
    let (method, part, body) = match &options.verb {
        Verb::Export => (Method::GET, "export", Bytes::new()),
        Verb::Import(source) => (Method::PUT, "import", read(source)?),
    };
    let url = format!("{}/v1/zones/{}/{part}", options.url, options.zone);
    let mut request = Request::builder().method(method).uri(&url);
    if let Some(token) = &options.token {
        request = request.header(AUTHORIZATION, bearer(token)?);
    }
    let request = request
        .header("Content-Type", "text/dns")
        .body(Full::new(body))?;
    let answer = client(options)?.fetch(request, ANSWER_MAX, PATIENCE).await;
    let answer = answer.map_err(|error| RunError::Fetch(url, error))?;
    let (status, text) = (answer.status(), answer.into_body());
    if !status.is_success() {
        return Err(RunError::Refused(status, reason(&text)));
    }
    match options.verb {
        Verb::Export => {
            let written = out.write_all(&text).and_then(|()| out.flush());
            written.map_err(|error| RunError::File("standard output".to_owned(), error))?;
            Ok(None)
        }
        Verb::Import(_) => {
            let told: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
            let (zone, names, serial) = (&options.zone, &told["names"], &told["serial"]);
            Ok(Some(format!(
                "{zone}: {names} names written, serial {serial}"
            )))
        }
    }
}

fn client(options: &Options) -> Result<Client, TlsClientError> {
    if !options.url.starts_with("https:") {
        return Ok(Client::plain());
    }
    Ok(Client::new(TlsClient::new(&options.tls)?.config()))
}

fn read(source: &Source) -> Result<Bytes, RunError> {
    let name = match source {
        Source::Input => "standard input".to_owned(),
        Source::File(path) => path.display().to_string(),
    };
    let mut octets = Vec::new();
    let read = match source {
        Source::Input => read_some(std::io::stdin().lock(), &mut octets),
        Source::File(path) => open(path).and_then(|file| read_some(file, &mut octets)),
    };
    match read {
        Err(error) => Err(RunError::File(name, error)),
        Ok(length) if length > FILE_MAX => Err(RunError::Large(name)),
        Ok(_) => Ok(octets.into()),
    }
}

fn open(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::open(path)
}

fn read_some(from: impl Read, octets: &mut Vec<u8>) -> std::io::Result<u64> {
    let length = from.take(FILE_MAX + 1).read_to_end(octets)?;
    Ok(u64::try_from(length).unwrap_or(u64::MAX))
}

/// What a problem says, or the first line of what else came.
fn reason(body: &[u8]) -> String {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = problem["detail"].as_str().map(str::to_owned);
    detail.unwrap_or_else(|| {
        let text = String::from_utf8_lossy(body);
        text.lines()
            .next()
            .unwrap_or("")
            .chars()
            .take(200)
            .collect()
    })
}
