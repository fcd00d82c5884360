//! Exchanges with an HTTPS server on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::upstream::TlsClientFiles;
use crate::upstream::streams::tests::certificate;

fn query() -> Vec<u8> {
    b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01".to_vec()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn whole(packet: &[u8]) -> Option<Vec<u8>> {
    Some(packet.to_vec())
}

type Seen = Arc<Mutex<Vec<String>>>;

/// A server that sends every body back as a reply, and says `status`.
async fn server(tls: TlsAcceptor, status: StatusCode) -> (Endpoint, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::from(listener.local_addr().unwrap());
    let seen = Seen::default();
    let notes = Arc::clone(&seen);
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = tls.accept(stream).await else {
                continue;
            };
            let notes = Arc::clone(&notes);
            let service = service_fn(move |request: Request<Incoming>| {
                let asked = format!("{} {}", request.method(), request.uri().path());
                let by_url = request.uri().query().map(str::to_owned);
                notes
                    .lock()
                    .push(asked + &by_url.map(|q| format!("?{q}")).unwrap_or_default());
                async move {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let mut reply = if body.is_empty() {
                        query()
                    } else {
                        body.to_vec()
                    };
                    reply[..2].fill(0);
                    reply[2] |= 0x80;
                    let response = Response::builder().status(status);
                    Ok::<_, Infallible>(response.body(Full::new(Bytes::from(reply))).unwrap())
                }
            });
            spawn(async move {
                let http = http2::Builder::new(TokioExecutor::new());
                let _closed = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (endpoint, seen)
}

fn https(endpoint: Endpoint, client: &TlsClient, method: HttpMethod) -> Https {
    Https::new(endpoint, client, None, method, StreamOptions::default())
}

#[tokio::test]
async fn queries_go_by_body_or_by_url_on_one_connection() {
    let (ca, acceptor) = certificate(&["127.0.0.1"]);
    let (endpoint, seen) = server(acceptor, StatusCode::OK).await;
    let client = TlsClient::new(&TlsClientFiles::listed([ca.clone()])).unwrap();
    for method in [HttpMethod::Post, HttpMethod::Get] {
        let https = https(endpoint, &client, method);
        for reused in [false, true] {
            let answer = https.exchange(&query(), soon(), whole).await.unwrap();
            assert_eq!(answer.reply[12..], query()[12..]);
            assert_eq!(answer.reused, reused);
        }
    }
    let get = "GET /dns-query?dns=AAABAAABAAAAAAAAAWEAAAEAAQ";
    assert_eq!(
        *seen.lock(),
        ["POST /dns-query", "POST /dns-query", get, get]
    );
    std::fs::remove_file(ca).unwrap();
}

#[tokio::test]
async fn a_status_that_is_not_ok_is_an_error_that_names_it() {
    let (ca, acceptor) = certificate(&["127.0.0.1"]);
    let (endpoint, _) = server(acceptor, StatusCode::FORBIDDEN).await;
    let client = TlsClient::new(&TlsClientFiles::listed([ca.clone()])).unwrap();
    let https = https(endpoint, &client, HttpMethod::Post);
    let error = https.exchange(&query(), soon(), whole).await.unwrap_err();
    assert!(error.to_string().contains("403"), "{error}");
    std::fs::remove_file(ca).unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_prove_its_name_gets_no_query() {
    let (ca, acceptor) = certificate(&["dns.test"]);
    let (endpoint, seen) = server(acceptor, StatusCode::OK).await;
    let client = TlsClient::new(&TlsClientFiles::listed([ca.clone()])).unwrap();
    let https = https(endpoint, &client, HttpMethod::Post);
    assert!(https.exchange(&query(), soon(), whole).await.is_err());
    assert!(seen.lock().is_empty());
    std::fs::remove_file(ca).unwrap();
}

#[test]
fn urls_hold_base64_without_padding() {
    // RFC 4648 section 10.
    assert_eq!(base64_url(b"f"), "Zg");
    assert_eq!(base64_url(b"fo"), "Zm8");
    assert_eq!(base64_url(b"foo"), "Zm9v");
    assert_eq!(base64_url(&[0xff, 0xfe]), "__4");
}
