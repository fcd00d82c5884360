//! What clients have to show, in the terms of `client_auth`.

use std::path::Path;
use std::sync::Arc;

use catena_plugin::{ClientCertificates, TlsFiles};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::CertificateError;

/// Checks clients as `files` says, by the issuers in `ca` or else by those of the system.
pub(super) fn verifier(
    files: &TlsFiles,
    ca: Option<&[u8]>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
    // Read also where nobody is checked: a file that is no good is a mistake in any case.
    let given = match (&files.ca, ca) {
        (Some(path), Some(ca)) => Some(issuers(path, ca)?),
        _ => None,
    };
    let any = |is_required| {
        let provider = Arc::clone(provider);
        Arc::new(Anyone {
            is_required,
            provider,
        })
    };
    let is_required = match files.clients {
        ClientCertificates::Unasked => return Ok(WebPkiClientVerifier::no_client_auth()),
        ClientCertificates::Requested => return Ok(any(false)),
        ClientCertificates::Required => return Ok(any(true)),
        ClientCertificates::VerifiedIfGiven => false,
        ClientCertificates::RequiredAndVerified => true,
    };
    let is_given = given.is_some();
    let roots = Arc::new(given.unwrap_or_else(system_issuers));
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    if !is_given {
        // Clients need not be told of all the issuers of the system.
        builder = builder.clear_root_hint_subjects();
    }
    if !is_required {
        builder = builder.allow_unauthenticated();
    }
    let built = builder.build();
    built.map_err(|error| CertificateError::Issuers(error.to_string()))
}

fn issuers(path: &Path, octets: &[u8]) -> Result<RootCertStore, CertificateError> {
    let refused = |why: String| CertificateError::Issuers(format!("{}: {why}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(octets) {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|error| refused(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(refused("no certificate in it".to_owned())),
        false => Ok(roots),
    }
}

fn system_issuers() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Takes any certificate whose key the client has.
#[derive(Debug)]
struct Anyone {
    is_required: bool,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Anyone {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
