//! Durable writes a second, a restart with a million records, and what a look-up costs.
//!
//! Back of the envelope: a sync of the disk takes 0.2 to 2 ms, and a group of waiting changes
//! shares one, so 64 writers get 64 / 2 ms = 32,000 writes a second at most. A stored set is read
//! and shown in some 1 µs: a million of them in a second. A look-up in parts misses the cache
//! twice more than one in a single table: 20 % more of some 100 ns.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

use std::sync::Arc;
use std::time::Duration;

use catena_dns::{Name, RecordType};
use catena_index::Zone;
use catena_plugin::clock::now;
use catena_records::store::FileStore;
use catena_records::{Draft, Ledger, LiveZone, NewZone, RecordSet, Soa};

const RECORDS: u32 = 1_000_000;
const WRITERS: u32 = 64;
const TIME: Duration = Duration::from_secs(5);
const LOOKUPS: u32 = 2_000_000;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn address(number: u32) -> RecordSet {
    let data = vec![number.to_be_bytes().into()];
    RecordSet::new(RecordType::A, 60, data).unwrap()
}

fn new_zone() -> NewZone {
    let ns = name("ns1.example.org.");
    NewZone {
        origin: name("example.org."),
        soa: Soa {
            mname: ns.clone(),
            rname: name("hm.example.org."),
            timers: [1, 2, 3, 4],
            ttl: 60,
        },
        ns: RecordSet::new(RecordType::NS, 60, vec![ns.wire().into()]).unwrap(),
        records_max: usize::MAX,
    }
}

async fn open(path: &std::path::Path) -> (Arc<Ledger>, Arc<LiveZone>) {
    let store = FileStore::open(path).unwrap();
    let runtime = tokio::runtime::Handle::current();
    let ledger = Ledger::open(Arc::new(store), &runtime);
    let zone = ledger.serve(vec![new_zone()]).remove(0);
    let mut marks = zone.marks();
    marks.wait_for(|mark| mark.revision > 0).await.unwrap();
    (ledger, zone)
}

async fn put(ledger: &Ledger, first: u32, count: u32) {
    let change = move |draft: &mut Draft<'_>| {
        for number in first..first + count {
            let owner = name(&format!("host-{number}.example.org."));
            draft.put(owner.view(), RecordType::A, address(number))?;
        }
        Ok(())
    };
    ledger
        .change(name("example.org.").view(), change)
        .await
        .unwrap();
}

/// Writes of one record each, by writers that wait for each of theirs.
async fn storm(ledger: &Arc<Ledger>, what: &str) {
    let begun = now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let ledger = Arc::clone(ledger);
            tokio::runtime::Handle::current().spawn(async move {
                let (mut done, mut slowest) = (0u32, Duration::ZERO);
                while begun.elapsed() < TIME {
                    let started = now();
                    put(&ledger, 10_000_000 * (writer + 1) + done, 1).await;
                    slowest = slowest.max(started.elapsed());
                    done += 1;
                }
                (done, slowest)
            })
        })
        .collect();
    let (mut done, mut slowest) = (0, Duration::ZERO);
    for writer in writers {
        let (own, late) = writer.await.unwrap();
        (done, slowest) = (done + own, slowest.max(late));
    }
    let each = f64::from(done) / begun.elapsed().as_secs_f64();
    println!("{what}: {each:.0} durable writes/s, slowest {slowest:?}");
}

fn look_up(zone: &Zone, what: &str) {
    let names: Vec<Name> = (0..10_000)
        .map(|number| name(&format!("host-{}.example.org.", number * 97)))
        .collect();
    let begun = now();
    let mut found = 0u32;
    for number in 0..LOOKUPS {
        // A stride that jumps about.
        let place = usize::try_from(number.wrapping_mul(2_654_435_761) % 10_000).unwrap();
        found += u32::from(zone.node(names[place].view()).is_some());
    }
    assert_eq!(found, LOOKUPS);
    println!("{what}: {:?} a look-up", begun.elapsed() / LOOKUPS);
}

async fn measure(path: &std::path::Path) {
    let (ledger, zone) = open(path).await;
    storm(&ledger, "small zone").await;
    for first in (0..RECORDS).step_by(1000) {
        put(&ledger, first, 1000).await;
    }
    storm(&ledger, "1,000,000 records").await;
    look_up(zone.zone().as_ref().unwrap(), "as written");
    let records = zone.zone().as_ref().unwrap().record_count();
    drop((ledger, zone));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = now();
    let (ledger, zone) = open(path).await;
    println!("restart with {records} records: {:?}", begun.elapsed());
    look_up(zone.zone().as_ref().unwrap(), "after the restart");
    let begun = now();
    put(&ledger, 1_999_999_999, 1).await;
    println!("first write after it: {:?}", begun.elapsed());
}

fn main() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(&folder.path().join("db")));
}
