//! The API and the answers, as clients see them.

#![expect(clippy::unwrap_used, reason = "tests")]

mod updates;

use std::path::Path;

use catena_testing::{Block, plugin_contract};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::PLUGIN;

const TOKEN: &str = "correct-horse-battery-staple";

/// An address whose port was free a moment ago.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A started block and where its API is.
struct Door {
    block: Block,
    address: String,
    _folder: tempfile::TempDir,
}

impl Door {
    async fn open(properties: &str) -> Door {
        let folder = tempfile::tempdir().unwrap();
        let door = Door::open_in(folder.path(), properties).await;
        let (block, address) = door;
        Door {
            block,
            address,
            _folder: folder,
        }
    }

    async fn open_in(folder: &Path, properties: &str) -> (Block, String) {
        let token = folder.join("token");
        std::fs::write(&token, TOKEN).unwrap();
        let (token, address) = (token.display(), free_address());
        let corefile = format!(
            "{address} {{\ndynapi example.org {{\nlisten {address}\ntoken t file {token}\n\
             token other file {token}2\n{properties}\n}}\n}}\n"
        );
        std::fs::write(folder.join("token2"), "another-secret-of-somebody").unwrap();
        let block = Block::build(&[&PLUGIN], &corefile);
        let block = block.unwrap_or_else(|error| unreachable!("{error}"));
        block.start().await.unwrap();
        (block, address)
    }

    async fn send(&self, head: &str, token: &str, body: &str) -> (u16, String) {
        let (status, _, body) = send(&self.address, head, token, body).await;
        (status, body)
    }

    async fn ok(&self, head: &str, body: &str) -> Value {
        let (status, text) = self.send(head, TOKEN, body).await;
        assert!((200..300).contains(&status), "{head}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn code(&self, head: &str, body: &str) -> String {
        let (status, text) = self.send(head, TOKEN, body).await;
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["status"], status);
        format!("{status} {}", problem["code"].as_str().unwrap())
    }
}

/// Sends `METHOD PATH [HEADER: VALUE]`, and gives status, head and body.
async fn send(address: &str, head: &str, token: &str, body: &str) -> (u16, String, String) {
    let (line, header) = head.split_once('\n').unwrap_or((head, "X-Nothing: 1"));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let text = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         {header}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

const WWW: &str = "/v1/zones/example.org/records/www.example.org/A";

#[test]
fn it_keeps_the_promises_of_every_plugin() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), TOKEN).unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    plugin_contract(&PLUGIN);
}

#[tokio::test]
async fn what_is_written_is_answered_and_what_is_removed_is_not() {
    let door = Door::open("allow token:t all").await;
    assert!(door.block.is_ready());
    let apex = door.block.ask("example.org. A").await;
    assert!(apex.contains("NOERROR"), "an empty zone exists: {apex}");
    let before = door.block.ask("www.example.org. A").await;
    assert!(
        before.starts_with("> ") || before.contains("NXDOMAIN"),
        "{before}"
    );
    let set = door
        .ok(
            &format!("PUT {WWW}"),
            r#"{"ttl":30,"addresses":["192.0.2.9","192.0.2.7"]}"#,
        )
        .await;
    assert_eq!(set["addresses"][0], "192.0.2.7");
    let answer = door.block.ask("WWW.example.org. A").await;
    assert!(answer.contains("30 IN A 192.0.2.7"), "{answer}");
    assert!(answer.contains("NOERROR aa"), "{answer}");
    let nodata = door.block.ask("www.example.org. AAAA").await;
    assert!(
        nodata.contains("NOERROR") && nodata.contains("SOA"),
        "{nodata}"
    );
    assert_eq!(door.ok(&format!("GET {WWW}"), "").await["ttl"], 30);
    door.ok(&format!("DELETE {WWW}"), "").await;
    door.ok(&format!("DELETE {WWW}"), "").await;
    let gone = door.block.ask("www.example.org. A").await;
    assert!(gone.contains("NXDOMAIN"), "{gone}");
    assert_eq!(
        door.code(&format!("GET {WWW}"), "").await,
        "404 record_set_not_found"
    );
}

