//! Zones that are written while they are served: real clients, crashes and full disks.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::client::ask;
use crate::server::{Server, free_port};

pub const TOKEN: &str = "correct-horse-battery-staple";
const WRITERS: usize = 16;

/// What was acknowledged: addresses by name.
type Acknowledged = BTreeMap<String, Ipv4Addr>;

/// A server with one zone that is kept in a file.
struct Place {
    folder: tempfile::TempDir,
    dns: u16,
    api: u16,
}

impl Place {
    fn new(properties: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let (dns, api) = (free_port(), free_port());
        let corefile = format!(
            "example.org {{\nerrors\ndynapi {{\nfile db\nlisten 127.0.0.1:{api}\n\
             token t file token\nallow token:t all\n{properties}\n}}\n}}\n"
        );
        fs::write(folder.path().join("Corefile"), corefile).unwrap();
        fs::write(folder.path().join("token"), TOKEN).unwrap();
        Place { folder, dns, api }
    }

    fn start(&self) -> Server {
        let mut server = Server::start(self.folder.path(), "Corefile", self.dns);
        server.started().unwrap();
        server
    }

    /// Puts `lines` into the server block too.
    fn put_before(&self, lines: &str) {
        let corefile = self.folder.path().join("Corefile");
        let text = fs::read_to_string(&corefile).unwrap();
        let lines = format!("errors\n{lines}\n");
        fs::write(&corefile, text.replacen("errors\n", &lines, 1)).unwrap();
    }

    fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("db")
    }
}

/// One request on a connection of its own; status and body, or `None` if the server is gone.
pub fn request(port: u16, line: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    let text = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

fn put(port: u16, name: &str, address: Ipv4Addr) -> Option<(u16, String)> {
    let line = format!("PUT /v1/zones/example.org/records/{name}.example.org/A");
    request(port, &line, &format!(r#"{{"addresses":["{address}"]}}"#))
}

/// Writes until told to stop; what was acknowledged.
fn write(port: u16, name: &str, stop: &AtomicBool) -> Acknowledged {
    let (mut number, mut acknowledged) = (0u32, Acknowledged::new());
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let name = format!("{name}-{number}");
        let address = Ipv4Addr::from(0x0a00_0000 + number);
        if put(port, &name, address).is_some_and(|(status, _)| status == 200) {
            acknowledged.insert(name, address);
        }
    }
    acknowledged
}

fn check_all(place: &Place, acknowledged: &Acknowledged) {
    let (status, zone) = request(place.api, "GET /v1/zones/example.org/export", "").unwrap();
    assert_eq!(status, 200);
    let lines = zone
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let known: BTreeMap<String, String> = lines
        .filter(|words| words[3] == "A")
        .map(|words| (words[0].replace(".example.org.", ""), words[4].to_owned()))
        .collect();
    for (name, address) in acknowledged {
        let found = known.get(name).map(String::as_str);
        assert_eq!(found, Some(address.to_string().as_str()), "{name} is lost");
    }
}

/// Rounds of the storm: `CATENA_KILL_ROUNDS`, 3 if it is not set.
fn rounds() -> u32 {
    let rounds = std::env::var("CATENA_KILL_ROUNDS");
    rounds.map_or(3, |rounds| rounds.parse().unwrap())
}

#[test]
fn no_acknowledged_write_is_lost_when_the_server_is_killed() {
    let place = Place::new("");
    let mut acknowledged = Acknowledged::new();
    for round in 0..rounds() {
        let server = place.start();
        check_all(&place, &acknowledged);
        let before = acknowledged.len();
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let stop = Arc::clone(&stop);
                let (port, name) = (place.api, format!("r{round}-w{writer}"));
                thread::spawn(move || write(port, &name, &stop))
            })
            .collect();
        // The moment of the crash differs from round to round.
        thread::sleep(Duration::from_millis(200 + u64::from(round * 37 % 200)));
        // A server that is dropped is killed: SIGKILL.
        drop(server);
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            acknowledged.extend(writer.join().unwrap());
        }
        let is_written = acknowledged.len() > before;
        assert!(is_written, "nothing was written in round {round}");
    }
    let _server = place.start();
    check_all(&place, &acknowledged);
    let count = acknowledged.len();
    eprintln!("{} rounds, {count} acknowledged writes", rounds());
}

