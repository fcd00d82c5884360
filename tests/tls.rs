//! DNS over TLS out of the built binary: kdig, nsupdate, clients that mean harm, and reloads.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use catena_dns::{Message, Name, RecordType};

use crate::client::{Connection, ask, query};
use crate::programs::have;
use crate::server::{Server, free_port};

const ADDRESS: Option<Ipv4Addr> = Some(Ipv4Addr::new(192, 0, 2, 1));
const KEY: &str = "updater.test.";
const SECRET: &str = "c2VjcmV0LXRlc3Qta2V5LW9uZQ==";

/// A server whose blocks are served in plain text on one port and over TLS on another.
struct Place {
    folder: tempfile::TempDir,
    dns: u16,
    tls: u16,
}

impl Place {
    /// Server blocks, each a zone and its directives, with a certificate.
    fn new(blocks: &[(&str, &str)]) -> Place {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
            dns: free_port(),
            tls: free_port(),
        };
        place.issue("cert.pem", "key.pem");
        let blocks = blocks.iter().map(|(zone, directives)| {
            let tls = place.tls;
            format!("{zone} tls://{zone}:{tls} {{\ntls cert.pem key.pem\n{directives}\n}}\n")
        });
        fs::write(place.corefile(), blocks.collect::<String>()).unwrap();
        place
    }

    /// Writes a new certificate, which is its own issuer.
    fn issue(&self, certificate: &str, key: &str) {
        let names = vec!["localhost".to_owned()];
        let pair = rcgen::generate_simple_self_signed(names).unwrap();
        fs::write(self.path(certificate), pair.cert.pem()).unwrap();
        fs::write(self.path(key), pair.signing_key.serialize_pem()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn corefile(&self) -> PathBuf {
        self.path("Corefile")
    }

    fn start(&self) -> Server {
        let mut server = Server::start(self.folder.path(), "Corefile", self.dns);
        server.started().unwrap();
        server
    }

    /// The answer for `name` on a new connection.
    fn ask(&self, name: &str) -> Option<Ipv4Addr> {
        let mut connection = Connection::open_tls(self.tls, &self.path("cert.pem")).unwrap();
        connection.send(name, 9).unwrap();
        let (id, address) = connection.receive().unwrap();
        assert_eq!(id, 9);
        address
    }

    /// What kdig prints.
    fn kdig(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("kdig");
        command.args(["@127.0.0.1", "-p", &self.tls.to_string()]);
        command.arg(format!("+tls-ca={}", self.path("cert.pem").display()));
        command.args(["+tls-hostname=localhost"]).args(arguments);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }
}

const HOSTS: (&str, &str) = ("test", "hosts {\n192.0.2.1 a.test\n}");

#[test]
fn one_block_is_answered_over_udp_tcp_and_tls() {
    let place = Place::new(&[HOSTS, ("other.test", "whoami")]);
    let mut server = Server::start(place.folder.path(), "Corefile", place.dns);
    server
        .says(&format!("tls://other.test.:{}", place.tls))
        .unwrap();
    server.started().unwrap();
    assert_eq!(ask(place.dns, "a.test").unwrap(), ADDRESS);
    let mut plain = Connection::open(place.dns);
    plain.send("a.test", 1).unwrap();
    assert_eq!(plain.receive().unwrap(), (1, ADDRESS));
    let mut tls = Connection::open_tls(place.tls, &place.path("cert.pem")).unwrap();
    for id in 0..1000 {
        tls.send("a.test", id).unwrap();
    }
    for id in 0..1000 {
        assert_eq!(tls.receive().unwrap(), (id, ADDRESS));
    }
}

#[test]
fn kdig_checks_the_certificate_and_gets_a_whole_zone() {
    if !have("kdig", "knot-dnsutils") {
        return;
    }
    let zone = "tsig {\nsecret KEY SECRET\nrequire AXFR\n}\ntransfer {\nto *\n}\nfile zone";
    let zone = zone.replace("KEY", KEY).replace("SECRET", SECRET);
    let place = Place::new(&[("test", &zone)]);
    let mut text = String::from("$TTL 60\n@ SOA ns h 7 1 2 3 4\n@ NS ns\nns A 192.0.2.53\n");
    for number in 0..5000 {
        text.push_str(&format!("host-{number} A 192.0.2.1\n"));
    }
    fs::write(place.path("zone"), text).unwrap();
    let _server = place.start();
    let answer = place.kdig(&["host-7.test", "+short"]);
    assert_eq!(answer.trim(), "192.0.2.1");
    let unsigned = place.kdig(&["AXFR", "test"]);
    assert!(!unsigned.contains("host-1"), "{unsigned}");
    let key = format!("hmac-sha256:{KEY}:{SECRET}");
    let zone = place.kdig(&["AXFR", "test", "-y", &key]);
    assert_eq!(zone.matches("host-").count(), 5000);
    let wrong = format!("hmac-sha256:{KEY}:d3Jvbmctc2VjcmV0");
    let refused = place.kdig(&["SOA", "test", "-y", &wrong]);
    assert!(refused.contains("BADSIG"), "{refused}");
}

/// Passes what a program without TLS says on to the port `tls`; the port of its own.
fn relay(tls: u16, ca: &Path) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (port, ca) = (listener.local_addr().unwrap().port(), ca.to_owned());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = Connection::over(client.unwrap());
            let mut server = Connection::open_tls(tls, &ca).unwrap();
            while let Ok(packet) = client.receive_packet() {
                server.send_packet(&packet).unwrap();
                client
                    .send_packet(&server.receive_packet().unwrap())
                    .unwrap();
            }
        }
    });
    port
}

