//! Servers that share a real etcd.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use catena_dns::{Name, NameRef, RecordType};
use catena_etcd::skydns::Prefix;
use catena_etcd::{Client, ClientOptions, Txn, list};
use catena_plugin::clock::now;
use catena_records::{Ledger, LiveZone, NewZone, RecordSet, Refusal, Soa, Written};
use catena_testing::Etcd;
use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::time::{sleep, sleep_until, timeout};

use super::EtcdStore;

const LONG: Duration = Duration::from_secs(20);

fn name(text: &str) -> Name {
    Name::parse(text, NameRef::ROOT).unwrap()
}

fn options(etcd: &Etcd) -> ClientOptions {
    ClientOptions {
        endpoints: vec![catena_etcd::endpoint(&etcd.endpoint()).unwrap()],
        write_timeout: Duration::from_secs(1),
        ..ClientOptions::default()
    }
}

/// One server of `sky.test`.
struct Server {
    ledger: Arc<Ledger>,
    zone: Arc<LiveZone>,
}

impl Server {
    /// Starts one, and waits until it has loaded the zone.
    async fn start(etcd: &Etcd) -> Server {
        let store = EtcdStore::new(options(etcd), Prefix::default(), &Handle::current());
        let ledger = Ledger::open(Arc::new(store), &Handle::current());
        let zone = NewZone {
            origin: name("sky.test."),
            soa: Soa {
                mname: name("ns.dns.sky.test."),
                rname: name("hostmaster.sky.test."),
                timers: [7200, 1800, 86_400, 30],
                ttl: 300,
            },
            ns: set_of(RecordType::NS, &[name("ns.dns.sky.test.").wire()]),
            records_max: 100_000,
        };
        let zone = ledger.serve(vec![zone]).remove(0);
        until(|| zone.zone().is_some()).await;
        Server { ledger, zone }
    }

    /// The data of a set.
    fn data(&self, owner: &str, rtype: RecordType) -> Vec<Vec<u8>> {
        let zone = self.zone.zone();
        let Some(node) = zone.as_ref().unwrap().node(name(owner).view()) else {
            return Vec::new();
        };
        let records = node.records_of(rtype);
        let mut data: Vec<_> = records.map(|record| record.rdata().to_vec()).collect();
        data.sort();
        data
    }

    /// The addresses of a name, by their last octet.
    fn octets(&self, owner: &str) -> Vec<u8> {
        let data = self.data(owner, RecordType::A);
        data.iter()
            .filter_map(|rdata| rdata.last().copied())
            .collect()
    }

    async fn change(&self, owner: &str, rtype: RecordType, set: Option<RecordSet>) -> Outcome {
        let (owner, zone) = (name(owner), name("sky.test."));
        let change = self
            .ledger
            .change(zone.view(), move |draft| match set.clone() {
                Some(set) => draft.put(owner.view(), rtype, set),
                None => draft.remove(owner.view(), rtype),
            });
        change.await
    }

    async fn put(&self, owner: &str, octets: &[u8]) -> Outcome {
        self.change(owner, RecordType::A, addresses(octets)).await
    }

    /// Adds an address only if the name has `before`.
    async fn replace(&self, owner: &str, before: &[u8], after: &[u8]) -> Outcome {
        let (owner, before, after) = (name(owner), addresses(before), addresses(after));
        let zone = name("sky.test.");
        let change = self.ledger.change(zone.view(), move |draft| {
            if draft.set(owner.view(), RecordType::A) != before {
                return Err(Refusal::Condition(412, "it is another".to_owned()));
            }
            match after.clone() {
                Some(after) => draft.put(owner.view(), RecordType::A, after),
                None => draft.remove(owner.view(), RecordType::A),
            }
        });
        change.await
    }
}

type Outcome = Result<Written, Refusal>;

fn set_of(rtype: RecordType, data: &[&[u8]]) -> RecordSet {
    let data = data.iter().map(|rdata| (*rdata).into()).collect();
    RecordSet::new(rtype, 60, data).unwrap()
}

/// A set of addresses that end in `octets`; `None` for none.
fn addresses(octets: &[u8]) -> Option<RecordSet> {
    let data = octets.iter().map(|octet| [192, 0, 2, *octet].into());
    RecordSet::new(RecordType::A, 60, data.collect())
}

