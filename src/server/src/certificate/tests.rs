//! Files that are good, bad and exchanged, and what clients have to show.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::sync::Arc;

use catena_plugin::ClientCertificates;
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use tempfile::TempDir;

use super::*;

/// A folder with an issuer and what it has issued.
struct Folder {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Folder {
    fn new() -> Folder {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        let made = Folder { folder, issuer };
        made.issue("cert.pem", "key.pem");
        made
    }

    /// Writes a new certificate and its key.
    fn issue(&self, certificate: &str, key: &str) {
        let mut params = CertificateParams::new(vec!["dns.test".to_owned()]).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let secret = KeyPair::generate().unwrap();
        let signed = params.signed_by(&secret, &self.issuer).unwrap();
        fs::write(self.folder.path().join(certificate), signed.pem()).unwrap();
        fs::write(self.folder.path().join(key), secret.serialize_pem()).unwrap();
    }

    fn files(&self, clients: ClientCertificates) -> TlsFiles {
        let at = |name: &str| self.folder.path().join(name);
        TlsFiles {
            certificate: at("cert.pem"),
            key: at("key.pem"),
            ca: Some(at("ca.pem")),
            clients,
            key_log: None,
            span: catena_corefile::Span::default(),
        }
    }

    /// A client that trusts the issuer and shows the pair of `names`.
    fn client(&self, names: Option<(&str, &str)>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let Some((certificate, key)) = names else {
            return builder.with_no_client_auth();
        };
        let certificate = fs::read(self.folder.path().join(certificate)).unwrap();
        let chain = CertificateDer::pem_slice_iter(&certificate);
        let chain = chain.collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(self.folder.path().join(key)).unwrap();
        builder.with_client_auth_cert(chain, key).unwrap()
    }
}

/// Shakes hands in memory; what the server shows.
fn shake_hands(server: &Certificate, client: ClientConfig) -> Result<Vec<u8>, rustls::Error> {
    let name = ServerName::try_from("dns.test").unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(server.current()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut octets = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut octets).unwrap();
        }
        let mut said = &octets[..];
        while !said.is_empty() {
            server.read_tls(&mut said).unwrap();
            server.process_new_packets()?;
        }
        let mut octets = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut octets).unwrap();
        }
        let mut said = &octets[..];
        while !said.is_empty() {
            client.read_tls(&mut said).unwrap();
            client.process_new_packets()?;
        }
    }
    Ok(client.peer_certificates().unwrap()[0].to_vec())
}

#[test]
fn clients_show_what_client_auth_says() {
    use ClientCertificates::{Requested, Required, RequiredAndVerified, Unasked, VerifiedIfGiven};
    let folder = Folder::new();
    let stranger = Folder::new();
    folder.issue("client.pem", "client-key.pem");
    stranger.issue("client.pem", "client-key.pem");
    for name in ["client.pem", "client-key.pem"] {
        let there = folder.folder.path().join(format!("stranger-{name}"));
        fs::copy(stranger.folder.path().join(name), there).unwrap();
    }
    let known = Some(("client.pem", "client-key.pem"));
    let unknown = Some(("stranger-client.pem", "stranger-client-key.pem"));
    for (clients, nothing, of_a_stranger) in [
        (Unasked, true, true),
        (Requested, true, true),
        (Required, false, true),
        (VerifiedIfGiven, true, false),
        (RequiredAndVerified, false, false),
    ] {
        let server = Certificate::read(folder.files(clients)).unwrap();
        let through = |shown| shake_hands(&server, folder.client(shown)).is_ok();
        assert!(through(known), "{clients:?}");
        assert_eq!(through(None), nothing, "{clients:?}");
        assert_eq!(through(unknown), of_a_stranger, "{clients:?}");
    }
}

#[test]
fn a_client_may_say_that_it_speaks_dot_and_nothing_else() {
    let folder = Folder::new();
    let server = Certificate::read(folder.files(ClientCertificates::Unasked)).unwrap();
    for (protocol, through) in [("dot", true), ("h2", false)] {
        let mut client = folder.client(None);
        client.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        assert_eq!(shake_hands(&server, client).is_ok(), through, "{protocol}");
    }
}

#[test]
fn files_that_are_no_good_are_refused_in_the_words_of_coredns() {
    let folder = Folder::new();
    let at = |name: &str| folder.folder.path().join(name);
    fs::write(at("text.pem"), "no certificate").unwrap();
    folder.issue("other.pem", "other-key.pem");
    let good = folder.files(ClientCertificates::Unasked);
    let refusal = |files: TlsFiles| Certificate::read(files).err().unwrap().to_string();
    let with = |change: fn(&mut TlsFiles, PathBuf), name: &str| {
        let mut files = good.clone();
        change(&mut files, at(name));
        refusal(files)
    };
    let missing = with(|files, path| files.key = path, "missing.pem");
    let path = at("missing.pem");
    let expected = format!(
        "could not load TLS cert: open {}: no such file or directory",
        path.display()
    );
    assert_eq!(missing, expected);
    let other = with(|files, path| files.key = path, "other-key.pem");
    let expected = "could not load TLS cert: tls: private key does not match public key";
    assert_eq!(other, expected);
    fs::write(at("large.pem"), vec![b'-'; 5 << 20]).unwrap();
    let large = with(|files, path| files.certificate = path, "large.pem");
    assert!(large.contains("too large for certificates"), "{large}");
    let text = with(|files, path| files.certificate = path, "text.pem");
    assert!(text.contains("text.pem"), "{text}");
    let issuers = with(|files, path| files.ca = Some(path), "text.pem");
    assert!(issuers.contains("could not read root certs"), "{issuers}");
    let log = with(|files, path| files.key_log = Some(path), "none/keys.log");
    assert!(log.contains("unable to write TLS Key Log to"), "{log}");
}

#[test]
fn the_log_of_keys_is_made_at_the_start_and_has_the_secrets_of_sessions() {
    let folder = Folder::new();
    let path = folder.folder.path().join("keys.log");
    let mut files = folder.files(ClientCertificates::Unasked);
    files.key_log = Some(path.clone());
    let server = Certificate::read(files).unwrap();
    assert!(!path.exists());
    server.key_log.as_ref().unwrap().open().unwrap();
    shake_hands(&server, folder.client(None)).unwrap();
    let text = fs::read_to_string(path).unwrap();
    assert!(
        text.starts_with("CLIENT_HANDSHAKE_TRAFFIC_SECRET "),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_pair_is_shown_and_one_that_does_not_fit_is_not() {
    let folder = Folder::new();
    let files = folder.files(ClientCertificates::Unasked);
    let server = Arc::new(Certificate::read(files).unwrap());
    let shown = || shake_hands(&server, folder.client(None)).unwrap();
    let first = shown();
    let look = || tokio::time::sleep(LOOK_EVERY + 2 * SETTLE);
    let follow = Arc::clone(&server).follow();
    let check = async {
        look().await;
        assert_eq!(shown(), first);
        folder.issue("cert.pem", "key-that-comes-late.pem");
        look().await;
        assert_eq!(shown(), first, "the key is that of the certificate before");
        fs::rename(
            folder.folder.path().join("key-that-comes-late.pem"),
            folder.folder.path().join("key.pem"),
        )
        .unwrap();
        look().await;
        let second = shown();
        assert_ne!(second, first);
        fs::remove_file(folder.folder.path().join("cert.pem")).unwrap();
        look().await;
        assert_eq!(shown(), second, "what is gone is still shown");
    };
    tokio::select! {
        () = follow => {}
        () = check => {}
    }
}