#[tokio::test]
async fn names_between_come_and_go_with_those_below_them() {
    let door = Door::open("allow token:t all").await;
    let deep = "/v1/zones/example.org/records/com.alipay.user.example.org/A";
    door.ok(&format!("PUT {deep}"), r#"{"addresses":["192.0.2.9"]}"#)
        .await;
    let between = door.block.ask("alipay.user.example.org. A").await;
    assert!(between.contains("NOERROR"), "{between}");
    door.ok(&format!("DELETE {deep}"), "").await;
    let gone = door.block.ask("user.example.org. A").await;
    assert!(gone.contains("NXDOMAIN"), "{gone}");
}

#[tokio::test]
async fn the_serial_rises_with_every_change_and_only_then() {
    let door = Door::open("allow token:t all").await;
    let zone = "GET /v1/zones/example.org";
    let serial = async || door.ok(zone, "").await["serial"].as_u64().unwrap();
    let first = serial().await;
    door.ok(&format!("PUT {WWW}"), r#"{"addresses":["192.0.2.9"]}"#)
        .await;
    assert_eq!(serial().await, first + 1);
    door.ok(&format!("PUT {WWW}"), r#"{"addresses":["192.0.2.9"]}"#)
        .await;
    assert_eq!(serial().await, first + 1, "nothing has changed");
    let soa = door.block.ask("example.org. SOA").await;
    assert!(soa.contains(&format!(" {} ", first + 1)), "{soa}");
}

#[tokio::test]
async fn conditions_hold_or_nothing_is_written() {
    let door = Door::open("allow token:t all").await;
    let put = format!("PUT {WWW}\nIf-None-Match: *");
    let set = door.ok(&put, r#"{"addresses":["192.0.2.1"]}"#).await;
    assert_eq!(
        door.code(&put, r#"{"addresses":["192.0.2.2"]}"#).await,
        "412 condition_failed"
    );
    let tag = set["etag"].as_str().unwrap();
    let put = format!("PUT {WWW}\nIf-Match: {tag}");
    door.ok(&put, r#"{"addresses":["192.0.2.3"]}"#).await;
    assert_eq!(
        door.code(&put, r#"{"addresses":["192.0.2.4"]}"#).await,
        "412 condition_failed"
    );
}

#[tokio::test]
async fn a_batch_is_whole_or_not_at_all() {
    let door = Door::open("allow token:t all").await;
    let changes = "POST /v1/zones/example.org/changes";
    let broken = r#"{"changes":[
        {"op":"put","name":"a.example.org","type":"A","addresses":["192.0.2.1"]},
        {"op":"put","name":"a.example.org","type":"CNAME","records":["b"]}]}"#;
    assert_eq!(door.code(changes, broken).await, "409 record_conflict");
    let none = door.block.ask("a.example.org. A").await;
    assert!(none.contains("NXDOMAIN"), "{none}");
    let good = r#"{"changes":[
        {"op":"put","name":"b.example.org","type":"MX",
         "records":["10 mail","20 mail.example.net."]},
        {"op":"add","name":"b.example.org","type":"TXT","records":["\"x y\""],"if_absent":true},
        {"op":"add","name":"b.example.org","type":"TXT","records":["z"]},
        {"op":"remove","name":"b.example.org","type":"MX","records":["20 mail.example.net."]}]}"#;
    door.ok(changes, good).await;
    let mx = door.block.ask("b.example.org. MX").await;
    assert!(
        mx.contains("MX 10 mail.example.org.") && !mx.contains("example.net"),
        "{mx}"
    );
    let page = door
        .ok("GET /v1/zones/example.org/records?type=TXT", "")
        .await;
    assert_eq!(page["records"][0]["records"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn pages_follow_one_another_and_have_every_name_once() {
    let door = Door::open("allow token:t all").await;
    let items: Vec<String> = (0..25)
        .map(|n| {
            format!(
                r#"{{"op":"put","name":"n{n}.example.org","type":"A","addresses":["192.0.2.{n}"]}}"#
            )
        })
        .collect();
    let body = format!(r#"{{"changes":[{}]}}"#, items.join(","));
    door.ok("POST /v1/zones/example.org/changes", &body).await;
    let (mut after, mut names) = (String::new(), Vec::new());
    loop {
        let path = format!("GET /v1/zones/example.org/records?limit=10{after}");
        let page = door.ok(&path, "").await;
        for set in page["records"].as_array().unwrap() {
            names.push(format!("{} {}", set["name"], set["type"]));
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    assert_eq!(names.len(), 27, "SOA, NS and 25 addresses");
    names.dedup();
    assert_eq!(names.len(), 27);
}

#[tokio::test]
async fn a_web_page_may_not_use_the_rights_of_the_machine_it_is_read_on() {
    let door = Door::open("allow net:127.0.0.0/8 all").await;
    let page = "Origin: https://example.com";
    for head in [
        "POST /v1/zones/example.org/changes",
        "POST /dynapi",
        "GET /v1/zones",
    ] {
        let head = format!("{head}\n{page}");
        assert_eq!(door.send(&head, TOKEN, "{}").await.0, 403, "{head}");
    }
    assert_eq!(door.send("GET /v1/zones", TOKEN, "").await.0, 200);
}

#[tokio::test]
async fn nothing_is_allowed_that_no_line_allows() {
    let door =
        Door::open("allow token:t read,write *.in.example.org A,TXT\nallow token:other read").await;
    let put = |name: &str, rtype: &str| {
        format!("PUT /v1/zones/example.org/records/{name}.example.org/{rtype}")
    };
    let body = r#"{"addresses":["192.0.2.1"]}"#;
    door.ok(&put("a.in", "A"), body).await;
    assert_eq!(door.code(&put("in", "A"), body).await, "403 update_denied");
    assert_eq!(
        door.code(&put("a.in", "AAAA"), body).await,
        "403 update_denied"
    );
    let delete = "DELETE /v1/zones/example.org/records/a.in.example.org/A";
    assert_eq!(door.code(delete, "").await, "403 update_denied");
    let unknown = door
        .send(&format!("GET {WWW}"), "wrong-wrong-wrong-wrong", "")
        .await;
    assert_eq!(unknown.0, 401, "{}", unknown.1);
    let outside = "PUT /v1/zones/example.org/records/a.in.example.net/A";
    assert_eq!(door.code(outside, body).await, "422 invalid_name");
    let foreign = "PUT /v1/zones/cluster.local/records/a.cluster.local/A";
    assert_eq!(door.code(foreign, body).await, "404 zone_not_found");
    let other = "another-secret-of-somebody";
    let (status, _) = door.send(&put("a.in", "A"), other, body).await;
    assert_eq!(status, 403);
    let (status, _) = door.send("POST /v1/leases", other, r#"{"ttl":5}"#).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_with_a_code() {
    let door = Door::open("allow token:t all\nmax_records 5").await;
    let put = format!("PUT {WWW}");
    for (head, body, code) in [
        (put.as_str(), "{", "400 invalid_json"),
        (&put, r#"{"adresses":["192.0.2.1"]}"#, "400 invalid_json"),
        (&put, r#"{"addresses":["::1"]}"#, "422 invalid_address"),
        (&put, r#"{"addresses":[]}"#, "422 invalid_record_set"),
        (
            &put,
            r#"{"ttl":2147483648,"addresses":["192.0.2.1"]}"#,
            "422 invalid_record_set",
        ),
        (
            &put,
            r#"{"records":["192.0.2.1\nx A 192.0.2.2"]}"#,
            "422 invalid_record_set",
        ),
        (
            &put,
            r#"{"addresses":["192.0.2.1"],"lease":"12"}"#,
            "404 lease_not_found",
        ),
        (
            "PATCH /v1/zones/example.org/records/a.example.org/A",
            "",
            "405 method_not_allowed",
        ),
        (
            "PUT /v1/zones/example.org/records/a.example.org/ANY",
            "{}",
            "422 unsupported_record_type",
        ),
        (
            "PUT /v1/zones/example.org/records/a.example.org/RRSIG",
            "{}",
            "422 unsupported_record_type",
        ),
        (
            "PUT /v1/zones/example.org/records/a..example.org/A",
            "{}",
            "422 invalid_name",
        ),
        (
            "PUT /v1/zones/example.org/records/%zz/A",
            "{}",
            "422 invalid_name",
        ),
        ("GET /v1/nothing", "", "404 resource_not_found"),
        (
            "DELETE /v1/zones/example.org/records/example.org/SOA",
            "",
            "409 record_conflict",
        ),
        (
            "PUT /v1/zones/example.org/records/example.org/CNAME",
            r#"{"records":["b"]}"#,
            "409 record_conflict",
        ),
        (
            "GET /v1/zones/example.org/watch\nLast-Event-ID: 1",
            "",
            "410 revision_gone",
        ),
    ] {
        assert_eq!(door.code(head, body).await, code, "{head} {body}");
    }
    let text = format!("{put}\nContent-Type: text/html");
    assert_eq!(door.code(&text, "{}").await, "415 unsupported_content_type");
    let long = format!(r#"{{"records":["{}"]}}"#, "x".repeat(70_000));
    assert_eq!(door.code(&put, &long).await, "413 body_too_large");
    let many = r#"{"addresses":["192.0.2.1","192.0.2.2","192.0.2.3","192.0.2.4"]}"#;
    assert_eq!(door.code(&put, many).await, "507 zone_full");
}

#[tokio::test(start_paused = true)]
async fn records_of_a_lease_go_when_nobody_renews_it() {
    let door = Door::open("allow token:t all").await;
    let lease = door.ok("POST /v1/leases", r#"{"ttl":10}"#).await;
    let lease = lease["lease"].as_str().unwrap().to_owned();
    let body = format!(r#"{{"addresses":["192.0.2.1"],"lease":"{lease}"}}"#);
    door.ok(&format!("PUT {WWW}"), &body).await;
    for _ in 0..3 {
        tokio::time::sleep(std::time::Duration::from_secs(7)).await;
        let renewed = door
            .ok(&format!("POST /v1/leases/{lease}/renewal"), "")
            .await;
        assert_eq!(renewed["records"][0]["name"], "www.example.org.");
    }
    let answer = door.block.ask("www.example.org. A").await;
    assert!(answer.contains("192.0.2.1"), "{answer}");
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    let gone = door.block.ask("www.example.org. A").await;
    assert!(gone.contains("NXDOMAIN"), "{gone}");
    let renewal = format!("POST /v1/leases/{lease}/renewal");
    assert_eq!(door.code(&renewal, "").await, "404 lease_not_found");
}

#[tokio::test]
async fn a_watch_tells_changes_and_goes_on_where_it_was() {
    let door = Door::open("allow token:t all").await;
    let put = format!("PUT {WWW}");
    door.ok(&put, r#"{"addresses":["192.0.2.1"]}"#).await;
    let seen = door.ok("GET /v1/zones/example.org", "").await["revision"].clone();
    door.ok(&put, r#"{"addresses":["192.0.2.2"]}"#).await;
    let mut stream = TcpStream::connect(&door.address).await.unwrap();
    let head = format!(
        "GET /v1/zones/example.org/watch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
         Last-Event-ID: {seen}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut next_data = async || loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str::<Value>(data).unwrap();
        }
    };
    let missed = next_data().await;
    assert_eq!(missed["changes"][0]["set"]["addresses"][0], "192.0.2.2");
    door.ok(&format!("DELETE {WWW}"), "").await;
    let fresh = next_data().await;
    assert_eq!(fresh["changes"][0]["op"], "delete");
    assert_eq!(fresh["changes"][0]["name"], "www.example.org.");
}

#[tokio::test]
async fn a_zone_goes_out_as_a_master_file_and_comes_in_again() {
    let door = Door::open("allow token:t all").await;
    door.ok(&format!("PUT {WWW}"), r#"{"addresses":["192.0.2.1"]}"#)
        .await;
    let (_, text) = door
        .send("GET /v1/zones/example.org/export", TOKEN, "")
        .await;
    assert!(
        text.contains("www.example.org.\t300\tIN\tA\t192.0.2.1\n"),
        "{text}"
    );
    let changed = text.replace("192.0.2.1", "192.0.2.5") + "new 60 TXT \"a b\"\n";
    let import = "PUT /v1/zones/example.org/import\nContent-Type: text/dns";
    door.ok(import, &changed).await;
    let answer = door.block.ask("www.example.org. A").await;
    assert!(answer.contains("192.0.2.5"), "{answer}");
    let broken = format!("{changed}x A nonsense\n");
    assert_eq!(door.code(import, &broken).await, "422 invalid_record_set");
    door.ok(import, &text).await;
    let gone = door.block.ask("new.example.org. TXT").await;
    assert!(gone.contains("NXDOMAIN"), "{gone}");
}

#[tokio::test]
async fn the_older_api_has_its_statuses() {
    let door = Door::open("allow token:t all").await;
    let body = |address: &str| {
        format!(
            r#"{{"Zone":"example.org.","name":"com.alipay.user","type":"A",
                "address":"{address}","ttl":3600}}"#
        )
    };
    for (verb, address, status, said) in [
        ("PATCH", "192.0.2.1", 400, "Record does not exist\n"),
        ("POST", "192.0.2.1", 200, "OK"),
        ("POST", "192.0.2.2", 400, "Record already exists\n"),
        ("PUT", "192.0.2.3", 200, "OK"),
        ("PATCH", "192.0.2.4", 200, "OK"),
        ("DELETE", "192.0.2.3", 400, "Record does not exist\n"),
    ] {
        let answer = door
            .send(&format!("{verb} /dynapi"), TOKEN, &body(address))
            .await;
        assert_eq!(answer, (status, said.to_owned()), "{verb} {address}");
    }
    let answer = door.block.ask("com.alipay.user.example.org. A").await;
    assert!(answer.contains("3600 IN A 192.0.2.4"), "{answer}");
    door.ok("DELETE /dynapi", &body("192.0.2.4")).await;
    let foreign = body("192.0.2.4").replace("example.org.", "cluster.local.");
    let answer = door.send("PUT /dynapi", TOKEN, &foreign).await;
    assert_eq!(answer, (400, "Zone not found\n".to_owned()));
    assert_eq!(door.send("PUT /dynapi", TOKEN, "{").await.0, 500);
    assert_eq!(door.send("GET /dynapi", TOKEN, "{").await.0, 405);
}

#[tokio::test]
async fn the_document_says_what_there_is() {
    let door = Door::open("allow token:t all").await;
    let (status, text) = door.send("GET /v1/openapi.json", "none", "").await;
    assert_eq!(status, 200);
    let document: Value = serde_json::from_str(&text).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{zone}", "example.org")
            .replace("{name}", "a.example.org")
            .replace("{type}", "A")
            .replace("{lease}", "0000000000000001");
        for verb in ["get", "put", "post", "patch", "delete"] {
            // A watch does not end, and the document names all codes.
            if path.ends_with("/watch") || path.ends_with("/openapi.json") {
                continue;
            }
            let head = format!("{} {path}", verb.to_uppercase());
            let (status, text) = door.send(&head, TOKEN, "{}").await;
            let is_known = item.get(verb).is_some();
            assert_eq!(status != 405, is_known, "{head}: {status} {text}");
            assert!(!text.contains("resource_not_found"), "{head}: {text}");
        }
    }
    let codes = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].clone();
    let known: Vec<&str> = crate::rest::Code::ALL
        .iter()
        .map(|code| code.text())
        .collect();
    assert_eq!(codes, serde_json::json!(known));
}

#[tokio::test]
async fn a_file_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let properties = format!("file {}/db\nallow token:t all", folder.path().display());
    let (block, address) = Door::open_in(folder.path(), &properties).await;
    let body = r#"{"addresses":["192.0.2.9"]}"#;
    let (status, head, _) = send(&address, &format!("PUT {WWW}"), TOKEN, body).await;
    assert_eq!(status, 200, "{head}");
    let (_, _, zone) = send(&address, "GET /v1/zones/example.org", TOKEN, "").await;
    block.shut_down().await;
    drop(block);
    // The ledger ends when the last task of the generation has let go of it.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let (block, address) = Door::open_in(folder.path(), &properties).await;
    let answer = block.ask("www.example.org. A").await;
    assert!(answer.contains("192.0.2.9"), "{answer}");
    let (_, _, again) = send(&address, "GET /v1/zones/example.org", TOKEN, "").await;
    assert_eq!(zone, again, "serial and revision go on");
}

#[test]
fn an_api_without_tls_is_for_this_machine_only() {
    let refusal = |properties: &str| {
        let corefile = format!("example.org {{\ndynapi {{\n{properties}\n}}\n}}\n");
        let findings = Block::build(&[&PLUGIN], &corefile).err();
        findings
            .map(|findings| findings.to_string())
            .unwrap_or_default()
    };
    assert!(refusal("listen :8090").contains("is open to others without TLS"));
    assert!(refusal("allow token:x all").contains("'x', who is unknown"));
    assert!(refusal("allow key:k. sing").contains("'sing' is nothing to allow"));
    assert_eq!(refusal("listen [::1]:8090"), "");
}

/// A second block, for example.net, at `address`.
async fn open_second(address: &str, properties: &str) -> Block {
    let corefile = format!("example.net {{\ndynapi {{\nlisten {address}\n{properties}\n}}\n}}\n");
    let second = Block::build(&[&PLUGIN], &corefile);
    let second = second.unwrap_or_else(|error| unreachable!("{error}"));
    second.start().await.unwrap();
    second
}

#[tokio::test]
async fn blocks_that_share_an_address_have_their_own_zones_and_rights() {
    let folder = tempfile::tempdir().unwrap();
    let (first, address) = Door::open_in(folder.path(), "allow token:t all").await;
    let _second = open_second(&address, "allow net:127.0.0.1/32 read").await;
    let body = r#"{"addresses":["192.0.2.9"]}"#;
    let (status, ..) = send(&address, &format!("PUT {WWW}"), TOKEN, body).await;
    assert_eq!(status, 200);
    assert!(first.ask("www.example.org. A").await.contains("192.0.2.9"));
    let foreign = WWW.replace("example.org", "example.net");
    let (status, ..) = send(&address, &format!("PUT {foreign}"), TOKEN, body).await;
    assert_eq!(status, 401, "the token is not one of that block");
    let (status, _, zones) = send(&address, "GET /v1/zones", TOKEN, "").await;
    assert_eq!(status, 200);
    assert!(zones.contains("example.org.") && !zones.contains("example.net."));
}

#[tokio::test]
async fn blocks_that_share_an_address_have_their_own_leases() {
    let folder = tempfile::tempdir().unwrap();
    let (first, address) = Door::open_in(folder.path(), "allow token:t all").await;
    let (_, _, alone) = send(&address, "POST /v1/leases", TOKEN, r#"{"ttl":60}"#).await;
    let alone: Value = serde_json::from_str(&alone).unwrap();
    let rights = format!(
        "token t file {}/token\nallow token:t all",
        folder.path().display()
    );
    let second = open_second(&address, &rights).await;
    let (_, _, zones) = send(&address, "GET /v1/zones", TOKEN, "").await;
    assert!(zones.contains("example.org.") && zones.contains("example.net."));
    let (status, _, which) = send(&address, "POST /v1/leases", TOKEN, r#"{"ttl":60}"#).await;
    assert!(status == 400 && which.contains("several stores"), "{which}");
    for (zone, block) in [("example.org", &first), ("example.net", &second)] {
        let asked = format!(r#"{{"ttl":60,"zone":"{zone}"}}"#);
        let (_, _, begun) = send(&address, "POST /v1/leases", TOKEN, &asked).await;
        let begun: Value = serde_json::from_str(&begun).unwrap();
        let lease = begun["lease"].as_str().unwrap();
        let body = format!(r#"{{"addresses":["192.0.2.9"],"lease":"{lease}"}}"#);
        let put = format!("PUT {}", WWW.replace("example.org", zone));
        assert_eq!(send(&address, &put, TOKEN, &body).await.0, 200);
        let renewal = format!("POST /v1/leases/{lease}/renewal");
        let (_, _, renewed) = send(&address, &renewal, TOKEN, "").await;
        assert!(renewed.contains(&format!("www.{zone}.")), "{renewed}");
        send(&address, &format!("DELETE /v1/leases/{lease}"), TOKEN, "").await;
        let gone = block.ask(&format!("www.{zone}. A")).await;
        assert!(gone.contains("NXDOMAIN"), "{gone}");
    }
    let lease = alone["lease"].as_str().unwrap();
    let (status, ..) = send(&address, &format!("GET /v1/leases/{lease}"), TOKEN, "").await;
    assert_eq!(status, 200, "a lease of the first block is still known");
}
