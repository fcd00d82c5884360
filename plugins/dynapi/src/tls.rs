//! The certificate that the API shows, and those it asks for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use catena_http::Peer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// What the API shows of itself and asks for.
#[derive(Clone)]
pub(crate) struct Certificate {
    /// The certificate, its key, and whose certificates clients may show.
    pub files: Files,
    pub config: Arc<ServerConfig>,
}

type Files = (PathBuf, PathBuf, Option<PathBuf>);

impl Certificate {
    /// Reads a certificate and its key; with a CA, clients may show certificates issued by it.
    pub fn load(files: Files) -> Result<Certificate, String> {
        let config = load(&files.0, &files.1, files.2.as_deref())?;
        Ok(Certificate { files, config })
    }
}

fn load(cert: &Path, key: &Path, ca: Option<&Path>) -> Result<Arc<ServerConfig>, String> {
    let secret = PrivateKeyDer::from_pem_file(key);
    let secret = secret.map_err(|error| format!("{}: {error}", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = match ca {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca)? {
                let added = roots.add(certificate);
                added.map_err(|error| format!("{}: {error}", ca.display()))?;
            }
            let roots = Arc::new(roots);
            let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
            let built = builder.allow_unauthenticated().build();
            built.map_err(|error| format!("{}: {error}", ca.display()))?
        }
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(cert)?, secret)
        .map_err(|error| format!("{}: {error}", cert.display()))?;
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    read.map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether `peer` has shown a certificate that was issued to `host`.
pub(crate) fn is_issued_to(peer: &Peer, host: &str) -> bool {
    let Some(certificate) = &peer.certificate else {
        return false;
    };
    let Ok(host) = ServerName::try_from(host) else {
        return false;
    };
    let certificate = webpki::EndEntityCert::try_from(certificate);
    certificate.is_ok_and(|own| own.verify_is_valid_for_subject_name(&host).is_ok())
}
