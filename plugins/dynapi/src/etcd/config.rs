//! What the Corefile says of the etcd that records are kept in.

use catena_etcd::skydns::Prefix;
use catena_etcd::{ClientOptions, Credentials};
use catena_plugin::{Line, Setup, SetupError};
use catena_records::StoreError;
use catena_transport::upstream::{TlsClient, TlsClientFiles};
use tokio::runtime::Handle;

use super::EtcdStore;

/// A cluster, and where in it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cluster {
    endpoints: Vec<String>,
    path: Option<String>,
    tls: Option<TlsClientFiles>,
    /// A user and a password.
    credentials: Option<(String, String)>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let endpoints = &self.endpoints;
        f.debug_struct("Cluster")
            .field("endpoints", endpoints)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Reads one of the properties `etcd`, `etcd_path`, `etcd_tls` and `etcd_credentials`.
    pub fn read(&mut self, cx: &Setup<'_>, property: &Line<'_>) -> Result<(), SetupError> {
        let mut args = property.args();
        match property.name() {
            "etcd" => {
                let first = args.required("ENDPOINT")?;
                for arg in std::iter::once(first).chain(args.by_ref()) {
                    let text = arg.text();
                    let read = catena_etcd::endpoint(text);
                    read.map_err(|error| arg.error(format_args!("endpoint '{text}': {error}")))?;
                    self.endpoints.push(text.to_owned());
                }
            }
            "etcd_path" => self.path = Some(args.required("PATH")?.text().to_owned()),
            "etcd_tls" => {
                let files = args.by_ref().take(3);
                let files = files.map(|arg| cx.server.path(arg.text()));
                self.tls = Some(TlsClientFiles::listed(files));
                let bad = |error| property.error(error);
                self.tls_client().map_err(bad)?;
            }
            _ => {
                let (user, kind) = (args.required("USER")?, args.required("file or env")?);
                let from = args.required("PATH or VARIABLE")?;
                let secret = match kind.text() {
                    "file" => std::fs::read_to_string(cx.server.path(from.text())).ok(),
                    "env" => std::env::var(from.text()).ok(),
                    _ => None,
                };
                let missing = || kind.error("no password there: file PATH, or env VARIABLE");
                let secret = secret.ok_or_else(missing)?;
                self.credentials = Some((user.text().to_owned(), secret.trim().to_owned()));
            }
        }
        args.finish()
    }

    /// Whether records are to be kept there.
    pub fn is_set(&self) -> bool {
        !self.endpoints.is_empty()
    }

    /// The store; connections come up when they are needed.
    pub fn open(&self, runtime: &Handle) -> Result<EtcdStore, StoreError> {
        let endpoints = self
            .endpoints
            .iter()
            .map(|text| catena_etcd::endpoint(text));
        let options = ClientOptions {
            endpoints: endpoints.filter_map(Result::ok).collect(),
            tls: self.tls_client().map_err(StoreError::Broken)?,
            credentials: self
                .credentials
                .clone()
                .map(|(user, password)| Credentials { user, password }),
            ..ClientOptions::default()
        };
        let prefix = self
            .path
            .as_deref()
            .map_or_else(Prefix::default, Prefix::new);
        Ok(EtcdStore::new(options, prefix, runtime))
    }

    fn tls_client(&self) -> Result<Option<TlsClient>, String> {
        let is_https = |endpoint: &String| endpoint.starts_with("https://");
        if self.tls.is_none() && !self.endpoints.iter().any(is_https) {
            return Ok(None);
        }
        let client = TlsClient::new(&self.tls.clone().unwrap_or_default());
        client.map(Some).map_err(|error| error.to_string())
    }
}
