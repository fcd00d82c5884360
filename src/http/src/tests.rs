//! Endpoints are shared, handed over and hard to hold up.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::{Address, Answer, Asked, Lease, Opening, Page};

fn open(address: &str, path: &'static str, body: &'static str) -> Lease {
    let pages =
        move |asked: &Asked| (asked.path == path).then(|| Answer::Now(Page::text(200, body)));
    let address = address.parse().unwrap();
    let opening = Opening {
        address: &address,
        tls: None,
        pages: Arc::new(pages),
        background: &Handle::current(),
    };
    opening.open().unwrap()
}

/// An address whose port was free a moment ago.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn ask(to: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn fetch(to: SocketAddr, path: &str) -> String {
    ask(to, &format!("GET {path} HTTP/1.0\r\n\r\n")).await
}

#[test]
fn addresses_are_refused_in_the_words_of_coredns() {
    let refusal = |text: &str| text.parse::<Address>().unwrap_err().to_string();
    assert_eq!(refusal("8080"), "address 8080: missing port in address");
    assert_eq!(
        refusal("::1:80"),
        "address ::1:80: too many colons in address"
    );
    let address: Address = "[::1]:80".parse().unwrap();
    assert_eq!((address.host(), address.port()), ("::1", 80));
    assert_eq!(
        ":80".parse::<Address>().unwrap().authority(),
        "localhost:80"
    );
}

#[tokio::test]
async fn two_who_open_one_address_both_answer() {
    let address = free_address();
    let first = open(&address, "/health", "OK");
    let second = open(&address, "/ready", "READY");
    assert_eq!(first.local(), second.local());
    assert!(
        fetch(first.local(), "/health")
            .await
            .ends_with("\r\n\r\nOK")
    );
    assert!(fetch(first.local(), "/ready?x=1").await.ends_with("READY"));
    assert!(fetch(first.local(), "/").await.starts_with("HTTP/1.0 404"));
}

#[tokio::test]
async fn the_listener_lives_on_while_the_new_generation_has_it() {
    let address = free_address();
    let old = open(&address, "/health", "old");
    let local = old.local();
    let mut kept = TcpStream::connect(local).await.unwrap();
    let new = open(&address, "/health", "new");
    drop(old);
    assert!(fetch(local, "/health").await.ends_with("new"));
    // A connection made before the hand-over is served after it.
    let request = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    kept.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    kept.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("new"), "{answer}");
    drop(new);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while TcpStream::connect(local).await.is_ok() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the port stays open"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let lease = open("127.0.0.1:0", "/health", "OK");
    let line = format!("X-Long: {}\r\n", "a".repeat(1000));
    let request = format!("GET /health HTTP/1.1\r\n{}\r\n", line.repeat(40));
    let answer = ask(lease.local(), &request).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_sent_away() {
    let lease = open("127.0.0.1:0", "/health", "OK");
    let mut idle = TcpStream::connect(lease.local()).await.unwrap();
    let mut answer = Vec::new();
    let ended = idle.read_to_end(&mut answer);
    tokio::time::timeout(std::time::Duration::from_secs(60), ended)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn an_address_of_another_machine_is_refused_in_one_line() {
    let address: Address = "192.0.2.1:80".parse().unwrap();
    let opening = Opening {
        address: &address,
        tls: None,
        pages: Arc::new(|_: &Asked| None),
        background: &Handle::current(),
    };
    let error = opening.open().err().unwrap().to_string();
    let expected = "listen tcp 192.0.2.1:80: bind: cannot assign requested address";
    assert_eq!(error, expected);
}
