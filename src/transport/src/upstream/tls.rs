//! What a TLS upstream is checked against, and how we show who we are.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why TLS to an upstream cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsClientError {
    /// A file that cannot be read or holds no such thing.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// A file without certificates.
    #[error("{0}: no certificate in it")]
    Empty(PathBuf),
    /// A certificate that TLS cannot use, alone or with its key.
    #[error("{path}: {source}")]
    Unusable {
        /// The file of the certificate.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// TLS itself cannot be had.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// Files in PEM form that say whom we trust and who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TlsClientFiles {
    /// Who may have signed the certificates of servers; whom the system trusts without it.
    pub authorities: Option<PathBuf>,
    /// Our certificate and its key, for servers that ask.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl TlsClientFiles {
    /// The files as Corefiles list them: a CA, or a certificate with its key and perhaps a CA.
    ///
    /// Of more than three the rest is left out.
    pub fn listed(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut files = files.into_iter();
        let (authorities, identity) = match (files.next(), files.next()) {
            (Some(certificate), Some(key)) => (files.next(), Some((certificate, key))),
            (authorities, _) => (authorities, None),
        };
        Self {
            authorities,
            identity,
        }
    }

    /// The files as flags name them; `None` for a certificate or a key without the other.
    pub fn named(
        authorities: Option<PathBuf>,
        certificate: Option<PathBuf>,
        key: Option<PathBuf>,
    ) -> Option<Self> {
        let is_whole = certificate.is_some() == key.is_some();
        is_whole.then(|| Self {
            authorities,
            identity: certificate.zip(key),
        })
    }
}

/// The settings of TLS towards upstreams; cheap to clone, sessions are shared.
#[derive(Clone)]
pub struct TlsClient {
    connector: TlsConnector,
}

impl TlsClient {
    /// Reads `files`: whom to trust, and what to show to servers that ask.
    pub fn new(files: &TlsClientFiles) -> Result<Self, TlsClientError> {
        let roots = match &files.authorities {
            Some(path) => roots_from(path)?,
            None => system_roots(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match &files.identity {
            Some((certificate, key)) => builder
                .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
                .map_err(unusable(certificate))?,
            None => builder.with_no_client_auth(),
        };
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// The settings as they are, for a client that connects by itself.
    pub fn config(&self) -> ClientConfig {
        ClientConfig::clone(self.connector.config())
    }

    /// The same settings for HTTP/2.
    #[must_use]
    pub fn with_http2(&self) -> Self {
        let mut config = ClientConfig::clone(self.connector.config());
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self {
            connector: TlsConnector::from(Arc::new(config)),
        }
    }

    /// Shows and checks certificates over `stream`; the server must prove that it is `name`.
    pub async fn connect(
        &self,
        name: ServerName<'static>,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(name, stream).await
    }
}

impl std::fmt::Debug for TlsClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TlsClient").finish_non_exhaustive()
    }
}

fn roots_from(path: &Path) -> Result<RootCertStore, TlsClientError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(unusable(path))?;
    }
    Ok(roots)
}

fn unusable(path: &Path) -> impl FnOnce(rustls::Error) -> TlsClientError {
    let path = path.to_owned();
    |source| TlsClientError::Unusable { path, source }
}

/// The system's certificates; without them no server can prove who it is.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        tracing::warn!("no system certificates: no TLS upstream will be trusted");
    }
    roots
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsClientError> {
    let file = |source| TlsClientError::File {
        path: path.to_owned(),
        source,
    };
    let found = CertificateDer::pem_file_iter(path).map_err(file)?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(file)?;
    if found.is_empty() {
        Err(TlsClientError::Empty(path.to_owned()))
    } else {
        Ok(found)
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsClientError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| TlsClientError::File {
        path: path.to_owned(),
        source,
    })
}
