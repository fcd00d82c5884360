//! What is said to places, which answer what a script says.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use catena_dns::{Class, Message, Name};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Place;
use crate::entry::Entry;

/// What a server was asked, one text a connection.
type Asked = JoinHandle<Vec<String>>;

/// A server that gives one answer after the other over HTTP; each as status and body.
async fn web(answers: &'static [(u16, &'static str)]) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            asked.push(request(&mut stream).await);
            let answer = format!(
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    (url, asked)
}

/// Method, target, credentials and body of a request.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut some = [0; 4096];
        let length = stream.read(&mut some).await.unwrap();
        text.push_str(std::str::from_utf8(&some[..length]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let field = |name: &str| {
            let mut lines = head.lines();
            let line = lines.find(|line| line.to_ascii_lowercase().starts_with(name));
            line.map(|line| line[name.len()..].trim().to_owned())
        };
        let wanted: usize = field("content-length:").map_or(0, |text| text.parse().unwrap());
        if body.len() >= wanted {
            let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
            let token = field("authorization:").unwrap_or_default();
            return format!("{line} [{token}] {body}");
        }
    }
}

fn open(line: &str) -> Place {
    let line = format!("{line} --master http://127.0.0.1:1");
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    Place::open(&crate::parse(&args).unwrap().unwrap()).unwrap()
}

fn entry(addresses: &[&str]) -> Entry {
    let addresses = addresses.iter().map(|text| text.parse::<IpAddr>().unwrap());
    Entry {
        name: "com.a.rpc.cluster.local.".parse().unwrap(),
        zone: Arc::new(zone()),
        addresses: addresses.collect(),
        ttl: 3600,
    }
}

fn zone() -> Name {
    "rpc.cluster.local.".parse().unwrap()
}

#[tokio::test]
async fn the_older_interface_is_spoken_as_the_original_does() {
    let (url, asked) = web(&[
        (200, "OK"),
        (200, "OK"),
        (400, "Record does not exist"),
        (400, "Zone not found"),
    ])
    .await;
    let place = open(&format!("--coredns {url}"));
    let one = entry(&["10.0.0.1"]);
    place.put(&one, None).await.unwrap();
    place.remove(&one).await.unwrap();
    place.remove(&one).await.unwrap();
    let error = place.put(&one, None).await.unwrap_err().to_string();
    assert!(error.contains("Zone not found"), "{error}");
    let body = concat!(
        r#"{"zone":"rpc.cluster.local.","name":"com.a","#,
        r#""type":"A","address":"10.0.0.1","ttl":3600}"#
    );
    let asked = asked.await.unwrap();
    assert_eq!(asked[0], format!("PUT /dynapi [] {body}"));
    assert_eq!(asked[1], format!("DELETE /dynapi [] {body}"));
}

