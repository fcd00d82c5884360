//! Keys in a real etcd.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::Name;
use catena_testing::Etcd as RealEtcd;

use super::Etcd;
use crate::entry::Entry;

fn open(etcd: &RealEtcd) -> Etcd {
    let line = [
        "--etcdendpoints",
        &etcd.endpoint(),
        "--master",
        "http://127.0.0.1:1",
    ];
    let args: Vec<String> = line.iter().map(ToString::to_string).collect();
    let options = crate::parse(&args).unwrap().unwrap();
    let crate::options::Target::Etcd(target) = &options.target else {
        unreachable!()
    };
    Etcd::open(target, &options).unwrap()
}

fn entry(name: &str, addresses: &[&str]) -> Entry {
    let addresses = addresses.iter().map(|text| text.parse::<IpAddr>().unwrap());
    Entry {
        name: name.parse().unwrap(),
        zone: Arc::new(Name::root()),
        addresses: addresses.collect(),
        ttl: 3600,
    }
}

/// What etcd has, as its gateway tells it.
fn keys(etcd: &RealEtcd) -> Vec<String> {
    let told = etcd.call("kv/range", r#"{"key":"Lw==","range_end":"MA=="}"#);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let keys = told["kvs"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| decode(value.as_str().unwrap());
    keys.iter()
        .map(|key| format!("{} {}", text(&key["key"]), text(&key["value"])))
        .collect()
}

/// Base64 that is known to be good.
fn decode(text: &str) -> String {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut out) = (0usize, 0, Vec::new());
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let digit = digits.iter().position(|digit| *digit == letter).unwrap();
        bits = bits << 6 | digit;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn a_name_with_one_address_is_one_key_as_the_original_writes_it() {
    let Some(real) = RealEtcd::start(&[]) else {
        return;
    };
    let etcd = open(&real);
    let one = entry("com.a.rpc.cluster.local.", &["10.0.0.1"]);
    etcd.put(&one, None).await.unwrap();
    let value = r#"{"host":"10.0.0.1","owner":"rpc-controller","ttl":3600}"#;
    assert_eq!(
        keys(&real),
        [format!("/skydns/local/cluster/rpc/a/com {value}")]
    );
    let found = etcd.read().await.unwrap().ours;
    assert_eq!(found.values().collect::<Vec<_>>(), [&one]);

    let two = entry("com.a.rpc.cluster.local.", &["10.0.0.1", "10.0.0.2"]);
    etcd.put(&two, Some(&one)).await.unwrap();
    let found = etcd.read().await.unwrap().ours;
    assert_eq!(found.values().collect::<Vec<_>>(), [&two]);
    assert_eq!(keys(&real).len(), 2);

    etcd.put(&one, Some(&two)).await.unwrap();
    assert_eq!(keys(&real).len(), 1);
    etcd.remove(&one).await.unwrap();
    etcd.remove(&one).await.unwrap();
    assert!(keys(&real).is_empty());
}

#[tokio::test]
async fn keys_of_others_are_known_to_be_theirs() {
    let Some(real) = RealEtcd::start(&[]) else {
        return;
    };
    let etcd = open(&real);
    for (name, value) in [
        ("theirs", r#"{"host":"10.0.0.1","owner":"external-dns"}"#),
        ("original", r#"{"host":"10.0.0.1","ttl":3600}"#),
        ("broken", "{"),
    ] {
        let key = format!("/skydns/local/{name}");
        let txn = catena_etcd::Txn::new().put(key, value, 0);
        etcd.client.txn(txn.as_request()).await.unwrap();
    }
    let found = etcd.read().await.unwrap();
    assert!(found.ours.is_empty());
    assert_eq!(found.taken.len(), 1);
    assert!(found.taken.contains("theirs.local."));
}
