//! cert-manager's DNS01 solver `rfc2136`, message by message.
//!
//! It looks for the zone by its SOA record, adds a TXT record of 60 s, looks for it, and deletes
//! that one record again: one UPDATE each, without prerequisites, signed.

use std::fs;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use catena_dns::tsig::{Algorithm, Asking, Key};
use catena_dns::{Class, Message, Name, Opcode, Rcode, Record, RecordType};

use crate::client::{exchange, exchange_tcp};
use crate::server::{Server, free_port};

const SECRET: &str = "NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk=";
const ZONE: &str = "apps.example.org.";
const CHALLENGE: &str = "_acme-challenge.www.apps.example.org.";
const TTL: u32 = 60;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// How one issuer is configured.
struct Solver {
    port: u16,
    algorithm: Algorithm,
    exchange: fn(u16, &[u8]) -> std::io::Result<Vec<u8>>,
}

impl Solver {
    fn present(&self, owner: &str, value: &str) -> Rcode {
        self.update(owner, (Class::IN, TTL), value)
    }

    fn clean_up(&self, owner: &str, value: &str) -> Rcode {
        self.update(owner, (Class::NONE, 0), value)
    }

    fn update(&self, owner: &str, (class, ttl): (Class, u32), value: &str) -> Rcode {
        let mut update = Message::query(name(ZONE).view(), RecordType::SOA);
        (update.id, update.flags) = (4711, u16::from(Opcode::UPDATE.0) << 11);
        let length = u8::try_from(value.len()).unwrap();
        update.authorities = vec![Record {
            name: name(owner),
            rtype: RecordType::TXT,
            class,
            ttl,
            rdata: [&[length], value.as_bytes()].concat().into(),
        }];
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let key = Arc::new(Key::parse(name("cert-manager.").view(), SECRET).unwrap());
        let mut packet = update.to_packet();
        let mut asking = Asking::sign(&mut packet, &key, self.algorithm, now.as_secs());
        let answer = (self.exchange)(self.port, &packet).unwrap();
        asking.check(&answer, now.as_secs()).unwrap();
        Message::decode(&answer).unwrap().rcode()
    }

    /// The texts at the name of the challenge.
    fn texts(&self) -> Vec<String> {
        let query = Message::query(name(CHALLENGE).view(), RecordType::TXT);
        let answer = exchange(self.port, &query.to_packet()).unwrap();
        let answers = Message::decode(&answer).unwrap().answers;
        let text = |record: &Record| String::from_utf8(record.rdata[1..].to_vec()).unwrap();
        answers.iter().map(text).collect()
    }

    /// The zone of the challenge: the first name on the way up that has an SOA record.
    fn zone(&self) -> String {
        let challenge = name(CHALLENGE);
        for name in challenge.view().ancestors() {
            let query = Message::query(name, RecordType::SOA).to_packet();
            let answer = Message::decode(&exchange(self.port, &query).unwrap()).unwrap();
            if answer.rcode() == Rcode::NXDOMAIN {
                continue;
            }
            assert_eq!(answer.rcode(), Rcode::NOERROR, "{name}");
            let mut answers = answer.answers.iter();
            if let Some(soa) = answers.find(|record| record.rtype == RecordType::SOA) {
                return soa.name.to_string();
            }
        }
        String::new()
    }
}

#[test]
fn cert_manager_presents_challenges_and_cleans_up() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let corefile = format!(
        "apps.example.org {{\nerrors\ntsig {{\nsecret cert-manager. {SECRET}\n}}\ndynapi {{\n\
         allow key:cert-manager. write,delete {CHALLENGE} TXT\n}}\n}}\n"
    );
    fs::write(folder.path().join("Corefile"), corefile).unwrap();
    let mut server = Server::start(folder.path(), "Corefile", port);
    server.started().unwrap();
    for algorithm in ["hmac-sha1", "hmac-sha256", "hmac-sha512"] {
        for exchange in [exchange, exchange_tcp] {
            let solver = Solver {
                port,
                algorithm: Algorithm::parse(algorithm).unwrap(),
                exchange,
            };
            assert_eq!(solver.zone(), ZONE);
            // A name and its wildcard have their challenges at one name.
            assert_eq!(solver.present(CHALLENGE, "one"), Rcode::NOERROR);
            assert_eq!(solver.present(CHALLENGE, "two"), Rcode::NOERROR);
            assert_eq!(solver.zone(), ZONE, "above a name without an SOA record");
            assert_eq!(solver.texts(), ["one", "two"]);
            assert_eq!(solver.clean_up(CHALLENGE, "one"), Rcode::NOERROR);
            assert_eq!(solver.texts(), ["two"]);
            for _again in 0..2 {
                assert_eq!(solver.clean_up(CHALLENGE, "two"), Rcode::NOERROR);
            }
            assert!(solver.texts().is_empty());
            let refused = solver.present("www.apps.example.org.", "one");
            assert_eq!(
                refused,
                Rcode::REFUSED,
                "the key may write challenges alone"
            );
        }
    }
}
