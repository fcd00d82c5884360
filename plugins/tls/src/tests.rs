//! What the directive says, and what it may not say; what it does is tested with the server.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use catena_plugin::{ClientCertificates, TlsFiles};
use catena_testing::{Block, plugin_contract};

use crate::PLUGIN;

fn read(corefile: &str) -> Result<TlsFiles, String> {
    let block = Block::build(&[&PLUGIN], &format!("tls://. {{\n{corefile}\n}}"));
    match block {
        Ok(block) => Ok(block.config().tls.clone().unwrap()),
        Err(mistakes) => Err(mistakes.to_string()),
    }
}

#[test]
fn it_keeps_the_contract() {
    plugin_contract(&PLUGIN);
}

#[test]
fn files_and_what_clients_show_are_read() {
    let files = read("tls cert.pem /etc/key.pem").unwrap();
    assert_eq!(files.certificate, Path::new("cert.pem"));
    assert_eq!(files.key, Path::new("/etc/key.pem"));
    assert_eq!((files.ca, files.key_log), (None, None));
    assert_eq!(files.clients, ClientCertificates::Unasked);

    let block = "{\n client_auth verify_if_given\n keylog keys.log\n}";
    let files = read(&format!("tls cert.pem key.pem ca.pem {block}")).unwrap();
    assert_eq!(files.ca.as_deref(), Some(Path::new("ca.pem")));
    assert_eq!(files.key_log.as_deref(), Some(Path::new("keys.log")));
    assert_eq!(files.clients, ClientCertificates::VerifiedIfGiven);
}

#[test]
fn the_last_of_several_lines_counts() {
    let files = read("tls a.pem b.pem\ntls c.pem d.pem").unwrap();
    assert_eq!(files.certificate, Path::new("c.pem"));
}

#[test]
fn mistakes_are_pointed_at() {
    for (corefile, message) in [
        ("tls", "certificates from ACME are not available"),
        ("tls cert.pem", "unexpected line ending after 'tls'"),
        ("tls a b c d", "unexpected line ending after 'd'"),
        (
            "tls a b {\n client_auth maybe\n}",
            "unknown authentication type 'maybe'",
        ),
        (
            "tls a b {\n client_auth require request\n}",
            "unexpected line ending after 'request'",
        ),
        ("tls a b {\n min_version 1.3\n}", "min_version"),
    ] {
        let mistake = read(corefile).unwrap_err();
        assert!(mistake.contains(message), "{corefile}: {mistake}");
    }
}
