//! Whole zones out of the built binary, by the programs that secondaries and operators use.
//!
//! Without dig and kdig these tests do nothing but say so; with `CI=true` they fail.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::client::Connection;
use crate::programs::have;
use crate::server::{Server, free_port};

const KEY: &str = "secondary.test.";
const SECRET: &str = "c2VjcmV0LXRlc3Qta2V5LW9uZQ==";

/// A server with `count` names in `big.test`, which only goes to those with the key.
fn server(count: usize) -> (tempfile::TempDir, Server, u16) {
    let folder = tempfile::tempdir().unwrap();
    let mut zone = String::from("$TTL 60\n@ SOA ns h 7 1 2 3 4\n@ NS ns\nns A 192.0.2.53\n");
    for place in 0..count {
        let (high, low) = (place / 256 % 256, place % 256);
        writeln!(zone, "host-{place} A 198.51.{high}.{low}").unwrap();
    }
    fs::write(folder.path().join("big.zone"), zone).unwrap();
    let corefile = format!(
        "big.test {{\n tsig {{\n secret {KEY} {SECRET}\n require AXFR IXFR\n }}\n \
         transfer {{\n to *\n }}\n file big.zone\n}}\n"
    );
    fs::write(folder.path().join("Corefile"), corefile).unwrap();
    let port = free_port();
    let mut server = Server::start(folder.path(), "Corefile", port);
    server.started().unwrap();
    (folder, server, port)
}

/// What `program` prints for a transfer.
fn transfer(program: &str, port: u16, qtype: &str, key: Option<&str>) -> String {
    let mut command = Command::new(program);
    command.args(["@127.0.0.1", "-p", &port.to_string(), "big.test", qtype]);
    command.arg("+tcp");
    if let Some(algorithm) = key {
        command.args(["-y", &format!("{algorithm}:{KEY}:{SECRET}")]);
    }
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn dig_and_kdig_get_a_signed_zone_of_many_messages() {
    let (_folder, mut server, port) = server(20_000);
    for (program, package) in [("dig", "bind9-dnsutils"), ("kdig", "knot-dnsutils")] {
        if !have(program, package) {
            continue;
        }
        for algorithm in ["hmac-sha256", "hmac-sha512"] {
            let zone = transfer(program, port, "AXFR", Some(algorithm));
            let hosts = zone.lines().filter(|line| line.starts_with("host-"));
            assert_eq!(hosts.count(), 20_000, "{program}");
            let soa = zone.lines().filter(|line| line.contains("\tSOA\t"));
            assert_eq!(soa.count(), 2, "{program}");
            let is_good = !zone.contains("Couldn't verify") && !zone.contains("BADSIG");
            assert!(is_good, "{program} does not believe the signatures");
        }
        server
            .says("Outgoing transfer of 20004 records of zone \"big.test.\" to 127.0.0.1")
            .unwrap();
        let refused = transfer(program, port, "AXFR", None);
        assert!(!refused.contains("host-1"), "{program}: {refused}");
        let current = transfer(program, port, "IXFR=7", Some("hmac-sha256"));
        assert!(!current.contains("host-1"), "{program}: {current}");
        assert!(current.contains("\tSOA\t"), "{program}: {current}");
    }
}

/// Has nsupdate send `lines` for `dyn.test`.
fn update(port: u16, lines: &str) {
    let mut child = Command::new("nsupdate")
        .args(["-y", &format!("hmac-sha256:{KEY}:{SECRET}")])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let script = format!("server 127.0.0.1 {port}\nzone dyn.test\n{lines}\nsend\n");
    let mut input = child.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success(), "{lines}");
}

#[test]
fn dig_gets_the_increments_of_what_nsupdate_writes_over_tcp_and_udp() {
    if !have("dig", "bind9-dnsutils") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let corefile = format!(
        "dyn.test {{\n tsig {{\n secret {KEY} {SECRET}\n require AXFR IXFR\n }}\n \
         transfer {{\n to *\n }}\n dynapi {{\n allow key:{KEY} all\n }}\n}}\n"
    );
    fs::write(folder.path().join("Corefile"), corefile).unwrap();
    let port = free_port();
    let mut server = Server::start(folder.path(), "Corefile", port);
    server.started().unwrap();
    update(port, "update add a.dyn.test 60 A 192.0.2.1");
    let ask = |arguments: &[&str]| {
        let mut command = Command::new("dig");
        command.args(["@127.0.0.1", "-p", &port.to_string(), "dyn.test"]);
        command.args(["-y", &format!("hmac-sha256:{KEY}:{SECRET}")]);
        let output = command.args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let soa = ask(&["SOA", "+short"]);
    let serial = soa.split(' ').nth(2).unwrap().to_owned();
    update(
        port,
        "update add b.dyn.test 60 A 192.0.2.2\nupdate delete a.dyn.test A",
    );
    for over in ["+tcp", "+notcp"] {
        let text = ask(&[&format!("IXFR={serial}"), over]);
        let lines = text.lines().filter(|line| line.contains("\tIN\t"));
        let kinds: Vec<&str> = lines
            .filter_map(|line| line.split('\t').next_back())
            .collect();
        assert_eq!(kinds.len(), 6, "{over}: {text}");
        assert_eq!((kinds[2], kinds[4]), ("192.0.2.1", "192.0.2.2"), "{text}");
        assert_eq!(kinds[0], kinds[5], "{text}");
    }
    let whole = ask(&["AXFR"]);
    assert!(whole.contains("b.dyn.test.") && !whole.contains("a.dyn.test."));
}

#[test]
fn a_client_that_does_not_read_costs_little_and_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut zone = String::from("$TTL 60\n@ SOA ns h 7 1 2 3 4\n@ NS ns\n");
    let text = "x".repeat(200);
    for place in 0..100_000 {
        writeln!(zone, "host-{place} TXT {text}").unwrap();
    }
    fs::write(folder.path().join("big.zone"), zone).unwrap();
    let corefile = "big.test {\n transfer {\n to *\n }\n file big.zone\n}\n";
    fs::write(folder.path().join("Corefile"), corefile).unwrap();
    let port = free_port();
    let mut server = Server::start(folder.path(), "Corefile", port);
    server.started().unwrap();
    let before = server.mebibytes();
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = Connection::open(port);
        let name: catena_dns::Name = "big.test.".parse().unwrap();
        let query = catena_dns::Message::query(name.view(), catena_dns::RecordType::AXFR);
        client.send_packet(&query.to_packet()).unwrap();
        clients.push(client);
    }
    // Longer than the time a client has to take what is written to it.
    std::thread::sleep(Duration::from_secs(7));
    let after = server.mebibytes();
    assert!(after < before + 30, "{before} MiB before, {after} after");
    for mut client in clients {
        let mut octets = 0;
        while let Ok(packet) = client.receive_packet() {
            octets += packet.len();
        }
        assert!(octets < 20 << 20, "not cut off after {octets} octets");
    }
}
