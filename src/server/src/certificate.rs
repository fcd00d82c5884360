//! The certificate of a server block: read at setup, and again when its files change.

mod clients;
mod key_log;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use catena_plugin::{Background, StartError, TlsFiles};
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, ServerConfig};

use key_log::KeyLogFile;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Changed files must stay as they are for so long: the key may follow the certificate.
const SETTLE: Duration = Duration::from_millis(500);
/// All the issuers of a system are a quarter of a megabyte.
const FILE_MAX: u64 = 4 << 20;
/// What clients may say that they speak (RFC 7858 is silent, the registry of TLS is not).
const ALPN: &[u8] = b"dot";

/// Why a certificate cannot be shown; the words are those of CoreDNS where it has some.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// A file that cannot be read.
    #[error("could not load TLS cert: open {path}: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    /// A file of something else.
    #[error("could not load TLS cert: {path}: {source}")]
    NotPem { path: PathBuf, source: pem::Error },
    /// The key of another certificate.
    #[error("could not load TLS cert: tls: private key does not match public key")]
    Mismatch,
    /// What TLS cannot use.
    #[error("could not load TLS cert: {0}")]
    Unusable(rustls::Error),
    /// No issuers to check clients by.
    #[error("could not read root certs: {0}")]
    Issuers(String),
    /// The log of keys cannot be written.
    #[error("unable to write TLS Key Log to {path:?}: open {path}: {reason}")]
    KeyLog { path: String, reason: String },
}

impl From<rustls::Error> for CertificateError {
    fn from(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Self::Mismatch,
            error => Self::Unusable(error),
        }
    }
}

/// What the files held when they were read.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    ca: Option<Vec<u8>>,
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Contents, CertificateError> {
        Ok(Contents {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            ca: files.ca.as_deref().map(read).transpose()?,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |reason| CertificateError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let mut octets = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(in_words(&error)))?;
    let read = file.take(FILE_MAX + 1).read_to_end(&mut octets);
    let length = read.map_err(|error| unreadable(in_words(&error)))?;
    match u64::try_from(length) {
        Ok(..=FILE_MAX) => Ok(octets),
        _ => Err(unreadable("too large for certificates".to_owned())),
    }
}

/// The system's words without Rust's number behind them.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

/// A certificate as it is now, and what clients have to show.
pub struct Certificate {
    files: TlsFiles,
    first: Contents,
    current: ArcSwap<ServerConfig>,
    key_log: Option<Arc<KeyLogFile>>,
}

impl Certificate {
    /// Reads the files.
    pub(crate) fn read(files: TlsFiles) -> Result<Certificate, CertificateError> {
        let key_log = files.key_log.as_deref().map(KeyLogFile::at).transpose()?;
        let key_log = key_log.map(Arc::new);
        let first = Contents::read(&files)?;
        let current = ArcSwap::from_pointee(configure(&files, &first, key_log.as_ref())?);
        Ok(Certificate {
            files,
            first,
            current,
            key_log,
        })
    }

    /// What the next client is shown.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Opens the log of keys, if there is to be one, and follows the files.
    pub(crate) fn start(self: &Arc<Self>, background: &Background) -> Result<(), StartError> {
        let opened = self.key_log.as_ref().map_or(Ok(()), |log| log.open());
        opened.map_err(|error| StartError::new(format!("plugin/tls: {error}")))?;
        background.spawn(Arc::clone(self).follow());
        Ok(())
    }

    /// Takes up what the files hold whenever that changes; a pair that is no good changes nothing.
    async fn follow(self: Arc<Self>) {
        let mut known = Ok(self.first.clone());
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let found = self.look();
            if found == known {
                continue;
            }
            tokio::time::sleep(SETTLE).await;
            if self.look() != found {
                // Still being written; the next look sees it whole.
                continue;
            }
            self.take_up(&found);
            known = found;
        }
    }

    fn look(&self) -> Result<Contents, String> {
        Contents::read(&self.files).map_err(|error| error.to_string())
    }

    fn take_up(&self, found: &Result<Contents, String>) {
        let name = self.files.certificate.display();
        let outcome = found.as_ref().map_err(String::clone).and_then(|contents| {
            let config = configure(&self.files, contents, self.key_log.as_ref());
            config.map_err(|error| error.to_string())
        });
        match outcome {
            Ok(config) => {
                self.current.store(Arc::new(config));
                tracing::info!(target: "plugin/tls", "{name} has changed and is shown from now on");
            }
            Err(error) => tracing::warn!(
                target: "plugin/tls",
                "{name} has changed, the one before is still shown: {error}"
            ),
        }
    }
}

fn configure(
    files: &TlsFiles,
    contents: &Contents,
    key_log: Option<&Arc<KeyLogFile>>,
) -> Result<ServerConfig, CertificateError> {
    let not_pem = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::NotPem { path, source }
    };
    let chain = CertificateDer::pem_slice_iter(&contents.certificate);
    let chain: Vec<_> = chain
        .collect::<Result<_, _>>()
        .map_err(not_pem(&files.certificate))?;
    if chain.is_empty() {
        return Err(not_pem(&files.certificate)(pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(not_pem(&files.key))?;
    let provider = Arc::new(ring::default_provider());
    let verifier = clients::verifier(files, contents.ca.as_deref(), &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    // Clients that come back show a ticket; nothing is kept for those who do not.
    config.ticketer = ring::Ticketer::new()?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    if let Some(key_log) = key_log {
        config.key_log = Arc::clone(key_log) as _;
    }
    Ok(config)
}
