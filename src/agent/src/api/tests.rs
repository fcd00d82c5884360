//! The agent as callers and applications meet it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use catena_http::client::Client;
use catena_http::{Lease, Opening};
use http_body_util::Full;
use hyper::Request;
use tokio::runtime::Handle;

use super::Api;

const PATIENCE: Duration = Duration::from_secs(10);

fn open(line: &str) -> Lease {
    let line = format!("--listen 127.0.0.1:0 {line}");
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let options = crate::parse(&args, None).unwrap().unwrap();
    let opening = Opening {
        address: &options.listen.clone(),
        tls: None,
        pages: Arc::new(Api::new(options).unwrap()),
        background: &Handle::current(),
    };
    opening.open().unwrap()
}

async fn ask(lease: &Lease, method: &str, path: &str, body: &'static str) -> (u16, String) {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", lease.local()))
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap();
    let answer = Client::plain()
        .fetch(request, 1 << 20, PATIENCE)
        .await
        .unwrap();
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    (answer.status().as_u16(), text)
}

async fn told(lease: &Lease) -> String {
    ask(lease, "GET", "/rpc/interfaces", "").await.1
}

#[tokio::test]
async fn without_a_source_it_says_what_the_original_says() {
    let agent = open("");
    assert_eq!(told(&agent).await, r#"{"success":true,"data":""}"#);
    assert_eq!(
        ask(&agent, "GET", "/healthz", "").await,
        (200, "ok".to_owned())
    );
    assert_eq!(ask(&agent, "GET", "/other", "").await.0, 404);
}

#[tokio::test]
async fn applications_register_renew_and_end() {
    let agent = open("--interface com.Listed");
    let (status, text) = ask(
        &agent,
        "PUT",
        "/v1/interfaces/com.A",
        r#"{"version":"1","ttl":5}"#,
    )
    .await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(
        ask(&agent, "PUT", "/v1/interfaces/com.A", r#"{"version":"1"}"#)
            .await
            .0,
        200
    );
    let listing = ask(&agent, "GET", "/v1/interfaces", "").await.1;
    assert_eq!(listing.matches("com.A").count(), 1, "{listing}");
    let text = told(&agent).await;
    assert!(
        text.contains("com.A") && text.contains("com.Listed"),
        "{text}"
    );
    for (path, body, status) in [
        ("/v1/interfaces/*.A", "", 422),
        ("/v1/interfaces/com.A", r#"{"ttl":0}"#, 422),
        ("/v1/interfaces/com.A", r#"{"x":0}"#, 400),
        ("/v1/interfaces", "", 405),
    ] {
        assert_eq!(
            ask(&agent, "PUT", path, body).await.0,
            status,
            "{path} {body}"
        );
    }
    assert_eq!(
        ask(&agent, "DELETE", "/v1/interfaces/com.A", "").await.0,
        200
    );
    assert_eq!(
        ask(&agent, "DELETE", "/v1/interfaces/com.A", "").await.0,
        404
    );
    assert!(!told(&agent).await.contains("com.A"));
}

#[tokio::test]
async fn an_actuator_that_is_away_is_no_empty_list() {
    let agent = open("--type DUBBO --actuator http://127.0.0.1:1/services --interface com.A");
    assert_eq!(told(&agent).await, r#"{"success":false,"data":""}"#);
    let agent = open("--interfacefile /nonexistent/list");
    assert_eq!(told(&agent).await, r#"{"success":false,"data":""}"#);
}

#[tokio::test]
async fn registrations_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let flag = format!("--state {}/state", folder.path().display());
    let agent = open(&flag);
    let path = "/v1/interfaces/com.alipay.User";
    let put = ask(&agent, "PUT", path, r#"{"version":"1.0","ttl":60}"#).await;
    assert_eq!(put.0, 200, "{}", put.1);
    let before = told(&agent).await;
    drop(agent);
    let agent = open(&flag);
    assert_eq!(told(&agent).await, before);
    ask(&agent, "DELETE", path, "").await;
    drop(agent);
    let agent = open(&flag);
    let none = told(&agent).await;
    assert!(none.contains(r#""providers":[]"#), "there are none: {none}");
    std::fs::write(folder.path().join("state"), "[").unwrap();
    let args = flag.split(' ').map(str::to_owned);
    let options = crate::parse(&Vec::from_iter(args), None).unwrap().unwrap();
    assert!(Api::new(options).is_err());
}
