//! Exchanges over TCP and TLS with scripted servers on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::upstream::TlsClientFiles;

fn query() -> Vec<u8> {
    b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01".to_vec()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn whole(packet: &[u8]) -> Option<Vec<u8>> {
    Some(packet.to_vec())
}

async fn next_query(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let length = stream.read_u16().await.ok()?;
    let mut packet = vec![0; usize::from(length)];
    stream.read_exact(&mut packet).await.ok()?;
    Some(packet)
}

fn framed_reply(query: &[u8]) -> Vec<u8> {
    let mut framed = Vec::new();
    frame::append(&mut framed, |out| {
        out.extend_from_slice(query);
        out[4] |= 0x80;
    });
    framed
}

/// How a scripted server treats each connection.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers all queries.
    Answer,
    /// Answers one query and closes.
    AnswerOnce,
    /// Sends forged and broken frames before each answer.
    Lie,
    /// Reads and says nothing.
    Silent,
}

struct Scripted {
    endpoint: Endpoint,
    accepted: Arc<AtomicUsize>,
}

async fn scripted(manner: Manner, tls: Option<TlsAcceptor>) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::from(listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            let tls = tls.clone();
            spawn(async move {
                match tls {
                    None => converse(stream, manner).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            converse(stream, manner).await;
                        }
                    }
                }
            });
        }
    });
    Scripted { endpoint, accepted }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, manner: Manner) {
    while let Some(query) = next_query(&mut stream).await {
        let answer = framed_reply(&query);
        let sent = match manner {
            Manner::Silent => continue,
            Manner::Answer | Manner::AnswerOnce => answer,
            Manner::Lie => {
                let mut forged = answer.clone();
                forged[2] ^= 1;
                [forged, vec![0, 0, 0, 1, 7], answer].concat()
            }
        };
        if stream.write_all(&sent).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        if matches!(manner, Manner::AnswerOnce) {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

#[tokio::test]
async fn connection_is_used_again() {
    let server = scripted(Manner::Answer, None).await;
    let streams = Streams::tcp(server.endpoint, StreamOptions::default());
    for reused in [false, true, true] {
        let answer = streams.exchange(&query(), soon(), whole).await.unwrap();
        assert_eq!(answer.reply[12..], query()[12..]);
        assert_eq!(answer.reused, reused);
    }
    assert_eq!(server.accepted.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn connection_that_the_server_closed_is_replaced() {
    let server = scripted(Manner::AnswerOnce, None).await;
    let streams = Streams::tcp(server.endpoint, StreamOptions::default());
    for _ in 0..3 {
        let answer = streams.exchange(&query(), soon(), whole).await.unwrap();
        assert!(!answer.reused);
    }
    assert_eq!(server.accepted.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn idle_connections_are_kept_up_to_the_limit_and_closed_when_they_expire() {
    let server = scripted(Manner::Answer, None).await;
    let expire = Duration::from_millis(50);
    let streams = Streams::tcp(
        server.endpoint,
        StreamOptions {
            expire,
            max_idle: Some(1),
            max_age: None,
        },
    );
    let (asked, asked_too) = (query(), query());
    let (one, other) = tokio::join!(
        streams.exchange(&asked, soon(), whole),
        streams.exchange(&asked_too, soon(), whole),
    );
    assert!(one.is_ok() && other.is_ok());
    let thread = std::thread::current().id();
    let count = |streams: &Streams| streams.kept.lock().get(&thread).unwrap().idle.len();
    assert_eq!(count(&streams), 1);
    tokio::time::sleep(3 * expire).await;
    assert_eq!(count(&streams), 0);
    assert!(
        !streams
            .exchange(&query(), soon(), whole)
            .await
            .unwrap()
            .reused
    );
}

#[tokio::test]
async fn connection_that_is_too_old_is_not_used_again() {
    let server = scripted(Manner::Answer, None).await;
    let options = StreamOptions {
        max_age: Some(Duration::ZERO),
        ..StreamOptions::default()
    };
    let streams = Streams::tcp(server.endpoint, options);
    for _ in 0..2 {
        let answer = streams.exchange(&query(), soon(), whole).await.unwrap();
        assert!(!answer.reused);
    }
}

#[tokio::test]
async fn frames_that_are_no_reply_are_skipped() {
    let server = scripted(Manner::Lie, None).await;
    let streams = Streams::tcp(server.endpoint, StreamOptions::default());
    for _ in 0..2 {
        assert!(streams.exchange(&query(), soon(), whole).await.is_ok());
    }
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_refusal_at_once() {
    let server = scripted(Manner::Silent, None).await;
    let streams = Streams::tcp(server.endpoint, StreamOptions::default());
    let deadline = Instant::now() + Duration::from_millis(50);
    let error = streams
        .exchange(&query(), deadline, whole)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = Endpoint::from(listener.local_addr().unwrap());
    drop(listener);
    let streams = Streams::tcp(nobody, StreamOptions::default());
    let error = streams.exchange(&query(), soon(), whole).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

/// A certificate for `names`, its file, and what a server needs to show it.
pub(crate) fn certificate(names: &[&str]) -> (PathBuf, TlsAcceptor) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let number = rand::random::<u64>();
    let path = std::env::temp_dir().join(format!("catena-transport-{number:x}.pem"));
    std::fs::write(&path, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (path, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn tls_server_proves_its_name_or_its_address() {
    let (ca, acceptor) = certificate(&["dns.test", "127.0.0.1"]);
    let server = scripted(Manner::Answer, Some(acceptor)).await;
    let client = TlsClient::new(&TlsClientFiles::listed([ca.clone()])).unwrap();
    let named = |name: &str| Some(ServerName::try_from(name.to_owned()).unwrap());
    for (name, proven) in [
        (named("dns.test"), true),
        (None, true),
        (named("other.test"), false),
    ] {
        let options = StreamOptions::default();
        let streams = Streams::tls(server.endpoint, client.clone(), name, options);
        for _ in 0..2 {
            let answer = streams.exchange(&query(), soon(), whole).await;
            assert_eq!(answer.is_ok(), proven, "{answer:?}");
        }
    }
    std::fs::remove_file(ca).unwrap();
}

#[tokio::test]
async fn tls_server_without_a_trusted_certificate_is_refused() {
    let (ca, _) = certificate(&["127.0.0.1"]);
    let (other, acceptor) = certificate(&["127.0.0.1"]);
    let server = scripted(Manner::Answer, Some(acceptor)).await;
    let client = TlsClient::new(&TlsClientFiles::listed([ca.clone()])).unwrap();
    let streams = Streams::tls(server.endpoint, client, None, StreamOptions::default());
    assert!(streams.exchange(&query(), soon(), whole).await.is_err());
    std::fs::remove_file(ca).unwrap();
    std::fs::remove_file(other).unwrap();
}

#[test]
fn missing_and_empty_certificate_files_are_named() {
    let refusal = |files: &[&str]| {
        let files = TlsClientFiles::listed(files.iter().map(PathBuf::from));
        TlsClient::new(&files).unwrap_err().to_string()
    };
    let missing = refusal(&["no/such.pem"]);
    assert!(missing.starts_with("no/such.pem: "), "{missing}");
    let empty = refusal(&["Cargo.toml"]);
    assert_eq!(empty, "Cargo.toml: no certificate in it");
}

#[test]
fn key_that_does_not_fit_is_refused_in_the_name_of_its_certificate() {
    let (certificate, _) = certificate(&["dns.test"]);
    let key = certificate.with_extension("key");
    let other = rcgen::KeyPair::generate().unwrap();
    std::fs::write(&key, other.serialize_pem()).unwrap();
    let files = TlsClientFiles::listed([certificate.clone(), key.clone()]);
    let refusal = TlsClient::new(&files).unwrap_err().to_string();
    let place = format!("{}: ", certificate.display());
    assert!(refusal.starts_with(&place), "{refusal}");
    std::fs::remove_file(certificate).unwrap();
    std::fs::remove_file(key).unwrap();
}