async fn until(is_so: impl Fn() -> bool) {
    let began = now();
    while !is_so() {
        assert!(began.elapsed() < LONG);
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn servers_follow_each_other_and_those_who_write_to_etcd() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let (one, two) = (Server::start(&etcd).await, Server::start(&etcd).await);
    one.put("www.sky.test.", &[1, 2]).await.unwrap();
    until(|| two.octets("www.sky.test.") == [1, 2]).await;
    two.put("www.sky.test.", &[2, 3]).await.unwrap();
    until(|| one.octets("www.sky.test.") == [2, 3]).await;
    let caa = set_of(RecordType::CAA, &[b"\0\x05issueca.test"]);
    let wanted = Some(caa.clone());
    one.change("www.sky.test.", RecordType::CAA, wanted)
        .await
        .unwrap();
    until(|| !two.data("www.sky.test.", RecordType::CAA).is_empty()).await;
    until(|| one.zone.mark().serial == two.zone.mark().serial).await;
    // As external-dns writes.
    let client = Client::new(options(&etcd), Handle::current());
    let key = "/skydns/test/sky/app/4a1d2c3b";
    let put = Txn::new().put(key, r#"{"host":"192.0.2.9","targetstrip":1}"#, 0);
    client.txn(put.as_request()).await.unwrap();
    until(|| one.octets("app.sky.test.") == [9] && two.octets("app.sky.test.") == [9]).await;
    // A server that comes later has all of it.
    let three = Server::start(&etcd).await;
    assert_eq!(three.octets("www.sky.test."), [2, 3]);
    assert_eq!(three.octets("app.sky.test."), [9]);
    one.put("app.sky.test.", &[]).await.unwrap();
    until(|| two.octets("app.sky.test.").is_empty()).await;
    let found = list(&client, key.as_bytes()).await.unwrap();
    assert!(found.0.is_empty());
}

#[tokio::test]
async fn of_changes_that_exclude_each_other_one_is_made() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let (one, two) = (Server::start(&etcd).await, Server::start(&etcd).await);
    for round in 1..20 {
        let owner = format!("n{round}.sky.test.");
        let (a, b) = tokio::join!(
            one.replace(&owner, &[], &[1]),
            two.replace(&owner, &[], &[2])
        );
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
        let wanted = if a.is_ok() { [1] } else { [2] };
        until(|| one.octets(&owner) == wanted && two.octets(&owner) == wanted).await;
        // An alias and an address exclude each other too.
        let owner = format!("x{round}.sky.test.");
        let alias = set_of(RecordType::CNAME, &[name("www.sky.test.").wire()]);
        let alias = one.change(&owner, RecordType::CNAME, Some(alias));
        let (a, b) = tokio::join!(alias, two.put(&owner, &[1]));
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    }
}

#[tokio::test]
async fn many_writers_lose_nothing() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let (one, two) = (Server::start(&etcd).await, Server::start(&etcd).await);
    let writes = (0..200u8).map(|at| {
        let server = if at % 2 == 0 { &one } else { &two };
        async move { server.put(&format!("h{}.sky.test.", at % 50), &[at]).await }
    });
    let written = join_all(writes).await;
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    until(|| one.zone.mark().serial == two.zone.mark().serial).await;
    for at in 0..50 {
        let owner = format!("h{at}.sky.test.");
        assert_eq!(one.octets(&owner), two.octets(&owner));
        assert_eq!(one.octets(&owner).len(), 1);
    }
}

#[tokio::test]
async fn answers_go_on_while_etcd_is_away_and_nothing_is_acknowledged() {
    let Some(mut etcd) = Etcd::start(&[]) else {
        return;
    };
    let server = Server::start(&etcd).await;
    server.put("a.sky.test.", &[1]).await.unwrap();
    etcd.stop();
    let refused = server.put("a.sky.test.", &[2]).await;
    assert!(
        matches!(refused, Err(Refusal::Unavailable(_))),
        "{refused:?}"
    );
    assert_eq!(server.octets("a.sky.test."), [1]);
    until(|| server.ledger.trouble().is_some()).await;
    etcd.restart();
    until(|| server.ledger.trouble().is_none()).await;
    server.put("a.sky.test.", &[3]).await.unwrap();
    // History that the watch has not seen is compacted while etcd is away for the server.
    let client = Client::new(options(&etcd), Handle::current());
    let put = Txn::new().put("/skydns/test/sky/b", r#"{"host":"192.0.2.4"}"#, 0);
    let done = client.txn(put.as_request()).await.unwrap();
    let revision = done.header.unwrap().revision;
    etcd.call("kv/compaction", &format!("{{\"revision\":{revision}}}"));
    until(|| server.octets("b.sky.test.") == [4]).await;
}

#[tokio::test]
async fn full_etcd_refuses_writes_and_answers_go_on() {
    let quota = ["--quota-backend-bytes", "2000000"];
    let Some(etcd) = Etcd::start(&quota) else {
        return;
    };
    let server = Server::start(&etcd).await;
    server.put("a.sky.test.", &[1]).await.unwrap();
    let client = Client::new(options(&etcd), Handle::current());
    for number in 0..100 {
        let put = Txn::new().put(format!("/other/{number}"), "z".repeat(100_000), 0);
        if client.txn(put.as_request()).await.is_err() {
            break;
        }
    }
    let refused = server.put("a.sky.test.", &[2]).await;
    assert!(matches!(&refused, Err(Refusal::Unavailable(why)) if why.contains("space")));
    assert_eq!(server.octets("a.sky.test."), [1]);
}

#[tokio::test]
async fn records_go_with_their_lease_everywhere() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let (one, two) = (Server::start(&etcd).await, Server::start(&etcd).await);
    let lease = one.ledger.begin_lease(2).await.unwrap();
    let mut set = addresses(&[1]).unwrap();
    set.lease = Some(lease);
    let wanted = Some(set);
    one.change("l.sky.test.", RecordType::A, wanted)
        .await
        .unwrap();
    until(|| two.octets("l.sky.test.") == [1]).await;
    assert_eq!(one.ledger.renew_lease(lease).await.unwrap(), 2);
    until(|| one.octets("l.sky.test.").is_empty() && two.octets("l.sky.test.").is_empty()).await;
}