#[test]
fn a_damaged_file_is_refused_in_plain_words_and_left_as_it_is() {
    let place = Place::new("");
    let server = place.start();
    for number in 0..50 {
        let name = format!("n{number}");
        assert_eq!(put(place.api, &name, Ipv4Addr::LOCALHOST).unwrap().0, 200);
    }
    drop(server);
    let whole = fs::read(place.database()).unwrap();
    let half = &whole[..whole.len() / 2];
    let zeroed: Vec<u8> = vec![0; whole.len()];
    for damaged in [half, b"this is no database".as_slice(), &zeroed] {
        fs::write(place.database(), damaged).unwrap();
        let mut server = Server::start(place.folder.path(), "Corefile", place.dns);
        let (status, output) = server.ended();
        assert_ne!(status.code(), Some(0), "{output}");
        assert!(output.contains("database"), "{output}");
        assert!(!output.contains("stack backtrace"), "{output}");
    }
    fs::write(place.database(), whole).unwrap();
    let _server = place.start();
    assert_eq!(
        ask(place.dns, "n7.example.org").unwrap(),
        Some(Ipv4Addr::LOCALHOST)
    );
}

#[test]
fn a_full_disk_stops_writes_with_a_reason_and_nothing_else() {
    let place = Place::new("");
    drop(place.start());
    let size = fs::metadata(place.database()).unwrap().len();
    let mut server =
        Server::start_with_file_limit(place.folder.path(), place.dns, size / 1024 + 600);
    server.started().unwrap();
    let mut acknowledged = Acknowledged::new();
    let mut refused = None;
    for number in 0..20_000u32 {
        let (name, address) = (format!("n{number}"), Ipv4Addr::from(0x0a00_0000 + number));
        match put(place.api, &name, address).unwrap() {
            (200, _) => drop(acknowledged.insert(name, address)),
            other => {
                refused = Some(other);
                break;
            }
        }
    }
    let (status, body) = refused.unwrap();
    assert_eq!(status, 503, "{body}");
    assert!(
        body.contains("store_unavailable") && body.contains("database"),
        "{body}"
    );
    let first = acknowledged.iter().next().unwrap();
    let name = format!("{}.example.org", first.0);
    assert_eq!(ask(place.dns, &name).unwrap(), Some(*first.1));
    check_all(&place, &acknowledged);
    drop(server);
    // With room on the disk all that was acknowledged is there, and writes go on.
    let _server = place.start();
    check_all(&place, &acknowledged);
    assert_eq!(put(place.api, "again", Ipv4Addr::LOCALHOST).unwrap().0, 200);
}

#[test]
fn a_cache_in_front_does_not_hide_what_was_just_written() {
    let place = Place::new("");
    place.put_before("cache 3600");
    let _server = place.start();
    assert_eq!(ask(place.dns, "a.example.org").unwrap(), None);
    for last in 1..20 {
        let address = Ipv4Addr::new(192, 0, 2, last);
        assert_eq!(put(place.api, "a", address).unwrap().0, 200);
        assert_eq!(ask(place.dns, "a.example.org").unwrap(), Some(address));
    }
}

/// The answers to `question` as dig prints them, without TTL and class.
pub fn dig(port: u16, question: &str) -> Vec<String> {
    let port = port.to_string();
    let options = ["@127.0.0.1", "-p", &port, "+noall", "+answer", "+tcp"];
    let mut command = Command::new("dig");
    let asked = command
        .args(options)
        .args(["example.org", question])
        .output();
    let said = String::from_utf8(asked.unwrap().stdout).unwrap();
    let lines = said.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        format!("{} {} {}", words[0], words[3], words[4..].join(" "))
    });
    lines.collect()
}

#[test]
fn a_secondary_gets_the_changes_since_its_serial() {
    if !has("dig") {
        return;
    }
    let place = Place::new("ns ns1.example.org");
    place.put_before("transfer {\nto *\n}");
    let server = place.start();
    assert_eq!(
        put(place.api, "a", Ipv4Addr::new(192, 0, 2, 1)).unwrap().0,
        200
    );
    let soa = dig(place.dns, "SOA").remove(0);
    let serial = soa.split(' ').nth(4).unwrap();
    assert_eq!(
        put(place.api, "a", Ipv4Addr::new(192, 0, 2, 2)).unwrap().0,
        200
    );
    assert_eq!(
        put(place.api, "b", Ipv4Addr::new(192, 0, 2, 3)).unwrap().0,
        200
    );
    let expected = [
        "a.example.org. A 192.0.2.1",
        "a.example.org. A 192.0.2.2",
        "b.example.org. A 192.0.2.3",
    ];
    let changes = || {
        let mut changes = dig(place.dns, &format!("IXFR={serial}"));
        changes.retain(|line| !line.contains(" SOA "));
        changes
    };
    assert_eq!(changes(), expected);
    drop(server);
    let _server = place.start();
    assert_eq!(changes(), expected, "after a restart");
    let whole = dig(place.dns, "AXFR");
    assert_eq!(whole.len(), 5, "SOA, NS, two addresses, SOA: {whole:?}");
}

