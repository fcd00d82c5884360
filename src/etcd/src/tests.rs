//! The client in front of a real etcd.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use catena_testing::Etcd;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::proto::RangeRequest;
use crate::{
    Change, Client, ClientOptions, Credentials, Error, KeyValue, Position, Sink, Txn, endpoint,
    history, range_end, watch,
};

const LONG: Duration = Duration::from_secs(20);

fn client(etcd: &Etcd, credentials: Option<Credentials>) -> Client {
    client_of(&[&etcd.endpoint()], credentials)
}

fn client_of(endpoints: &[&str], credentials: Option<Credentials>) -> Client {
    let options = ClientOptions {
        endpoints: endpoints
            .iter()
            .map(|text| endpoint(text).unwrap())
            .collect(),
        credentials,
        ..ClientOptions::default()
    };
    Client::new(options, Handle::current())
}

async fn put(client: &Client, key: &str, value: &str) -> i64 {
    let done = client.txn(Txn::new().put(key, value, 0).as_request()).await;
    done.unwrap().header.unwrap().revision
}

async fn read(client: &Client, key: &str) -> Result<Vec<String>, Error> {
    let query = RangeRequest {
        key: key.into(),
        range_end: range_end(key.as_bytes()),
        ..RangeRequest::default()
    };
    let found = client.range(query).await?;
    Ok(found.kvs.iter().map(print).collect())
}

fn print(key: &KeyValue) -> String {
    let text = |octets| String::from_utf8_lossy(octets).into_owned();
    format!("{}={}", text(&key.key), text(&key.value))
}

#[tokio::test]
async fn conditions_decide_whether_a_transaction_is_done() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd, None);
    let make = Txn::new().if_absent("/a/x").put("/a/x", "1", 0);
    let made = client.txn(make.as_request()).await.unwrap();
    assert!(made.succeeded);
    assert!(!client.txn(make.as_request()).await.unwrap().succeeded);
    let revision = made.header.unwrap().revision;
    let change = |value| {
        Txn::new()
            .if_unchanged("/a/x", revision)
            .put("/a/x", value, 0)
    };
    assert!(
        client
            .txn(change("2").as_request())
            .await
            .unwrap()
            .succeeded
    );
    assert!(
        !client
            .txn(change("3").as_request())
            .await
            .unwrap()
            .succeeded
    );
    let newer = |revision| Txn::new().if_none_newer(b"/a/", revision).delete("/a/x");
    assert!(
        !client
            .txn(newer(revision).as_request())
            .await
            .unwrap()
            .succeeded
    );
    assert_eq!(read(&client, "/a/").await.unwrap(), ["/a/x=2"]);
    let done = client.txn(newer(revision + 1).as_request()).await.unwrap();
    assert!(done.succeeded);
    assert!(read(&client, "/a/").await.unwrap().is_empty());
}

#[tokio::test]
async fn keys_go_with_their_lease() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd, None);
    let lease = client.grant(0, 60).await.unwrap();
    let put = Txn::new().put("/l", "1", lease.id);
    client.txn(put.as_request()).await.unwrap();
    let left = client.time_left(lease.id).await.unwrap();
    assert!((1..=60).contains(&left), "{left}");
    assert_eq!(client.renew(lease.id).await.unwrap(), 60);
    client.revoke(lease.id).await.unwrap();
    assert!(read(&client, "/l").await.unwrap().is_empty());
    assert!(client.renew(lease.id).await.unwrap() < 1);
    assert!(client.time_left(lease.id).await.unwrap() < 1);
}

#[tokio::test]
async fn next_member_is_asked_when_one_is_lost() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let closed = "http://127.0.0.1:1";
    let client = client_of(&[closed, &etcd.endpoint()], None);
    put(&client, "/k", "1").await;
    assert_eq!(read(&client, "/k").await.unwrap(), ["/k=1"]);
    let alone = client_of(&[closed], None);
    let refused = read(&alone, "/k").await.unwrap_err();
    assert!(matches!(refused, Error::Unconnected(_)), "{refused}");
}

#[tokio::test]
async fn paused_member_costs_a_second_and_no_more() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd, None);
    put(&client, "/k", "1").await;
    etcd.signal("STOP");
    let late = timeout(Duration::from_secs(3), read(&client, "/k")).await;
    assert_eq!(late.unwrap(), Err(Error::TimedOut));
    etcd.signal("CONT");
    until(async || read(&client, "/k").await.is_ok()).await;
}