/// Has nsupdate send `line` over TCP.
fn update(port: u16, secret: Option<&str>, zone: &str, line: &str) -> Output {
    let mut command = Command::new("nsupdate");
    command.arg("-v");
    if let Some(secret) = secret {
        command.args(["-y", &format!("hmac-sha256:{KEY}:{secret}")]);
    }
    let command = command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let script = format!("server 127.0.0.1 {port}\nzone {zone}\n{line}\nsend\n");
    let mut input = child.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    child.wait_with_output().unwrap()
}

#[test]
fn nsupdate_writes_over_tls_what_its_key_or_its_network_may() {
    if !have("nsupdate", "bind9-dnsutils") {
        return;
    }
    let signed = format!(
        "tsig {{\nsecret {KEY} {SECRET}\n}}\n\
         dynapi {{\nallow key:{KEY} all *.apps.signed.test A\n}}"
    );
    let open = "dynapi {\nallow net:127.0.0.0/8 all\n}";
    let place = Place::new(&[("signed.test", &signed), ("open.test", open)]);
    let _server = place.start();
    let port = relay(place.tls, &place.path("cert.pem"));
    let web = "update add web.apps.signed.test 60 A 192.0.2.1";
    let refusal = |secret, line| {
        let output = update(port, secret, "signed.test", line);
        assert!(!output.status.success(), "{line}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refusal(None, web).contains("REFUSED"));
    let forged = refusal(Some("d3Jvbmctc2VjcmV0"), web);
    assert!(forged.contains("NOTAUTH"), "{forged}");
    let outside = "update add web.signed.test 60 A 192.0.2.1";
    assert!(refusal(Some(SECRET), outside).contains("REFUSED"));
    let text = "update add web.apps.signed.test 60 TXT no";
    assert!(refusal(Some(SECRET), text).contains("REFUSED"));
    assert_eq!(place.ask("web.apps.signed.test"), None);

    assert!(
        update(port, Some(SECRET), "signed.test", web)
            .status
            .success()
    );
    assert_eq!(place.ask("web.apps.signed.test"), ADDRESS);
    assert_eq!(ask(place.dns, "web.apps.signed.test").unwrap(), ADDRESS);
    let delete = "update delete web.apps.signed.test A";
    assert!(
        update(port, Some(SECRET), "signed.test", delete)
            .status
            .success()
    );
    assert_eq!(place.ask("web.apps.signed.test"), None);

    let unsigned = "update add a.open.test 60 A 192.0.2.1";
    assert!(update(port, None, "open.test", unsigned).status.success());
    assert_eq!(place.ask("a.open.test"), ADDRESS);
}

#[test]
fn an_update_over_tls_is_not_implemented_where_nothing_takes_it() {
    let place = Place::new(&[HOSTS]);
    let _server = place.start();
    let name: Name = "test.".parse().unwrap();
    let mut packet = Message::query(name.view(), RecordType::SOA).to_packet();
    packet[2] = 5 << 3;
    let mut tls = Connection::open_tls(place.tls, &place.path("cert.pem")).unwrap();
    tls.send_packet(&packet).unwrap();
    let notimp = 4;
    assert_eq!(tls.receive_packet().unwrap()[3] & 15, notimp);
}

#[test]
fn slow_half_open_and_foreign_clients_of_the_tls_port_keep_nobody_out() {
    let place = Place::new(&[HOSTS]);
    let server = place.start();
    let before = server.mebibytes();
    let open = || TcpStream::connect((Ipv4Addr::LOCALHOST, place.tls)).unwrap();
    let mut crowd = Vec::new();
    for number in 0..600_u32 {
        let mut stream = open();
        let words: &[u8] = match number % 4 {
            // Nothing at all, and the head of a handshake that never comes.
            0 => &[],
            1 => &[22, 3, 1, 2, 0, 1, 0, 1, 252],
            2 => &[0xFF; 500],
            _ => b"GET /dns-query HTTP/1.1\r\n\r\n",
        };
        stream.write_all(words).unwrap();
        crowd.push(stream);
    }
    assert_eq!(place.ask("a.test"), ADDRESS);
    assert_eq!(ask(place.dns, "a.test").unwrap(), ADDRESS);
    let grown = server.mebibytes().saturating_sub(before);
    assert!(grown < 40, "{grown} MiB for 600 clients");

    // A query in plain text gets no answer, an alert at most.
    let mut plain = open();
    plain
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let packet = query("a.test", 3);
    let length = u16::try_from(packet.len()).unwrap();
    plain.write_all(&length.to_be_bytes()).unwrap();
    plain.write_all(&packet).unwrap();
    let mut said = Vec::new();
    let _reset = plain.read_to_end(&mut said);
    assert!(said.len() < 16, "{said:?}");

    // Those who said nothing are cut off, too.
    let mut silent = crowd.swap_remove(0);
    silent
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    assert!(matches!(silent.read(&mut [0; 16]), Ok(0)));
    assert_eq!(place.ask("a.test"), ADDRESS);
}

#[test]
fn a_reload_keeps_connections_and_shows_the_new_certificate() {
    let place = Place::new(&[HOSTS]);
    let mut server = place.start();
    let old = place.path("cert.pem");
    let mut before = Connection::open_tls(place.tls, &old).unwrap();
    before.send("a.test", 1).unwrap();
    assert_eq!(before.receive().unwrap(), (1, ADDRESS));
    place.issue("next.pem", "next-key.pem");
    let corefile = fs::read_to_string(place.corefile()).unwrap();
    let changed = corefile.replace("tls cert.pem key.pem", "tls next.pem next-key.pem");
    fs::write(place.corefile(), changed).unwrap();
    server.signal("USR1");
    server.says("Reloading complete").unwrap();
    before.send("a.test", 2).unwrap();
    assert_eq!(before.receive().unwrap(), (2, ADDRESS));
    assert!(Connection::open_tls(place.tls, &old).is_err());
    let mut after = Connection::open_tls(place.tls, &place.path("next.pem")).unwrap();
    after.send("a.test", 3).unwrap();
    assert_eq!(after.receive().unwrap(), (3, ADDRESS));

    // A certificate that is not there changes nothing.
    fs::write(place.corefile(), corefile.replace("cert.pem", "none.pem")).unwrap();
    server.signal("USR1");
    server
        .says("could not load TLS cert: open none.pem")
        .unwrap();
    after.send("a.test", 4).unwrap();
    assert_eq!(after.receive().unwrap(), (4, ADDRESS));
    assert!(Connection::open_tls(place.tls, &place.path("next.pem")).is_ok());
}

#[test]
fn a_certificate_that_is_exchanged_is_shown_without_a_reload() {
    let place = Place::new(&[HOSTS]);
    let mut server = place.start();
    place.issue("next.pem", "next-key.pem");
    fs::rename(place.path("next-key.pem"), place.path("key.pem")).unwrap();
    fs::copy(place.path("cert.pem"), place.path("old.pem")).unwrap();
    fs::rename(place.path("next.pem"), place.path("cert.pem")).unwrap();
    server.says("cert.pem has changed and is shown").unwrap();
    assert_eq!(place.ask("a.test"), ADDRESS);
    assert!(Connection::open_tls(place.tls, &place.path("old.pem")).is_err());
}

#[test]
fn a_block_without_a_certificate_is_served_in_plain_text_as_in_coredns() {
    let place = Place::new(&[HOSTS]);
    let corefile = fs::read_to_string(place.corefile()).unwrap();
    fs::write(
        place.corefile(),
        corefile.replace("tls cert.pem key.pem\n", ""),
    )
    .unwrap();
    let _server = place.start();
    let mut plain = Connection::open(place.tls);
    plain.send("a.test", 1).unwrap();
    assert_eq!(plain.receive().unwrap(), (1, ADDRESS));
}

#[test]
fn what_was_asked_over_tls_before_a_stop_is_answered() {
    let place = Place::new(&[HOSTS]);
    let mut server = place.start();
    let mut tls = Connection::open_tls(place.tls, &place.path("cert.pem")).unwrap();
    tls.send("a.test", 1).unwrap();
    server.signal("TERM");
    assert_eq!(tls.receive().unwrap(), (1, ADDRESS));
    let (status, _) = server.ended();
    assert!(status.success());
}
