//! What `tls` says: the files of a certificate, and what clients have to show.

use std::path::PathBuf;

use catena_corefile::Span;

/// The certificate that encrypted listeners show, as the Corefile names it.
///
/// The server reads the files when the Corefile is set up, and again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those of its issuers.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The issuers of the certificates of clients; those of the system without it.
    pub ca: Option<PathBuf>,
    /// What clients have to show.
    pub clients: ClientCertificates,
    /// Where the secrets of sessions are written, for debugging.
    pub key_log: Option<PathBuf>,
    /// Where the directive stands, for errors.
    pub span: Span,
}

/// Whether clients show certificates, and whether it matters whose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked for one.
    #[default]
    Unasked,
    /// They are asked; any will do, and none.
    Requested,
    /// Any will do.
    Required,
    /// None will do, but if there is one it must be of a known issuer.
    VerifiedIfGiven,
    /// It must be of a known issuer.
    RequiredAndVerified,
}