async fn until(is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, wait).await.unwrap();
}

/// Makes users `root` and `reader`, who may read `/skydns/`, and turns authentication on.
fn demand_users(etcd: &Etcd) {
    for (path, body) in [
        ("auth/user/add", r#"{"name":"root","password":"rootpw"}"#),
        ("auth/role/add", r#"{"name":"root"}"#),
        ("auth/user/grant", r#"{"user":"root","role":"root"}"#),
        ("auth/user/add", r#"{"name":"reader","password":"readpw"}"#),
        ("auth/role/add", r#"{"name":"dns"}"#),
        (
            "auth/role/grant",
            r#"{"name":"dns",
                "perm":{"permType":0,"key":"L3NreWRucy8=","range_end":"L3NreWRuczA="}}"#,
        ),
        ("auth/user/grant", r#"{"user":"reader","role":"dns"}"#),
        ("auth/enable", "{}"),
    ] {
        let answer = etcd.call(path, body);
        assert!(!answer.contains("error"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn users_show_who_they_are() {
    let Some(mut etcd) = Etcd::start(&[]) else {
        return;
    };
    let user = |user: &str, password: &str| {
        Some(Credentials {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    };
    let reader = client(&etcd, user("reader", "readpw"));
    // Not wanted yet, and then wanted.
    put(&reader, "/skydns/a", "1").await;
    demand_users(&etcd);
    assert_eq!(read(&reader, "/skydns/").await.unwrap(), ["/skydns/a=1"]);
    let denied = |result: Result<Vec<String>, Error>| {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Denied(_) | Error::Token(_)),
            "{error}"
        );
    };
    denied(read(&reader, "/other/").await);
    denied(read(&client(&etcd, None), "/skydns/").await);
    denied(read(&client(&etcd, user("reader", "wrong")), "/skydns/").await);
    // The tokens of a member do not outlive it.
    etcd.stop();
    etcd.restart();
    until(async || read(&reader, "/skydns/").await.is_ok()).await;
}

/// Prints what it is told.
struct Diary(UnboundedSender<String>);

impl Diary {
    fn note(&self, text: String) {
        let _closed = self.0.send(text);
    }
}

impl Sink for Diary {
    fn listed(&mut self, keys: Vec<KeyValue>, _revision: i64) {
        let keys: Vec<String> = keys.iter().map(print).collect();
        self.note(format!("all {}", keys.join(" ")));
    }

    fn changed(&mut self, changes: Vec<Change>, _revision: i64) {
        let changes: Vec<String> = changes
            .iter()
            .map(|change| match change {
                Change::Put(key) => print(key),
                Change::Delete { key, .. } => format!("-{}", String::from_utf8_lossy(key)),
            })
            .collect();
        self.note(changes.join(" "));
    }

    fn heard(&mut self) {}

    fn lost(&mut self, _error: &Error) {}
}

fn follow(client: &Client, prefix: &'static str) -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    let client = client.clone();
    #[expect(clippy::disallowed_methods, reason = "a test's own task")]
    tokio::spawn(async move {
        let mut position = Position::default();
        let mut diary = Diary(sender);
        match watch(&client, prefix.as_bytes(), &mut position, &mut diary).await {}
    });
    receiver
}

async fn next(diary: &mut UnboundedReceiver<String>) -> String {
    timeout(LONG, diary.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn watch_sees_the_keys_of_its_prefix_and_no_others() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd, None);
    put(&client, "/w/a", "1").await;
    put(&client, "/wx", "0").await;
    let mut diary = follow(&client, "/w/");
    assert_eq!(next(&mut diary).await, "all /w/a=1");
    put(&client, "/wx", "1").await;
    let both = Txn::new().put("/w/b", "2", 0).delete("/w/a");
    client.txn(both.as_request()).await.unwrap();
    let mut seen: Vec<_> = next(&mut diary)
        .await
        .split(' ')
        .map(str::to_owned)
        .collect();
    seen.sort();
    assert_eq!(seen, ["-/w/a", "/w/b=2"]);
}

#[tokio::test]
async fn watch_goes_on_after_a_restart_and_lists_after_compaction() {
    let Some(mut etcd) = Etcd::start(&[]) else {
        return;
    };
    let client = client(&etcd, None);
    put(&client, "/w/a", "1").await;
    let mut diary = follow(&client, "/w/");
    assert_eq!(next(&mut diary).await, "all /w/a=1");
    etcd.stop();
    etcd.restart();
    until(async || {
        let txn = Txn::new().put("/w/b", "2", 0);
        client.txn(txn.as_request()).await.is_ok()
    })
    .await;
    assert_eq!(next(&mut diary).await, "/w/b=2");
    // While the watch is away, keys change and history is compacted.
    let lone = client_of(&[&etcd.endpoint()], None);
    let (sender, mut later) = unbounded_channel();
    let mut position = Position::default();
    let mut own = Diary(sender);
    let listed = async { next(&mut later).await };
    tokio::select! {
        never = watch(&lone, b"/w/", &mut position, &mut own) => match never {},
        all = listed => assert_eq!(all, "all /w/a=1 /w/b=2"),
    }
    let gone = client.txn(Txn::new().delete("/w/a").as_request()).await;
    gone.unwrap();
    let revision = put(&client, "/w/c", "3").await;
    etcd.call("kv/compaction", &format!("{{\"revision\":{revision}}}"));
    let listed = async { next(&mut later).await };
    tokio::select! {
        never = watch(&lone, b"/w/", &mut position, &mut own) => match never {},
        all = listed => assert_eq!(all, "all /w/b=2 /w/c=3"),
    }
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd, None);
    // 25 pages of many keys, then pages of few because their values are large.
    for hundred in 0..25 {
        let range = hundred * 100..(hundred + 1) * 100;
        let txn = range.fold(Txn::new(), |txn, number| {
            txn.put(format!("/w/{number:05}"), "x", 0)
        });
        client.txn(txn.as_request()).await.unwrap();
    }
    for number in 0..20 {
        put(&client, &format!("/w/x{number:05}"), &"y".repeat(1 << 20)).await;
    }
    let mut diary = follow(&client, "/w/");
    let all = next(&mut diary).await;
    assert_eq!(all.split(' ').count(), 1 + 2500 + 20);
}

#[tokio::test]
async fn full_store_is_told_from_a_lost_one() {
    let Some(etcd) = Etcd::start(&["--quota-backend-bytes", "1000000"]) else {
        return;
    };
    let client = client(&etcd, None);
    let mut refused = None;
    for number in 0..100 {
        let txn = Txn::new().put(format!("/w/{number}"), "z".repeat(100_000), 0);
        if let Err(error) = client.txn(txn.as_request()).await {
            refused = Some(error);
            break;
        }
    }
    let Some(Error::Full(_)) = refused else {
        panic!("{refused:?}");
    };
    assert!(!read(&client, "/w/0").await.unwrap().is_empty());
}

#[tokio::test]
async fn history_is_an_earlier_state_and_all_that_changed_since() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd, None);
    for (key, value) in [("/w/a", "1"), ("/other", "1"), ("/w/b", "1"), ("/w/a", "2")] {
        put(&client, key, value).await;
    }
    let deleted = client.txn(Txn::new().delete("/w/b").as_request()).await;
    let last = deleted.unwrap().header.unwrap().revision;
    let told = |past: crate::History| {
        let keys: Vec<String> = past.keys.iter().map(print).collect();
        let changes = past.changes.iter().flat_map(|(_, changes)| changes);
        let changes: Vec<String> = changes
            .map(|change| match change {
                Change::Put(key) => print(key),
                Change::Delete { key, .. } => String::from_utf8_lossy(key).into_owned(),
            })
            .collect();
        format!("{} then {}", keys.join(" "), changes.join(" "))
    };
    let whole = history(&client, b"/w/", 100).await.unwrap();
    assert_eq!((whole.since, whole.revision()), (0, last));
    assert_eq!(told(whole), " then /w/a=1 /w/b=1 /w/a=2 /w/b");
    let late = history(&client, b"/w/", 2).await.unwrap();
    assert_eq!(told(late), "/w/a=1 /w/b=1 then /w/a=2 /w/b");
    let compacted = last - 1;
    etcd.call("kv/compaction", &format!("{{\"revision\":{compacted}}}"));
    let rest = history(&client, b"/w/", 100).await.unwrap();
    assert_eq!(rest.since, compacted);
    assert_eq!(told(rest), "/w/a=2 /w/b=1 then /w/b");
    // A change elsewhere leads to no later state.
    put(&client, "/other", "2").await;
    let quiet = history(&client, b"/w/", 100).await.unwrap();
    assert_eq!(quiet.revision(), last);
}