#[tokio::test]
async fn dynapi_is_told_all_that_changes_at_once() {
    let folder = std::env::temp_dir().join(format!("catena-token-{}", std::process::id()));
    std::fs::write(&folder, "secret\n").unwrap();
    let (url, asked) = web(&[(200, "{}"), (200, "{}"), (409, "no")]).await;
    let place = open(&format!("--dynapi {url}/ --tokenfile {}", folder.display()));
    std::fs::remove_file(&folder).unwrap();
    let (both, one) = (entry(&["10.0.0.1", "fd00::1"]), entry(&["10.0.0.1"]));
    place.put(&one, Some(&both)).await.unwrap();
    place.remove(&both).await.unwrap();
    assert!(place.put(&one, None).await.is_err());
    let asked = asked.await.unwrap();
    let head = "POST /v1/zones/rpc.cluster.local./changes [Bearer secret]";
    let put = concat!(
        r#"{"op":"put","name":"com.a.rpc.cluster.local.","#,
        r#""type":"A","ttl":3600,"addresses":["10.0.0.1"]}"#
    );
    let delete = |family| {
        format!(r#"{{"op":"delete","name":"com.a.rpc.cluster.local.","type":"{family}"}}"#)
    };
    let (a, aaaa) = (delete("A"), delete("AAAA"));
    let marking = |op| {
        let mark = "\\\"heritage=catena,catena/owner=rpc-controller\\\"";
        format!(
            concat!(
                r#"{{"op":"{op}","name":"com.a.rpc.cluster.local.","#,
                r#""type":"TXT","ttl":3600,"records":["{mark}"]}}"#
            ),
            op = op,
            mark = mark
        )
    };
    let (add, remove) = (marking("add"), marking("remove"));
    assert_eq!(
        asked[0],
        format!(r#"{head} {{"changes":[{put},{aaaa},{add}]}}"#)
    );
    assert_eq!(
        asked[1],
        format!(r#"{head} {{"changes":[{a},{aaaa},{remove}]}}"#)
    );
}

#[tokio::test]
async fn dynapi_is_listed_page_by_page() {
    let (url, asked) = web(&[
        (
            200,
            r#"{"records":[{"name":"com.a.rpc.cluster.local.","type":"A","ttl":3600,
            "records":["10.0.0.1"],"addresses":["10.0.0.1"]},
            {"name":"com.a.rpc.cluster.local.","type":"AAAA","ttl":3600,
            "records":["fd00::1"],"addresses":["fd00::1"]},
            {"name":"com.a.rpc.cluster.local.","type":"TXT","ttl":3600,
            "records":["\"heritage=catena,catena/owner=rpc-controller\""]}],"next":"17"}"#,
        ),
        (
            200,
            r#"{"records":[{"name":"com.b.rpc.cluster.local.","type":"A","ttl":3600,
            "records":["10.0.0.2"]}],"next":null}"#,
        ),
    ])
    .await;
    let place = open(&format!("--dynapi {url}"));
    let found = place.read(&HashSet::from([zone()])).await.unwrap().unwrap();
    let ours: Vec<_> = found.ours.into_values().collect();
    assert_eq!(ours, [entry(&["10.0.0.1", "fd00::1"])]);
    assert!(found.unmarked.contains_key("com.b.rpc.cluster.local."));
    let asked = asked.await.unwrap();
    assert!(
        asked[1].contains("records?limit=1000&after=17"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn an_update_takes_the_place_of_all_addresses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for rcode in [0, 5] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let length = stream.read_u16().await.unwrap();
            let mut packet = vec![0; usize::from(length)];
            stream.read_exact(&mut packet).await.unwrap();
            asked.push(Message::decode(&packet).unwrap());
            let answer = [0, 1, 0xa8, rcode, 0, 0, 0, 0, 0, 0, 0, 0];
            stream.write_u16(12).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
        asked
    });
    let place = open(&format!("--update {server}"));
    place
        .put(&entry(&["10.0.0.1", "fd00::1"]), None)
        .await
        .unwrap();
    let error = place.remove(&entry(&["10.0.0.1"])).await.unwrap_err();
    assert!(error.to_string().contains("REFUSED"), "{error}");
    let asked = asked.await.unwrap();
    assert_eq!(asked[0].qname, zone());
    let steps: Vec<_> = asked[0]
        .authorities
        .iter()
        .map(|step| {
            (
                step.rtype.to_string(),
                step.class == Class::ANY,
                step.rdata.len(),
            )
        })
        .collect();
    let step = |rtype: &str, is_gone, length| (rtype.to_owned(), is_gone, length);
    assert_eq!(
        steps,
        [
            step("A", true, 0),
            step("AAAA", true, 0),
            step("A", false, 4),
            step("AAAA", false, 16),
            step("TXT", false, 44)
        ]
    );
    assert_eq!(asked[1].authorities.len(), 3);
}

#[tokio::test]
async fn a_server_that_keeps_its_zone_to_itself_tells_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = open(&format!("--update {}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut packet = vec![0; usize::from(length)];
        stream.read_exact(&mut packet).await.unwrap();
        packet[2..4].copy_from_slice(&[0x80, 5]);
        stream.write_u16(length).await.unwrap();
        stream.write_all(&packet).await.unwrap();
    });
    let told = place.read(&HashSet::from([zone()])).await.unwrap();
    assert!(told.is_none());
}