/// Whether `program` is here; it must be where `CI` is set.
fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output();
    let is_there = found.is_ok_and(|found| found.status.success());
    if !is_there {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "{program} is missing"
        );
        eprintln!("SKIPPED: no {program}");
    }
    is_there
}

fn nsupdate(port: u16, options: &[&str], script: &str) -> (bool, String) {
    let mut child = Command::new("nsupdate")
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let script = format!("server 127.0.0.1 {port}\nzone example.org\n{script}send\n");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), text)
}

#[test]
fn nsupdate_writes_what_is_allowed() {
    if !has("nsupdate") {
        return;
    }
    let place = Place::new("allow net:127.0.0.0/8 all *.example.org A");
    let _server = place.start();
    for options in [&[][..], &["-v"]] {
        let add = "update add a.example.org 60 A 192.0.2.1\n";
        let (is_done, said) = nsupdate(place.dns, options, add);
        assert!(is_done, "{said}");
        assert_eq!(
            ask(place.dns, "a.example.org").unwrap(),
            Some(Ipv4Addr::new(192, 0, 2, 1))
        );
        let (is_done, said) = nsupdate(
            place.dns,
            options,
            &format!("prereq nxdomain a.example.org\n{add}"),
        );
        assert!(!is_done && said.contains("YXDOMAIN"), "{said}");
        let (is_done, said) = nsupdate(place.dns, options, "update add a.example.org 60 TXT x\n");
        assert!(!is_done && said.contains("REFUSED"), "{said}");
        let (is_done, said) = nsupdate(place.dns, options, "update delete a.example.org A\n");
        assert!(is_done, "{said}");
        assert_eq!(ask(place.dns, "a.example.org").unwrap(), None);
    }
}