/// Back of the envelope: a transaction syncs the disk once, 1 to 10 ms, and the watch takes 1 ms.
#[tokio::test]
async fn what_one_server_writes_all_answer_soon() {
    const EVERY: Duration = Duration::from_millis(2);
    let Some(etcd) = Etcd::start(&[]) else { return };
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Server::start(&etcd).await);
    }
    let begun = now();
    let writes = (0..500u32).zip(servers.iter().cycle()).map(|(at, writer)| {
        let servers = &servers;
        async move {
            sleep_until(begun + EVERY * at).await;
            let (owner, began) = (format!("h{at}.sky.test."), now());
            writer.put(&owner, &[1]).await.unwrap();
            for server in servers {
                let mut marks = server.zone.marks();
                while server.octets(&owner).is_empty() {
                    marks.changed().await.unwrap();
                }
            }
            began.elapsed()
        }
    });
    let mut took = timeout(LONG, join_all(writes)).await.unwrap();
    took.sort();
    let (median, p99) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    eprintln!("500 writes a second, answered by three servers: {median:?}, p99 {p99:?}");
    // On a machine that does other things too.
    assert!(p99 < Duration::from_secs(2), "{p99:?}");
}

/// A change: its revision, the serials before and after, and its edits, sorted.
type Told = (u64, [u32; 2], Vec<String>);

/// What a journal says from a serial on.
fn told(server: &Server, serial: u32) -> Option<Vec<Told>> {
    let entries = server.zone.changes_from(serial)?.into_iter();
    let told = entries.map(|entry| {
        let edits = entry.edits.iter().map(|edit| {
            let side = |set: &Option<RecordSet>| set.as_ref().map(|set| set.data.clone());
            let (before, after) = (side(&edit.before), side(&edit.after));
            format!("{} {before:?} {after:?}", edit.key.name)
        });
        let mut edits: Vec<String> = edits.collect();
        edits.sort();
        (entry.revision, [entry.from, entry.to], edits)
    });
    Some(told.collect())
}

#[tokio::test]
async fn who_follows_a_zone_goes_on_after_a_restart() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let server = Server::start(&etcd).await;
    let mut marks = vec![server.zone.mark()];
    for (owner, octets) in [
        ("a.sky.test.", [1].as_slice()),
        ("b.sky.test.", &[1, 2, 3]),
        ("b.sky.test.", &[2, 4]),
        ("c.sky.test.", &[9]),
        ("a.sky.test.", &[]),
    ] {
        server.put(owner, octets).await.unwrap();
        marks.push(server.zone.mark());
    }
    // What is not in the zone raises the revision of the store alone.
    let client = Client::new(options(&etcd), Handle::current());
    let put = Txn::new().put("/other", "x", 0);
    client.txn(put.as_request()).await.unwrap();
    let next = Server::start(&etcd).await;
    until(|| next.zone.mark() == server.zone.mark()).await;
    for mark in &marks[..5] {
        let journal = told(&server, mark.serial).unwrap();
        assert_eq!(told(&next, mark.serial).unwrap(), journal);
        let changes = next.zone.changes_after(mark.revision, 100).unwrap();
        assert_eq!(changes.len(), journal.len());
    }
    assert!(told(&next, 1).is_none(), "there was no zone then");
    // It goes on with what comes.
    server.put("d.sky.test.", &[5]).await.unwrap();
    until(|| next.zone.mark() == server.zone.mark()).await;
    assert_eq!(told(&next, marks[1].serial).unwrap().len(), 5);
}

#[tokio::test]
async fn what_is_compacted_is_not_known_after_a_restart() {
    let Some(etcd) = Etcd::start(&[]) else { return };
    let server = Server::start(&etcd).await;
    let mut marks = Vec::new();
    for octet in 1..6 {
        server.put("a.sky.test.", &[octet]).await.unwrap();
        marks.push(server.zone.mark());
    }
    let revision = marks[2].revision;
    etcd.call("kv/compaction", &format!("{{\"revision\":{revision}}}"));
    let next = Server::start(&etcd).await;
    until(|| next.zone.mark() == server.zone.mark()).await;
    assert_eq!(next.octets("a.sky.test."), [5]);
    for (at, mark) in marks.iter().enumerate() {
        let changes = next.zone.changes_after(mark.revision, 100);
        let known = (at >= 2).then_some(4 - at);
        assert_eq!(changes.map(|changes| changes.len()), known, "{at}");
    }
    assert!(told(&next, marks[1].serial).is_none());
    assert_eq!(told(&next, marks[3].serial).unwrap().len(), 1);
}
