//! Watches against a server that says what a script says.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Position, Sink, watch};
use crate::{Access, Client, ClientOptions, Encoding, Object, Refusal, Resource};

/// What a server answers, one connection after the other; then it is silent.
async fn serve(answers: &[(u16, &str)]) -> (Client, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut left: VecDeque<String> = answers
        .iter()
        .map(|(code, body)| {
            format!(
                "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nConnection: \
                 close\r\n\r\n{body}"
            )
        })
        .collect();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(head.get(..length).unwrap()).into_owned();
            log.lock().push(query_of(&head));
            match left.pop_front() {
                Some(answer) => {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
                None => silent.push(stream),
            }
        }
    });
    let access = Access::Endpoint { url, tls: None };
    let options = ClientOptions {
        qps: 1000.0,
        burst: 100,
        max_inflight: 0,
    };
    (Client::new(access, options, |_| {}), seen)
}

/// The parameters of a request that matter here.
fn query_of(head: &str) -> String {
    let target = head.split(' ').nth(1).unwrap_or("");
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let kept = [
        "resourceVersion=",
        "sendInitialEvents=",
        "limit=",
        "continue=",
    ];
    let parts = query
        .split('&')
        .filter(|part| kept.iter().any(|name| part.starts_with(name)));
    Vec::from_iter(parts).join(" ")
}

#[derive(Default)]
struct Told(Vec<String>);

impl Told {
    fn tell(&mut self, what: &str, object: &Object<'_>) {
        let mut version = String::new();
        object.version(&mut version);
        self.0.push(format!("{what} {version}"));
    }
}

impl Sink for Told {
    fn begin(&mut self) {
        self.0.push("begin".to_owned());
    }
    fn apply(&mut self, object: &Object<'_>) {
        self.tell("apply", object);
    }
    fn delete(&mut self, object: &Object<'_>) {
        self.tell("delete", object);
    }
    fn listed(&mut self) {
        self.0.push("listed".to_owned());
    }
    fn flush(&mut self) {}
    fn heard(&mut self) {}
    fn lost(&mut self, refusal: &Refusal) {
        self.0.push(format!("lost {refusal}"));
    }
    fn malformed(&mut self) {
        self.0.push("malformed".to_owned());
    }
}

fn event(kind: &str, version: u32) -> String {
    let metadata = format!("{{\"resourceVersion\":\"{version}\"}}");
    format!("{{\"type\":\"{kind}\",\"object\":{{\"metadata\":{metadata}}}}}\n")
}

fn list_end(version: u32) -> String {
    format!(
        "{{\"type\":\"BOOKMARK\",\"object\":{{\"metadata\":{{\"resourceVersion\":\"{version}\",\
         \"annotations\":{{\"k8s.io/initial-events-end\":\"true\"}}}}}}}}\n"
    )
}

/// What is told, and what was asked, until the server is silent.
async fn run(answers: &[(u16, &str)]) -> (Vec<String>, Vec<String>) {
    let (client, seen) = serve(answers).await;
    let resource = Resource::new("/api/v1/things", Encoding::Json);
    let (mut position, mut told) = (Position::default(), Told::default());
    let silence = async {
        while seen.lock().len() <= answers.len() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        never = watch(&client, &resource, &mut position, &mut told) => match never {},
        () = silence => {}
    }
    let asked = seen.lock().clone();
    (told.0, asked)
}

#[tokio::test]
async fn a_watch_goes_on_where_it_was_cut() {
    let first = event("ADDED", 3) + &list_end(5) + &event("MODIFIED", 6);
    let second = event("DELETED", 7);
    let (told, asked) = run(&[(200, &first), (200, &second)]).await;
    assert_eq!(told, ["begin", "apply 3", "listed", "apply 6", "delete 7"]);
    assert_eq!(
        asked,
        [
            "sendInitialEvents=true",
            "resourceVersion=6",
            "resourceVersion=7"
        ]
    );
}

#[tokio::test]
async fn what_the_server_forgot_is_listed_again() {
    let list = event("ADDED", 3) + &list_end(5);
    let gone = "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"too old\"}}\n";
    let (told, asked) = run(&[(200, &list), (200, gone), (200, &list)]).await;
    assert_eq!(
        told,
        ["begin", "apply 3", "listed", "begin", "apply 3", "listed"]
    );
    assert_eq!(asked[2], "sendInitialEvents=true");
    assert_eq!(asked[3], "resourceVersion=5");
}

#[tokio::test]
async fn a_version_that_the_server_does_not_have_is_given_up() {
    let list = event("ADDED", 3) + &list_end(5);
    let refused = "{\"message\":\"Too large resource version: 5\",\"code\":504}";
    let (told, asked) = run(&[(200, &list), (504, refused), (200, &list)]).await;
    assert_eq!(
        told.get(3).unwrap(),
        "lost Too large resource version: 5 (504)"
    );
    assert_eq!(asked.get(2).unwrap(), "sendInitialEvents=true");
}

#[tokio::test]
async fn a_list_that_is_cut_begins_again() {
    let half = event("ADDED", 3);
    let (told, asked) = run(&[(200, &half), (200, &list_end(5))]).await;
    assert_eq!(told, ["begin", "apply 3", "begin", "listed"]);
    assert_eq!(asked[1], "sendInitialEvents=true");
}

#[tokio::test]
async fn a_server_that_sends_no_lists_as_events_is_asked_for_pages() {
    let page = "{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"n\"},\"items\":[{}]}";
    let last = "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[{}]}";
    let (told, asked) = run(&[(422, "{}"), (200, page), (200, last)]).await;
    assert_eq!(told, ["begin", "apply ", "apply ", "listed"]);
    assert_eq!(
        asked,
        [
            "sendInitialEvents=true",
            "limit=500",
            "limit=500 continue=n",
            "resourceVersion=9"
        ]
    );
}

#[tokio::test]
async fn refusals_and_junk_are_told_and_survived() {
    let refused = "{\"message\":\"things are forbidden\",\"code\":403}";
    let junk = "not an event\n".to_owned() + &list_end(5);
    let (told, _) = run(&[(403, refused), (200, &junk)]).await;
    assert_eq!(
        told,
        [
            "lost things are forbidden (403)",
            "begin",
            "malformed",
            "listed"
        ]
    );
}
