//! Answers from a real etcd, asked and watched, and the promises of every plugin.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use catena_etcd::{Client, ClientOptions, Txn};
use catena_plugin::clock::now;
use catena_testing::{Block, Etcd, expect, plugin_contract};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::PLUGIN;

const LONG: Duration = Duration::from_secs(20);

/// What both ways of reading must answer alike.
const NAMES: &[(&str, &str)] = &[
    ("www/x1", r#"{"host":"192.0.2.1"}"#),
    ("www/x2", r#"{"host":"192.0.2.2","ttl":60}"#),
    ("www/x3", r#"{"host":"2001:db8::1"}"#),
    ("single", r#"{"host":"192.0.2.10","ttl":77}"#),
    ("alias", r#"{"host":"www.sky.test"}"#),
    ("ring1", r#"{"host":"ring2.sky.test"}"#),
    ("ring2", r#"{"host":"ring1.sky.test"}"#),
    ("out", r#"{"host":"www.outside.test"}"#),
    ("text/a", r#"{"text":"one \\\" two"}"#),
    (
        "mail/a",
        r#"{"host":"192.0.2.50","mail":true,"priority":20}"#,
    ),
    ("mail/b", r#"{"host":"mx.outside.test","mail":true}"#),
    ("bad/a", "not json"),
    ("bad/b", r#"{"host":"192.0.2.5"}"#),
    ("nohost/a", r#"{"host":"a..b"}"#),
    ("nohost/b", r#"{"host":"192.0.2.6"}"#),
    ("region1/web/a", r#"{"host":"192.0.2.21"}"#),
    ("region2/web/a", r#"{"host":"192.0.2.22"}"#),
    (
        "strip/_tcp/_x",
        r#"{"host":"192.0.2.35","port":9,"targetstrip":2}"#,
    ),
    (
        "extra",
        r#"{"host":"192.0.2.36","owner":"default","colour":7,"targetstrip":1}"#,
    ),
];

fn client(etcd: &Etcd) -> Client {
    let options = ClientOptions {
        endpoints: vec![catena_etcd::endpoint(&etcd.endpoint()).unwrap()],
        ..ClientOptions::default()
    };
    Client::new(options, Handle::current())
}

async fn put(client: &Client, name: &str, value: &str) {
    let key = format!("/skydns/test/sky/{name}");
    write(client, &Txn::new().put(key, value, 0)).await;
}

async fn delete(client: &Client, name: &str) {
    let key = format!("/skydns/test/sky/{name}");
    write(client, &Txn::new().delete(key)).await;
}

/// Writes, again if a connection from before a restart stood in the way.
async fn write(client: &Client, txn: &Txn) {
    let began = now();
    while let Err(error) = client.txn(txn.as_request()).await {
        assert!(began.elapsed() < LONG, "{error}");
    }
}

/// A started server block in front of `etcd`, with `properties`.
async fn block(etcd: &Etcd, properties: &str) -> Block {
    let endpoint = etcd.endpoint();
    let corefile = format!(
        ". {{\netcd sky.test {{\nendpoint {endpoint}\n{properties}\n}}\nscript {{\n\
         * A answer \"{{qname}} 5 IN A 198.51.100.1\"\n* AAAA answer \
         \"{{qname}} 5 IN AAAA 2001:db8::9\"\n}}\n}}\n"
    );
    let block = Block::build(&[&PLUGIN], &corefile).unwrap();
    block.start().await.unwrap();
    block
}

/// Asks until the answer has `wanted`, and says how long that took.
async fn until(block: &Block, question: &str, wanted: &str) -> Duration {
    let began = now();
    loop {
        let answer = block.ask(question).await;
        if answer.contains(wanted) {
            return began.elapsed();
        }
        assert!(began.elapsed() < LONG, "no {wanted} in\n{answer}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// All answers, with the serial of SOA records left out.
async fn ask_all(block: &Block) -> String {
    let questions = [
        "www.sky.test. A",
        "www.sky.test. AAAA",
        "WWW.Sky.Test. CAA",
        "alias.sky.test. A",
        "alias.sky.test. CNAME",
        "ring1.sky.test. A",
        "out.sky.test. A",
        "text.sky.test. TXT",
        "mail.sky.test. MX",
        "bad.sky.test. A",
        "b.bad.sky.test. A",
        "nohost.sky.test. A",
        "web.*.sky.test. A",
        "strip.sky.test. SRV",
        "www.sky.test. SRV",
        "extra.sky.test. A",
        "none.sky.test. A",
        r"/\.\./other.sky.test. A",
    ];
    let mut all = String::new();
    for question in questions {
        let answer = block.ask(question).await;
        let answer = answer.lines().map(|line| {
            let (before, soa) = line
                .split_once(" hostmaster.sky.test. ")
                .unwrap_or((line, ""));
            format!("{before}{}\n", if soa.is_empty() { "" } else { " ..." })
        });
        all += &format!("{question}\n{}", answer.collect::<String>());
    }
    all
}

#[test]
fn it_keeps_the_promises_of_every_plugin() {
    plugin_contract(&PLUGIN);
}

#[test]
fn mistakes_say_what_coredns_says() {
    for (property, place, words) in [
        ("credentials one", "3:1", "credentials requires 2 arguments"),
        ("max-lease-ttl -5s", "3:1", "TTL must be non-negative"),
        ("min-lease-ttl x", "3:1", "invalid TTL format"),
        ("tls a b c d", "3:1", "maximum of three arguments allowed"),
        (
            "endpoint unix:///etcd",
            "3:10",
            "http://HOST:PORT or https://",
        ),
        ("watch now", "3:7", "unexpected line ending after 'now'"),
        ("watched", "3:1", "did you mean 'watch'?"),
    ] {
        let corefile = format!("example.org {{\netcd {{\n{property}\n}}\n}}\n");
        let Err(findings) = Block::build(&[&PLUGIN], &corefile) else {
            panic!("{property} is no mistake");
        };
        let findings = findings.to_string();
        assert!(
            findings.starts_with(&format!("Corefile:{place}:")),
            "{findings}"
        );
        assert!(findings.contains(words), "{findings}");
    }
}

#[tokio::test]
async fn watched_names_are_answered_as_those_that_are_asked_for() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd);
    for (name, value) in NAMES {
        put(&client, name, value).await;
    }
    let asking = block(&etcd, "").await;
    let watching = block(&etcd, "watch").await;
    let answers = ask_all(&asking).await;
    expect![[r#"
        www.sky.test. A
        NOERROR aa rd
          answer www.sky.test. 300 IN A 192.0.2.1
          answer www.sky.test. 60 IN A 192.0.2.2
        www.sky.test. AAAA
        NOERROR aa rd
          answer www.sky.test. 300 IN AAAA 2001:db8::1
        WWW.Sky.Test. CAA
        NOERROR aa rd
          authority sky.test. 30 IN SOA ns.dns.sky.test. ...
        alias.sky.test. A
        NOERROR aa rd
          answer alias.sky.test. 300 IN CNAME www.sky.test.
          answer www.sky.test. 300 IN A 192.0.2.1
          answer www.sky.test. 60 IN A 192.0.2.2
        alias.sky.test. CNAME
        NOERROR aa rd
          answer alias.sky.test. 300 IN CNAME www.sky.test.
        ring1.sky.test. A
        NOERROR aa rd
          authority sky.test. 30 IN SOA ns.dns.sky.test. ...
        out.sky.test. A
          script saw www.outside.test. A
        NOERROR aa rd
          answer out.sky.test. 300 IN CNAME www.outside.test.
          answer www.outside.test. 5 IN A 198.51.100.1
        text.sky.test. TXT
        NOERROR aa rd
          answer text.sky.test. 300 IN TXT "one \" two"
        mail.sky.test. MX
          script saw mx.outside.test. A
          script saw mx.outside.test. AAAA
        NOERROR aa rd
          answer mail.sky.test. 300 IN MX 20 a.mail.sky.test.
          answer mail.sky.test. 300 IN MX 10 mx.outside.test.
          additional a.mail.sky.test. 300 IN A 192.0.2.50
          additional mx.outside.test. 5 IN A 198.51.100.1
          additional mx.outside.test. 5 IN AAAA 2001:db8::9
        bad.sky.test. A
        SERVFAIL aa rd
          authority sky.test. 30 IN SOA ns.dns.sky.test. ...
          error: /skydns/test/sky/bad/a: expected ident at line 1 column 2
        b.bad.sky.test. A
        NOERROR aa rd
          answer b.bad.sky.test. 300 IN A 192.0.2.5
        nohost.sky.test. A
        NOERROR aa rd
          answer nohost.sky.test. 300 IN A 192.0.2.6
        web.*.sky.test. A
        NOERROR aa rd
          answer web.*.sky.test. 300 IN A 192.0.2.21
          answer web.*.sky.test. 300 IN A 192.0.2.22
        strip.sky.test. SRV
        NOERROR aa rd
          answer strip.sky.test. 300 IN SRV 10 100 9 strip.sky.test.
          additional strip.sky.test. 300 IN A 192.0.2.35
        www.sky.test. SRV
        NOERROR aa rd
          answer www.sky.test. 300 IN SRV 10 33 0 x1.www.sky.test.
          answer www.sky.test. 60 IN SRV 10 33 0 x2.www.sky.test.
          answer www.sky.test. 300 IN SRV 10 33 0 x3.www.sky.test.
          additional x1.www.sky.test. 300 IN A 192.0.2.1
          additional x2.www.sky.test. 60 IN A 192.0.2.2
          additional x3.www.sky.test. 300 IN AAAA 2001:db8::1
        extra.sky.test. A
        NOERROR aa rd
          answer extra.sky.test. 300 IN A 192.0.2.36
        none.sky.test. A
        NXDOMAIN aa rd
          authority sky.test. 30 IN SOA ns.dns.sky.test. ...
        /\.\./other.sky.test. A
        NXDOMAIN aa rd
          authority sky.test. 30 IN SOA ns.dns.sky.test. ...
    "#]]
    .assert_eq(&answers);
    assert_eq!(ask_all(&watching).await, answers);
}

#[tokio::test]
async fn changes_show_at_once() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd);
    let block = block(&etcd, "watch").await;
    put(&client, "new", r#"{"host":"192.0.2.1"}"#).await;
    let took = until(&block, "new.sky.test. A", "192.0.2.1").await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    put(&client, "new", r#"{"host":"192.0.2.2"}"#).await;
    until(&block, "new.sky.test. A", "192.0.2.2").await;
    put(&client, "new/below", r#"{"host":"192.0.2.3"}"#).await;
    until(&block, "new.sky.test. A", "192.0.2.3").await;
    delete(&client, "new/below").await;
    delete(&client, "new").await;
    until(&block, "new.sky.test. A", "NXDOMAIN").await;
}

/// How soon a change must be answered, and how often a busy machine may be late.
const SOON: Duration = Duration::from_millis(50);
const LATE_MAX: usize = 5;

#[tokio::test]
async fn a_change_is_answered_within_50_milliseconds() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd);
    let block = block(&etcd, "watch").await;
    put(&client, "new", r#"{"host":"192.0.2.0"}"#).await;
    until(&block, "new.sky.test. A", "192.0.2.0").await;
    let mut late = Vec::new();
    for last in 1..=20 {
        let address = format!("192.0.2.{}", 100 + last);
        put(&client, "new", &format!(r#"{{"host":"{address}"}}"#)).await;
        let took = until(&block, "new.sky.test. A", &address).await;
        late.extend(Some(took).filter(|took| *took > SOON));
    }
    assert!(late.len() <= LATE_MAX, "{late:?} of 20");
}

#[tokio::test]
async fn watched_names_outlive_etcd_and_a_reload() {
    let Some(mut etcd) = Etcd::start(&[]) else {
        return;
    };
    let client = client(&etcd);
    put(&client, "a", r#"{"host":"192.0.2.1"}"#).await;
    put(&client, "gone", r#"{"host":"192.0.2.9"}"#).await;
    let old = block(&etcd, "watch").await;
    until(&old, "a.sky.test. A", "192.0.2.1").await;
    etcd.stop();
    assert!(old.ask("a.sky.test. A").await.contains("192.0.2.1"));
    // The next generation takes over what the old one knows, etcd or not.
    let new = block(&etcd, "watch").await;
    assert!(new.ask("a.sky.test. A").await.contains("192.0.2.1"));
    old.stop();
    drop(old);
    etcd.restart();
    delete(&client, "gone").await;
    put(&client, "b", r#"{"host":"192.0.2.2"}"#).await;
    until(&new, "b.sky.test. A", "192.0.2.2").await;
    assert!(new.ask("gone.sky.test. A").await.contains("NXDOMAIN"));
}

#[tokio::test]
async fn nothing_is_denied_before_it_is_known() {
    let Some(mut etcd) = Etcd::start(&[]) else {
        return;
    };
    etcd.stop();
    let block = block(&etcd, "watch").await;
    assert!(block.ask("a.sky.test. A").await.contains("SERVFAIL"));
    etcd.restart();
    until(&block, "a.sky.test. A", "NXDOMAIN").await;
}

#[tokio::test]
async fn aliases_that_branch_and_branch_again_end() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd);
    for name in 0..12 {
        for branch in 0..12 {
            let value = format!(r#"{{"host":"n{branch}.sky.test"}}"#);
            put(&client, &format!("n{name}/{branch}"), &value).await;
        }
    }
    for properties in ["", "watch"] {
        let block = block(&etcd, properties).await;
        let began = now();
        let _bounded = block.ask("n0.sky.test. A").await;
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
    }
}

#[tokio::test]
async fn leases_bound_the_ttl() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let client = client(&etcd);
    let lease = client.grant(0, 100).await.unwrap().id;
    for (name, value) in [
        ("l1", r#"{"host":"192.0.2.1"}"#),
        ("l2", r#"{"host":"192.0.2.2","ttl":50}"#),
    ] {
        let key = format!("/skydns/test/sky/{name}");
        let put = Txn::new().put(key, value, lease);
        client.txn(put.as_request()).await.unwrap();
    }
    for properties in ["max-lease-ttl 90", "max-lease-ttl 90\nwatch"] {
        let block = block(&etcd, properties).await;
        until(&block, "l1.sky.test. A", " 90 IN A 192.0.2.1").await;
        until(&block, "l2.sky.test. A", " 50 IN A 192.0.2.2").await;
    }
}