#[test]
fn nsupdate_signs_what_only_a_key_may_write() {
    if !has("nsupdate") {
        return;
    }
    let secret = "NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk=";
    let place = Place::new("allow key:updater. all *.example.org A");
    place.put_before(&format!("tsig {{\nsecret updater. {secret}\n}}"));
    let _server = place.start();
    let add = "update add a.example.org 60 A 192.0.2.1\n";
    let (is_done, said) = nsupdate(place.dns, &[], add);
    assert!(!is_done && said.contains("REFUSED"), "{said}");
    let good = format!("hmac-sha256:updater.:{secret}");
    for options in [&["-y", &good][..], &["-v", "-y", &good]] {
        let (is_done, said) = nsupdate(place.dns, options, add);
        assert!(is_done, "{said}");
        let address = Some(Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(ask(place.dns, "a.example.org").unwrap(), address);
        let (is_done, said) = nsupdate(place.dns, options, "update delete a.example.org\n");
        assert!(
            !is_done && said.contains("REFUSED"),
            "of other types too: {said}"
        );
        let (is_done, said) = nsupdate(place.dns, options, "update delete a.example.org A\n");
        assert!(is_done, "{said}");
    }
    let wrong = format!("hmac-sha256:updater.:{}", secret.replace('N', "M"));
    let (is_done, said) = nsupdate(place.dns, &["-y", &wrong], add);
    assert!(!is_done, "{said}");
    assert_eq!(ask(place.dns, "a.example.org").unwrap(), None);
}

#[test]
fn curl_writes_over_https_with_a_certificate() {
    if !has("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (dns, api) = (free_port(), free_port());
    make_certificates(folder.path());
    let corefile = format!(
        "example.org {{\ndynapi {{\nlisten 127.0.0.1:{api}\ntls cert.pem key.pem ca.pem\n\
         certificate agent agent.test\nallow cert:agent all\n}}\n}}\n"
    );
    fs::write(folder.path().join("Corefile"), corefile).unwrap();
    let mut server = Server::start(folder.path(), "Corefile", dns);
    server.started().unwrap();
    let curl = |options: &[&str]| {
        let url = format!("https://localhost:{api}/v1/zones/example.org/records/a.example.org/A");
        let output = Command::new("curl")
            .args([
                "-s",
                "--cacert",
                "ca.pem",
                "-w",
                "%{http_code}",
                "-X",
                "PUT",
                "-d",
            ])
            .arg(r#"{"addresses":["192.0.2.5"]}"#)
            .args(["-H", "Content-Type: application/json"])
            .args(options)
            .arg(url)
            .current_dir(folder.path())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let without = curl(&[]);
    assert!(without.ends_with("401"), "{without}");
    let with = curl(&["--cert", "agent.pem", "--key", "agent-key.pem"]);
    assert!(with.ends_with("200"), "{with}");
    assert_eq!(
        ask(dns, "a.example.org").unwrap(),
        Some(Ipv4Addr::new(192, 0, 2, 5))
    );
}

#[test]
fn the_command_of_the_readme_does_what_it_says() {
    if !has("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (dns, api) = (free_port(), free_port());
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/dynapi/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let readme = readme.replace("127.0.0.1:8090", &format!("127.0.0.1:{api}"));
    let block = |language: &str| {
        let (_, rest) = readme.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0
    };
    fs::write(folder.path().join("token"), block("text token")).unwrap();
    fs::write(folder.path().join("Corefile"), block("corefile")).unwrap();
    let mut server = Server::start(folder.path(), "Corefile", dns);
    server.started().unwrap();
    let mut shell = Command::new("sh");
    let done = shell.args(["-c", block("sh")]).current_dir(folder.path());
    let said = String::from_utf8(done.output().unwrap().stdout).unwrap();
    let address = Some(Ipv4Addr::new(192, 0, 2, 7));
    assert_eq!(ask(dns, "web.apps.example.org").unwrap(), address, "{said}");
}

/// A certificate authority, a server for `localhost` and a client for `agent.test`.
fn make_certificates(folder: &Path) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.distinguished_name
        .push(rcgen::DnType::CommonName, "authority of the test");
    let certificate = ca.self_signed(&ca_key).unwrap();
    fs::write(folder.join("ca.pem"), certificate.pem()).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    for (name, cert, key) in [
        ("localhost", "cert.pem", "key.pem"),
        ("agent.test", "agent.pem", "agent-key.pem"),
    ] {
        let pair = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let issued = params.signed_by(&pair, &issuer).unwrap();
        fs::write(folder.join(cert), issued.pem()).unwrap();
        fs::write(folder.join(key), pair.serialize_pem()).unwrap();
    }
}

#[test]
fn blocks_that_cannot_be_told_apart_at_one_address_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (dns, api) = (free_port(), free_port());
    make_certificates(folder.path());
    let block = |key: &str, zone: &str, properties: &str| {
        format!("{key} {{\ndynapi {zone} {{\nlisten 127.0.0.1:{api}\n{properties}\n}}\n}}\n")
    };
    let refused = |second: String| {
        let corefile = block("example.org", "", "file one.redb") + &second;
        fs::write(folder.path().join("Corefile"), corefile).unwrap();
        let mut server = Server::start(folder.path(), "Corefile", dns);
        server.started().err()
    };
    let same = refused(block("a.example.org", "example.org", "file two.redb")).unwrap();
    assert!(same.contains("serve example.org. at 127.0.0.1"), "{same}");
    let tls = refused(block("example.net", "", "tls cert.pem key.pem")).unwrap();
    assert!(tls.contains("with different 'tls'"), "{tls}");
    assert_eq!(refused(block("example.net", "", "file two.redb")), None);
}

#[test]
fn a_zone_is_carried_out_and_in_by_the_command_line() {
    let place = Place::new("ns ns1.example.org");
    let _server = place.start();
    let address = Ipv4Addr::new(192, 0, 2, 1);
    assert_eq!(put(place.api, "a", address).unwrap().0, 200);
    let url = format!("http://127.0.0.1:{}", place.api);
    let zone = |args: &[&str], input: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_catena"));
        command
            .arg("zone")
            .args(args)
            .current_dir(place.folder.path());
        command.args(["--dynapi", &url, "--tokenfile", "token"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        let mut stdin = running.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = running.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (status, text) = zone(&["export", "example.org"], "");
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("a.example.org.\t300\tIN\tA\t192.0.2.1\n"),
        "{text}"
    );
    let changed = text.replace("192.0.2.1", "192.0.2.7");
    let (status, told) = zone(&["import", "example.org"], &changed);
    assert_eq!(status, Some(0), "{told}");
    assert!(
        told.starts_with("example.org.: 2 names written, serial "),
        "{told}"
    );
    assert_eq!(
        ask(place.dns, "a.example.org").unwrap(),
        Some(Ipv4Addr::new(192, 0, 2, 7))
    );
    fs::write(place.folder.path().join("broken.txt"), "a A nonsense\n").unwrap();
    let (status, told) = zone(&["import", "example.org", "broken.txt"], "");
    assert_eq!(status, Some(1));
    assert!(told.starts_with("422 Unprocessable Entity: "), "{told}");
    let (status, told) = zone(&["export", "example.net"], "");
    assert_eq!(
        (status, told.contains("404 Not Found")),
        (Some(1), true),
        "{told}"
    );
    assert_eq!(zone(&["export"], "").0, Some(2));
}
